//! How a group comes into being: exactly one history, without an operator.
//!
//! A replica that belongs to no history joins whoever reports one. Else it waits until discovery has settled; then the
//! candidate with the lowest rank asks all founders for an exclusive pledge, and founds once all of them have given
//! it. A pledge that comes to nothing is released after a while, and only as another replica: so nobody ever takes
//! part in two histories, and a history commits only with a majority of founders that take part.
//!
//! *Invariants*, which `model` checks for all orders of events with losses, crashes and cuts:
//! a replica takes part in at most one history; under [`Rule::Expect`] and [`Rule::Founders`] no two histories can
//! both commit while at most n + ⌊n / 2⌋ replicas have ever been there; under [`Rule::Auto`] replicas that stay
//! connected end in one history.
//!
//! # For the shell
//!
//! [`Founding`] has no clock, no tasks and no socket. Feed it what happens, execute what it returns *in order*, and
//! call it again at [`Founding::deadline`]:
//!
//! ```text
//! let mut founding = Founding::new(Settings { .. }, replica_id, now);
//! for action in founding.handle(now, utc_ms, Event::Tick) { execute(action) }
//! loop {
//!     let event = select! {
//!         hello or facts of a bonded peer   => Event::Peer(facts),      // facts() of the other side
//!         the bond to a peer is gone        => Event::BondDown(key),
//!         offers of the group in catalog    => Event::Candidates(keys), // all of them, whenever they change
//!         discovery has settled             => Event::DiscoverySettled,
//!         message of a bonded peer          => Event::Message { from, to, message },
//!         raft message while not a member   => Event::Touched(lineage), // then ask the fence again
//!         first command applied             => Event::HasCommands,
//!         membership changed                => Event::Voters(voters),
//!         seal of an empty history applied  => Event::Sealed,
//!         own removal applied, or heard of  => Event::Removed,
//!         sleep_until(founding.deadline())  => Event::Tick,
//!     };
//!     for action in founding.handle(now, utc_ms, event) { execute(action) }
//!     status.set(founding.reason()); // one sentence
//!     fence.set(founding.me(), founding.standing(), founding.divergence());
//! }
//! ```
//!
//! `now` is the time since any fixed moment; it must never go back. Messages to one replica may be lost, repeated and
//! reordered.

use core::time::Duration;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::identity::{Formation, FormationError, Founders, Lineage, Origin, ReplicaId, Rule};
use super::lineage::{Divergence, Standing};
use crate::primitives::{Digest, GroupId};

mod advance;
mod nominate;
mod pledge;
mod reason;
mod state;

pub(crate) use reason::Reason;
pub(crate) use state::Founding;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// For how long a proposer waits for pledges. Well below [`RELEASE_AFTER`], which begins later and at another replica:
/// so whoever founds holds every pledge at that moment, for as long as clocks run within a factor of 4 of each other.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);

/// Before the next proposal after one that came to nothing: time to hear why.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Silence after which a pledged replica asks whether the history was founded, and asks again.
pub(crate) const QUERY_AFTER: Duration = Duration::from_secs(1);

/// Silence after which a pledge is released.
pub(crate) const RELEASE_AFTER: Duration = Duration::from_secs(5);

/// For how long one that has asked to be taken in waits for members to come back before it starts anew.
pub(crate) const ORPHAN_AFTER: Duration = Duration::from_secs(5);

/// Peers of which a replica keeps facts. More than any group bonds; the rest is not heard until others leave.
pub(crate) const PEERS_MAX: usize = 256;

/// Founders of a lineage under [`Rule::Auto`]: as many as vote in the long run.
pub(crate) const AUTO_FOUNDERS_MAX: usize = 5;

/// What never changes for one replica.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Settings {
    /// The group.
    pub(crate) group: GroupId,
    /// The rule of lineages that this replica helps to found.
    pub(crate) rule: Rule,
    /// Whether it founds at all.
    pub(crate) founds: bool,
    /// Whether it founds alone and at once.
    pub(crate) at_once: bool,
    /// How long to wait for candidates that are known but not bonded, and for discovery.
    pub(crate) bootstrap_delay: Duration,
}

impl Settings {
    /// For a formation; `observer` is a replica that never votes, and therefore never founds.
    ///
    /// # Errors
    ///
    /// As [`Formation::rule`].
    pub(crate) fn new(
        group: GroupId,
        formation: &Formation,
        observer: bool,
        bootstrap_delay: Duration,
    ) -> Result<Self, FormationError> {
        Ok(Self {
            group,
            rule: formation.rule()?,
            founds: !observer && *formation != Formation::JoinOnly,
            at_once: !observer && *formation == Formation::Now,
            bootstrap_delay,
        })
    }
}

/// What a replica tells everybody it is bonded with: at the beginning of a bond, and whenever it changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Who it is now. A peer whose replica changes has lost what the former one held.
    pub(crate) replica: ReplicaId,
    /// The rule that it founds by.
    pub(crate) rule: Rule,
    /// Whether it founds.
    pub(crate) founds: bool,
    /// Where it stands.
    pub(crate) standing: Standing,
    /// The lineage that it left last by an applied seal. That seal was committed, so a member of that lineage that
    /// missed it follows.
    pub(crate) sealed: Option<Lineage>,
    /// The lineage that it released its pledge to last: it has never taken part in it, and never will.
    pub(crate) released: Option<Lineage>,
}

/// What replicas say to each other while there is no history yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Asks for an exclusive promise: to take part in this lineage, with these founders, and in no other.
    Pledge {
        /// The lineage to be founded.
        origin: Origin,
        /// All of its founders, the proposer among them.
        founders: Founders,
    },
    /// Promises it.
    Grant {
        /// The lineage.
        lineage: Lineage,
    },
    /// Does not promise it.
    Refuse {
        /// The lineage.
        lineage: Lineage,
        /// Why.
        refusal: Refusal,
    },
    /// The lineage is founded, by everybody who was asked.
    Commit {
        /// The lineage.
        origin: Origin,
        /// Its first voters.
        founders: Founders,
    },
    /// The lineage will never be founded. Only its proposer can say so.
    Withdraw {
        /// The lineage.
        lineage: Lineage,
    },
    /// Asks whether the lineage was founded. Answered with `Commit`, `Withdraw`, or nothing.
    Query {
        /// The lineage.
        lineage: Lineage,
        /// Who wanted to found it.
        proposer: ReplicaId,
    },
}

/// Why a pledge is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// Is promised to, or part of, another history; or founds by another rule; or does not found.
    Taken(Facts),
    /// Knows a candidate that ranks before the proposer.
    Better(ReplicaId),
    /// The founders are not what the rule allows.
    Invalid,
}

/// What happens to a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time has passed.
    Tick,
    /// A bonded peer says this of itself: at the beginning of the bond, and whenever it changes.
    Peer(Facts),
    /// The bond to the peer with this key is gone.
    BondDown(Digest),
    /// These peers offer the group, as far as discovery knows, without this one. Replaces what was said before.
    Candidates(BTreeSet<Digest>),
    /// Discovery has found what there is to find.
    DiscoverySettled,
    /// A bonded peer says something.
    Message {
        /// Who it was when it said so.
        from: ReplicaId,
        /// Whom it takes this replica for.
        to: ReplicaId,
        /// What it says.
        message: Message,
    },
    /// A message for the consensus came, addressed to this replica and to this lineage, before this replica was a
    /// member. Have it handled before the message goes on.
    Touched(Lineage),
    /// The first command of a user was applied.
    HasCommands,
    /// The voters of the lineage are these, by a committed entry.
    Voters(BTreeSet<ReplicaId>),
    /// The lineage was sealed by an entry of its own log, while it was empty.
    Sealed,
    /// This replica is not a member of its lineage any more, and wants to be again.
    Removed,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// With durable storage: flush this before anything that follows.
    Record {
        /// Who this replica is.
        replica: ReplicaId,
        /// Where it stands.
        standing: Standing,
    },
    /// This replica is another one from now on, and blank: stop and drop what runs under the former name.
    Renew(ReplicaId),
    /// Tell all bonded peers.
    Announce(Facts),
    /// Send to one bonded peer.
    Send {
        /// Whom, as the message has to say.
        to: ReplicaId,
        /// What.
        message: Message,
    },
    /// Start the consensus and initialise it with exactly these voters.
    Found {
        /// The lineage.
        origin: Origin,
        /// Its first voters, this replica among them.
        founders: Founders,
    },
    /// Start the consensus without initialising it, and ask members, first this one, to be taken in.
    Join {
        /// The lineage.
        origin: Origin,
        /// Whom to ask. Asked again with another one when it goes.
        via: ReplicaId,
    },
    /// Propose the seal of the own lineage, which takes effect only if it is still empty when it is applied. Without
    /// a quorum there is no seal, and nothing else to do. Asked again at each new fact.
    Yield {
        /// The lineage that stays.
        to: Lineage,
    },
    /// Stop taking part, refuse commands, keep data.
    Fence(Divergence),
}
