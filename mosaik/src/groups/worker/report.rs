//! What a member says of itself to its users.

use std::collections::BTreeSet;

use super::{
    core::{Core, lock},
    driver::{Driver, public},
};
use crate::{
    groups::{
        Member, Role, Status, Term,
        consensus::{MembersView, ReplicaView},
        identity::ReplicaId,
    },
    primitives::PeerId,
};

impl Core {
    /// What this member is doing, and if it is not online, why.
    pub(in crate::groups) fn status(&self) -> Status {
        let active = self.active.borrow().clone();
        let replica = active
            .as_ref()
            .map(|active| active.replica.watch().borrow().clone());
        let stopped = self.stopped();
        let view = self.views().read(Clone::clone);
        let role = match (&stopped, &replica) {
            (Some(_), _) => Role::Stopped,
            (None, None) => Role::Forming,
            (None, Some(replica)) => Driver::role(replica),
        };
        let member = |id: &ReplicaId| Some(self.member(id, replica.as_ref()?, id.peer()?));
        let members = replica.as_ref().map(|replica| replica.members.clone());
        let members = members.unwrap_or_default();
        let why_offline = if let Some(stopped) = &stopped {
            Some(stopped.reason.clone())
        } else if view.is_online {
            None
        } else {
            Some(self.why_offline(replica.as_ref()))
        };
        Status {
            formation: self.config.formation().clone(),
            lineage: active.map(|active| public(active.lineage())),
            role,
            leader: view.leader,
            term: replica
                .as_ref()
                .map_or(Term::zero(), |replica| Term(replica.term)),
            committed: view.committed.value,
            log: view.log.value,
            quorum_margin: self.quorum(&members).map(|quorum| quorum.margin()),
            voters: members.voters.iter().filter_map(member).collect(),
            learners: members.learners.iter().filter_map(member).collect(),
            bonds_count: self.bonds().len(),
            refused: self.bonds().refused(self.clock.now()),
            is_online: view.is_online && stopped.is_none(),
            why_offline,
        }
    }

    fn member(&self, id: &ReplicaId, replica: &ReplicaView, peer: PeerId) -> Member {
        let follower = replica.followers.get(id);
        let now = self.clock.now();
        Member {
            peer,
            lag: follower.map(|follower| follower.lag_count),
            last_contact: follower
                .and_then(|follower| follower.heard)
                .map(|heard| now.saturating_duration_since(heard)),
            is_bonded: self.is_reached(&peer),
        }
    }

    fn is_reached(&self, peer: &PeerId) -> bool {
        *peer == self.local || self.bonds().contains(peer)
    }

    /// How near the voters are to where nothing can be decided; `None` before founding.
    fn quorum(&self, members: &MembersView) -> Option<Quorum> {
        let is_reached =
            |voter: &ReplicaId| voter.peer().is_some_and(|peer| self.is_reached(&peer));
        Quorum::scarcest(&members.deciding, is_reached)
    }

    fn why_offline(&self, replica: Option<&ReplicaView>) -> String {
        let Some(replica) = replica else {
            return lock(&self.place).reason.clone();
        };
        let Some(quorum) = self.quorum(&replica.members) else {
            return "waiting for the leader to take this member in".to_owned();
        };
        if quorum.margin() < 0 {
            let Quorum {
                voters,
                reached,
                needed,
            } = quorum;
            return format!(
                "no quorum: {reached} of {voters} voters are connected, {needed} are needed"
            );
        }
        match replica.leader {
            None => "there is no leader, an election is due".to_owned(),
            Some(leader) => format!("catching up with the leader {leader}"),
        }
    }
}

/// A set of voters, by how many of them it takes to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quorum {
    voters: usize,
    reached: usize,
    needed: usize,
}

impl Quorum {
    /// Of sets that all have to agree, the one that can spare the fewest.
    fn scarcest(
        deciding: &[BTreeSet<ReplicaId>],
        is_reached: impl Fn(&ReplicaId) -> bool,
    ) -> Option<Self> {
        let quorum = |voters: &BTreeSet<ReplicaId>| Self {
            voters: voters.len(),
            reached: voters.iter().filter(|voter| is_reached(voter)).count(),
            needed: voters.len() / 2 + 1,
        };
        let founded = deciding.iter().filter(|voters| !voters.is_empty());
        founded.map(quorum).min_by_key(Self::margin)
    }

    /// How many may fail before nothing can be decided; negative when nothing can.
    fn margin(&self) -> i64 {
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        count(self.reached) - count(self.needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u8]) -> BTreeSet<ReplicaId> {
        let replica = |number: &u8| ReplicaId::new([*number; 32], 1);
        numbers.iter().map(replica).collect()
    }

    #[test]
    fn while_voters_are_replaced_both_sets_must_be_able_to_decide() {
        let margin = |deciding: &[&[u8]], reached: &[u8]| {
            let deciding: Vec<_> = deciding.iter().map(|numbers| set(numbers)).collect();
            let reached = set(reached);
            let quorum = Quorum::scarcest(&deciding, |voter| reached.contains(voter));
            quorum.map(|quorum| quorum.margin())
        };
        assert_eq!(margin(&[], &[1]), None);
        assert_eq!(margin(&[&[]], &[1]), None);
        assert_eq!(margin(&[&[1]], &[1]), Some(0));
        assert_eq!(margin(&[&[1, 2]], &[1, 2]), Some(0));
        assert_eq!(margin(&[&[1, 2, 3]], &[1, 2, 3]), Some(1));
        assert_eq!(margin(&[&[1, 2, 3]], &[2, 3]), Some(0));
        assert_eq!(margin(&[&[1, 2, 3]], &[3]), Some(-1));
        // Neither of the two can be spared before the third counts, though all three are voters by then.
        assert_eq!(margin(&[&[1, 2], &[1, 2, 3]], &[1, 2, 3]), Some(0));
        assert_eq!(margin(&[&[1, 2], &[1, 2, 3]], &[2, 3]), Some(-1));
        assert_eq!(margin(&[&[1], &[1, 2, 3]], &[1, 2, 3]), Some(0));
    }
}
