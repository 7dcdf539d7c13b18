//! Two questions about histories: may this message pass, and which of two histories stays.
//!
//! The consensus below adopts whoever it hears, and a replica of another history that is adopted is corrupted without
//! a word. So nothing reaches it that this fence has not accepted, and nothing here depends on what either side may
//! take back later: both sides of a meeting find the same answer on their own.

use core::cmp::Ordering;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::identity::{Lineage, Origin, ReplicaId};

/// What a member says of its history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct History {
    /// Which one, and how it was founded.
    pub(crate) origin: Origin,
    /// Whether a command of a user has ever been applied. Never goes back to no.
    pub(crate) has_commands: bool,
}

/// Where a replica stands with regard to histories. Part of what it tells its peers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// Belongs to none.
    Blank,
    /// Has promised itself to one that is not founded yet, and to no other.
    Pledged(Lineage),
    /// Has asked to be taken in, and holds nothing yet.
    Joining(Lineage),
    /// Belongs to it for as long as it lives.
    Member(History),
    /// Belongs to it, and has stopped for good because another one stays: its data is kept.
    Diverged(History),
}

impl Standing {
    /// The history that this replica is, or may become, part of.
    pub(crate) const fn lineage(&self) -> Option<Lineage> {
        match self {
            Self::Blank => None,
            Self::Pledged(lineage) | Self::Joining(lineage) => Some(*lineage),
            Self::Member(history) | Self::Diverged(history) => Some(history.origin.lineage),
        }
    }
}

/// Whom a message for the consensus is from and for. Stated once where a stream is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Address {
    /// The sender.
    pub(crate) from: ReplicaId,
    /// Whom the sender takes us for.
    pub(crate) to: ReplicaId,
    /// The history that both are part of, as the sender believes.
    pub(crate) lineage: Lineage,
}

/// What becomes of a message for the consensus. All but `Accept` go back to the sender as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// Hand it on.
    Accept,
    /// It is for a replica that this peer no longer is.
    WrongReplica {
        /// Which one it is now.
        mine: ReplicaId,
    },
    /// It is of another history.
    WrongLineage {
        /// Which one this replica is part of.
        mine: Lineage,
    },
    /// The sender was a member and was removed: it has to stop, and to come back as another replica.
    Removed,
    /// This replica belongs to no history: nobody can adopt it that it has not asked.
    Blank,
    /// This replica has stopped because another history stays.
    Diverged {
        /// The one that stays.
        winner: Lineage,
    },
}

/// Decides about a message for the consensus of the replica `me`.
///
/// `removed` tells whether a replica was once a member of this history and is not any more; `winner` is the history
/// that stays, if this replica has [diverged](Standing::Diverged).
///
/// A replica that is [pledged](Standing::Pledged) answers `Blank` even to its own future history: the message shows
/// that it was founded, which the founding has to be told first (`Event::Touched`), and then the message passes.
pub(crate) fn fence(
    me: ReplicaId,
    standing: &Standing,
    winner: Option<Lineage>,
    removed: impl FnOnce(&ReplicaId) -> bool,
    address: &Address,
) -> Verdict {
    if address.to != me {
        return Verdict::WrongReplica { mine: me };
    }
    let mine = match standing {
        Standing::Blank | Standing::Pledged(_) => return Verdict::Blank,
        Standing::Joining(lineage) => *lineage,
        Standing::Member(history) => history.origin.lineage,
        Standing::Diverged(history) => {
            let winner = winner.unwrap_or(history.origin.lineage);
            return Verdict::Diverged { winner };
        }
    };
    if address.lineage != mine {
        return Verdict::WrongLineage { mine };
    }
    // A replica under the same key as ours is one that we have been, or an impostor.
    if address.from.key() == me.key() || removed(&address.from) {
        return Verdict::Removed;
    }
    Verdict::Accept
}

/// What a member does about another history of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Meeting {
    /// It is the same one.
    Same,
    /// Goes on: the other one yields.
    Stay,
    /// Gives up its own, which is empty, and joins the other. An entry of its own log says so and takes effect only
    /// if no command came before it: so nothing is lost, and two histories never yield to each other.
    Yield,
    /// Stops and keeps its data: both have commands, or nobody of one side could live in the other.
    Fence,
}

/// Decides what a member of `mine` does about `theirs`.
///
/// In this order: the higher epoch stays; the one whose rule promises more, if that is why its members could not live
/// in the other; the one with commands; the older one.
pub(crate) fn meet(mine: &History, theirs: &History) -> Meeting {
    if mine.origin.lineage == theirs.origin.lineage {
        return Meeting::Same;
    }
    if precedence(mine, theirs).is_gt() {
        return Meeting::Stay;
    }
    if mine.has_commands || !mine.origin.rule.accepts(&theirs.origin.rule) {
        return Meeting::Fence;
    }
    Meeting::Yield
}

/// Greater is the one that stays; equal only to itself.
pub(crate) fn precedence(a: &History, b: &History) -> Ordering {
    let stricter = |a: &History, b: &History| !a.origin.rule.accepts(&b.origin.rule);
    a.origin
        .lineage
        .epoch
        .cmp(&b.origin.lineage.epoch)
        .then_with(|| stricter(a, b).cmp(&stricter(b, a)))
        .then_with(|| a.has_commands.cmp(&b.has_commands))
        .then_with(|| b.origin.lineage.id.cmp(&a.origin.lineage.id))
}

/// Two histories of one group, one of which had to stop.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Divergence {
    /// The history of this replica, which stops.
    pub(crate) mine: History,
    /// The history that goes on.
    pub(crate) winner: History,
    /// The member of it that was met.
    pub(crate) met: ReplicaId,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mine, winner) = (&self.mine.origin, &self.winner.origin);
        write!(
            f,
            "history {} ({}) stopped and keeps its data: {} belongs to {} ({}), which stays",
            mine.lineage, mine.rule, self.met, winner.lineage, winner.rule
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::identity::{LineageId, Rule};
    use crate::primitives::{Digest, decode, encode};
    use proptest::prelude::*;

    fn replica(number: u8) -> ReplicaId {
        ReplicaId::new(Digest::from_u8(number).into(), 1)
    }

    fn lineage(age: u8, epoch: u32) -> Lineage {
        Lineage {
            id: LineageId::from([age; 16]),
            epoch,
        }
    }

    fn history(age: u8, epoch: u32, rule: Rule, has_commands: bool) -> History {
        let lineage = lineage(age, epoch);
        History {
            origin: Origin { lineage, rule },
            has_commands,
        }
    }

    #[test]
    fn only_messages_of_the_same_history_for_this_replica_pass() {
        let (me, peer, gone) = (replica(1), replica(2), replica(3));
        let ours = lineage(1, 0);
        let member = Standing::Member(history(1, 0, Rule::Auto, true));
        let blank = Standing::Blank;
        let table = [
            (&member, peer, me, ours, Verdict::Accept),
            (&Standing::Joining(ours), peer, me, ours, Verdict::Accept),
            (
                &member,
                peer,
                me.renewed(),
                ours,
                Verdict::WrongReplica { mine: me },
            ),
            (
                &member,
                peer,
                me,
                lineage(2, 0),
                Verdict::WrongLineage { mine: ours },
            ),
            (
                &member,
                peer,
                me,
                lineage(1, 1),
                Verdict::WrongLineage { mine: ours },
            ),
            (&member, gone, me, ours, Verdict::Removed),
            (&member, me, me, ours, Verdict::Removed),
            (&member, me.renewed(), me, ours, Verdict::Removed),
            (&blank, peer, me, ours, Verdict::Blank),
            (&Standing::Pledged(ours), peer, me, ours, Verdict::Blank),
            (
                &Standing::Joining(ours),
                peer,
                me,
                lineage(2, 0),
                Verdict::WrongLineage { mine: ours },
            ),
        ];
        for (row, (standing, from, to, lineage, expected)) in table.into_iter().enumerate() {
            let address = Address { from, to, lineage };
            let verdict = fence(me, standing, None, |replica| *replica == gone, &address);
            assert_eq!(verdict, expected, "row {row}");
            assert_eq!(
                decode::<Verdict>(&encode(&verdict).unwrap()).unwrap(),
                verdict
            );
        }
        let diverged = Standing::Diverged(history(1, 0, Rule::Auto, true));
        let address = Address {
            from: peer,
            to: me,
            lineage: ours,
        };
        let winner = lineage(0, 0);
        assert_eq!(
            fence(me, &diverged, Some(winner), |_| false, &address),
            Verdict::Diverged { winner }
        );
    }

    #[test]
    fn which_of_two_histories_stays() {
        let auto = |age, has_commands| history(age, 0, Rule::Auto, has_commands);
        let strict = |age, has_commands| history(age, 0, Rule::Expect(3), has_commands);
        let named = |key| Rule::Founders([Digest::from_u8(key)].into());
        let table = [
            (
                "itself",
                auto(1, true),
                auto(1, false),
                Meeting::Same,
                Meeting::Same,
            ),
            (
                "both empty",
                auto(1, false),
                auto(2, false),
                Meeting::Stay,
                Meeting::Yield,
            ),
            (
                "older is empty",
                auto(1, false),
                auto(2, true),
                Meeting::Yield,
                Meeting::Stay,
            ),
            (
                "younger is empty",
                auto(1, true),
                auto(2, false),
                Meeting::Stay,
                Meeting::Yield,
            ),
            (
                "both full",
                auto(1, true),
                auto(2, true),
                Meeting::Stay,
                Meeting::Fence,
            ),
            (
                "epoch",
                history(1, 0, Rule::Auto, true),
                history(2, 1, Rule::Auto, false),
                Meeting::Fence,
                Meeting::Stay,
            ),
            (
                "strict meets auto",
                auto(1, false),
                strict(2, false),
                Meeting::Yield,
                Meeting::Stay,
            ),
            (
                "strict meets full auto",
                auto(1, true),
                strict(2, false),
                Meeting::Fence,
                Meeting::Stay,
            ),
            (
                "both strict",
                strict(1, false),
                strict(2, false),
                Meeting::Stay,
                Meeting::Yield,
            ),
            (
                "foreign founders",
                history(1, 0, named(1), false),
                history(2, 0, named(2), false),
                Meeting::Stay,
                Meeting::Fence,
            ),
        ];
        for (name, a, b, expected_a, expected_b) in table {
            assert_eq!(
                (meet(&a, &b), meet(&b, &a)),
                (expected_a, expected_b),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn exactly_one_of_two_stays(a in any_history(), b in any_history()) {
            let both = (meet(&a, &b), meet(&b, &a));
            if a.origin.lineage == b.origin.lineage {
                prop_assert_eq!(both, (Meeting::Same, Meeting::Same));
            } else {
                prop_assert_eq!([both.0, both.1].iter().filter(|meeting| **meeting == Meeting::Stay).count(), 1);
            }
            for (mine, meeting) in [(&a, both.0), (&b, both.1)] {
                prop_assert!(meeting != Meeting::Yield || !mine.has_commands);
            }
        }

        /// Each side may know an older state of the other: still not both give up.
        #[test]
        fn a_late_view_of_the_other_side_does_not_make_both_yield(a in any_history(), b in any_history()) {
            let empty = |history: &History| History { has_commands: false, ..history.clone() };
            for (seen_a, seen_b) in [(a.clone(), empty(&b)), (empty(&a), b.clone()), (empty(&a), empty(&b))] {
                let both = [meet(&a, &seen_b), meet(&b, &seen_a)];
                prop_assert!(both.contains(&Meeting::Stay) || both == [Meeting::Same; 2]);
            }
        }
    }

    fn any_history() -> impl Strategy<Value = History> {
        let rule = prop_oneof![
            Just(Rule::Auto),
            (1u8..=3).prop_map(Rule::Expect),
            (0u8..2).prop_map(|key| Rule::Founders([Digest::from_u8(key)].into())),
        ];
        (0u8..4, 0u32..2, rule, any::<bool>())
            .prop_map(|(age, epoch, rule, has_commands)| history(age, epoch, rule, has_commands))
            // The rule of a lineage never changes.
            .prop_map(|mut history| {
                if history.origin.lineage.id.as_bytes()[0] == 0 {
                    history.origin.rule = Rule::Auto;
                } else if history.origin.lineage.id.as_bytes()[0] == 1 {
                    history.origin.rule = Rule::Expect(2);
                }
                history
            })
    }
}
