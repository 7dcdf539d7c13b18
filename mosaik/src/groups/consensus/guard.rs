//! Who may say what to the consensus, which believes everybody: pure.
//!
//! Nothing here resists a voter that lies. A member that does not vote, and a peer that is no member, must not be taken
//! for a leader, must not unseat one, and must not make terms run out.

use super::view::MembersView;
use super::wire::Request;
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::Refused;
use crate::runtime::time::Duration;

/// What a replica knows when somebody speaks to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) members: &'a MembersView,
    /// Whom it follows, voter or not: a leader that removes itself leads until that is agreed on.
    pub(super) leader: Option<ReplicaId>,
    pub(super) term: u64,
    /// Since it last heard a leader that it may follow, or a quorum if it leads itself.
    pub(super) leaderless: Duration,
    /// After so long without a leader, one that it has not heard of as a voter may be one all the same: it may have
    /// missed the change that made it one, and be needed to elect it.
    pub(super) patience: Duration,
}

/// Terms that a message may be ahead of what is known here: more elections than there are seconds in a century, so that
/// nobody who was away is left out; and so few of all that there are that they cannot be used up.
const TERM_LEAP_MAX: u64 = 1 << 32;

/// Whether this may be said by that replica.
pub(super) fn judge(from: ReplicaId, request: &Request, known: Known<'_>) -> Result<(), Refused> {
    let term = match request {
        Request::Vote(ballot) | Request::PreVote(ballot) => ballot.term,
        Request::Append(append) => append.term,
        Request::Transfer(transfer) => transfer.term,
        Request::Fetch(fetch) => fetch.term,
        // Changes nothing here; who may read is judged where it is read.
        Request::Pull(_) => return Ok(()),
    };
    if is_leap(known.term, term) {
        return Err(Refused::Leap);
    }
    let is_blank = known.members.log_index.is_none();
    let may_lead = known.members.voters.contains(&from) || known.leader == Some(from);
    if is_blank || may_lead || known.leaderless > known.patience {
        Ok(())
    } else {
        Err(Refused::NoVoter)
    }
}

/// Whether nobody honest gets from one term to the other.
pub(super) const fn is_leap(known: u64, term: u64) -> bool {
    term > known.saturating_add(TERM_LEAP_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::consensus::wire::{Ballot, Point, Pull};

    const VOTER: ReplicaId = ReplicaId::new([1; 32], 1);
    const LEARNER: ReplicaId = ReplicaId::new([2; 32], 1);
    const STRANGER: ReplicaId = ReplicaId::new([3; 32], 1);

    fn members() -> MembersView {
        MembersView {
            log_index: Some(1),
            voters: [VOTER].into(),
            learners: [LEARNER].into(),
            ..MembersView::default()
        }
    }

    fn vote(term: u64) -> Request {
        Request::Vote(Ballot {
            term,
            last: None,
            transfer: true,
        })
    }

    #[test]
    fn only_voters_lead_while_one_does() {
        let members = members();
        let known = Known {
            members: &members,
            leader: Some(VOTER),
            term: 3,
            leaderless: Duration::from_secs(1),
            patience: Duration::from_secs(2),
        };
        assert_eq!(judge(VOTER, &vote(4), known), Ok(()));
        for other in [LEARNER, STRANGER] {
            assert_eq!(judge(other, &vote(4), known), Err(Refused::NoVoter));
            let least = Point { term: 1, index: 1 };
            let pull = Request::Pull(Pull {
                transfer: 1,
                least,
                offset: 0,
            });
            assert_eq!(judge(other, &pull, known), Ok(()));
            // The leader that has just removed itself.
            let removed = Known {
                leader: Some(other),
                ..known
            };
            assert_eq!(judge(other, &vote(4), removed), Ok(()));
            // Nobody leads: this replica may have missed who votes.
            let alone = Known {
                leaderless: Duration::from_secs(3),
                ..known
            };
            assert_eq!(judge(other, &vote(4), alone), Ok(()));
            let blank = MembersView::default();
            let blank = Known {
                members: &blank,
                ..known
            };
            assert_eq!(judge(other, &vote(4), blank), Ok(()));
        }
    }

    #[test]
    fn terms_cannot_be_used_up() {
        let members = members();
        let known = Known {
            members: &members,
            leader: None,
            term: 3,
            leaderless: Duration::MAX,
            patience: Duration::ZERO,
        };
        assert_eq!(judge(VOTER, &vote(3 + TERM_LEAP_MAX), known), Ok(()));
        for term in [4 + TERM_LEAP_MAX, (1 << 62) - 1, u64::MAX] {
            assert_eq!(judge(VOTER, &vote(term), known), Err(Refused::Leap));
        }
    }
}
