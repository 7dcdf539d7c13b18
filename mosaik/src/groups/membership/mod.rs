//! Who votes: decided by the leader, one committed change at a time.
//!
//! Whoever asks is taken in as a learner, becomes a voter once it has caught up and stays so, and is removed when it
//! leaves or is gone. Two members both vote, so that no command is acknowledged with a single copy once there are two;
//! beyond that the number of voters is odd and at most [`VOTERS_MAX`]. Observers never vote.
//!
//! The shell asks [`next_change`] whenever anything in its [`View`] has changed and no change is under way, has the
//! consensus carry the answer out, and asks again. A change that failed is simply asked for again.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::ReplicaId;

mod health;
pub(crate) use health::{Health, Progress, Watch};

#[cfg(test)]
mod tests;

/// Voters of a group: a majority of five survives the loss of two, and more of them make each write wait longer.
pub(crate) const VOTERS_MAX: usize = 5;

/// Learners of a group: the leader feeds each of them, and with a hundred a write took ten times as long.
pub(crate) const LEARNERS_MAX: usize = 32;

/// What the leader knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// The leader.
    pub(crate) me: ReplicaId,
    /// By the last membership entry.
    pub(crate) voters: BTreeSet<ReplicaId>,
    /// By the last membership entry.
    pub(crate) learners: BTreeSet<ReplicaId>,
    /// Whether that entry is committed, and no change is under way.
    pub(crate) is_settled: bool,
    /// Whether a quorum has answered lately. Without one nothing is changed.
    pub(crate) has_quorum: bool,
    /// How the members are, without the leader; who is missing is not heard.
    pub(crate) health: BTreeMap<ReplicaId, Health>,
    /// Members and applicants that never vote.
    pub(crate) observers: BTreeSet<ReplicaId>,
    /// Who asks to be taken in.
    pub(crate) applicants: BTreeSet<ReplicaId>,
    /// Who asks to be let go; the leader itself may be among them.
    pub(crate) leaving: BTreeSet<ReplicaId>,
    /// Who was a member once: a replica comes back only as another one.
    pub(crate) former: BTreeSet<ReplicaId>,
    /// The founding rule's number of voters: no dead voter is removed without a replacement below it. 1 for `Auto`.
    pub(crate) voters_min: usize,
}

/// What the leader is to have the consensus do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Take in as a learner.
    AddLearner(ReplicaId),
    /// Let a learner go.
    RemoveLearner(ReplicaId),
    /// These are the voters. Whoever was one and is not among them leaves entirely.
    SetVoters(BTreeSet<ReplicaId>),
    /// Another voter leads from now on. It removes this one, which leaves.
    TransferLeader(ReplicaId),
}

/// The next change, if there is anything to change. Depends on nothing but the view.
pub(crate) fn next_change(view: &View) -> Option<Change> {
    if !view.is_settled || !view.has_quorum || !view.voters.contains(&view.me) {
        return None;
    }
    if view.leaving.contains(&view.me) {
        return view.hand_over();
    }
    view.let_go()
        .or_else(|| view.bury())
        .or_else(|| view.admit())
        .or_else(|| view.promote())
}

impl View {
    /// The leader leaves: another one has to lead first, and if there is none yet, one has to become a voter.
    fn hand_over(&self) -> Option<Change> {
        let ready = |id: &&ReplicaId| {
            **id != self.me && !self.leaving.contains(*id) && self.health_of(id).is_caught_up
        };
        if let Some(next) = self.voters.iter().find(ready) {
            return Some(Change::TransferLeader(*next));
        }
        let standby = self.standbys().next()?;
        let mut voters = self.voters.clone();
        voters.insert(standby);
        self.set_voters(voters)
    }

    /// Members that leave.
    fn let_go(&self) -> Option<Change> {
        let leaver = self.leaving.iter().find(|id| self.voters.contains(*id));
        if let Some(leaver) = leaver {
            return self.without(*leaver);
        }
        let learner = self.leaving.iter().find(|id| self.learners.contains(*id));
        learner.map(|id| Change::RemoveLearner(*id))
    }

    /// Members that are gone.
    fn bury(&self) -> Option<Change> {
        let is_dead = |id: &&ReplicaId| **id != self.me && self.health_of(id).is_dead;
        if let Some(dead) = self.voters.iter().find(is_dead) {
            let change = self.without(*dead);
            let keeps_enough = |change: &Change| match change {
                Change::SetVoters(voters) => voters.len() >= self.voters_min.min(self.voters.len()),
                _ => true,
            };
            if let Some(change) = change.filter(keeps_enough) {
                return Some(change);
            }
        }
        let learner = self.learners.iter().find(is_dead);
        learner.map(|id| Change::RemoveLearner(*id))
    }

    /// Those who ask to be taken in: first those that can vote one day.
    fn admit(&self) -> Option<Change> {
        if self.learners.len() >= LEARNERS_MAX {
            return None;
        }
        let is_new = |id: &&ReplicaId| {
            !self.voters.contains(*id)
                && !self.learners.contains(*id)
                && !self.former.contains(*id)
                && !self.leaving.contains(*id)
        };
        let applicants = || self.applicants.iter().filter(is_new);
        let writer = applicants().find(|id| !self.observers.contains(*id));
        let next = writer.or_else(|| applicants().next())?;
        Some(Change::AddLearner(*next))
    }

    /// Learners that have caught up.
    fn promote(&self) -> Option<Change> {
        let count = match self.voters.len() {
            // From one to two, to three, or from an even number to the odd one after it.
            1 | 2 => 1,
            count if count >= VOTERS_MAX => return None,
            count if count % 2 == 0 => 1,
            // A fourth one alone makes no majority safer.
            _ => 2,
        };
        let standbys: BTreeSet<_> = self.standbys().take(count).collect();
        if standbys.len() < count {
            return None;
        }
        self.set_voters(&self.voters | &standbys)
    }

    /// The voters without `id`, and with a standby in its place if there is one.
    fn without(&self, id: ReplicaId) -> Option<Change> {
        let mut voters = self.voters.clone();
        voters.remove(&id);
        voters.extend(self.standbys().next());
        self.set_voters(voters)
    }

    /// Only voters of which a majority is alive: a change must never be the last one.
    fn set_voters(&self, voters: BTreeSet<ReplicaId>) -> Option<Change> {
        let live = voters.iter().filter(|id| self.is_live(id)).count();
        (live > voters.len() / 2).then_some(Change::SetVoters(voters))
    }

    /// Learners that could vote now.
    fn standbys(&self) -> impl Iterator<Item = ReplicaId> {
        self.learners
            .iter()
            .filter(|id| !self.observers.contains(*id) && !self.leaving.contains(*id))
            .filter(|id| self.health_of(id).is_caught_up)
            .copied()
    }

    fn is_live(&self, id: &ReplicaId) -> bool {
        *id == self.me || self.health_of(id).is_live
    }

    fn health_of(&self, id: &ReplicaId) -> Health {
        self.health.get(id).copied().unwrap_or_default()
    }
}
