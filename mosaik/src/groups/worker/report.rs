//! What a member says of itself to its users.

use super::{
    core::{Core, lock},
    driver::{Driver, public},
};
use crate::{
    groups::{Member, Role, Status, Term, consensus::ReplicaView, identity::ReplicaId},
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
            quorum_margin: (!members.voters.is_empty()).then(|| self.margin(&members.voters)),
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

    /// How many voters may fail before nothing can be decided.
    fn margin<'a>(&self, voters: impl IntoIterator<Item = &'a ReplicaId, IntoIter: Clone>) -> i64 {
        let voters = voters.into_iter();
        let count = voters.clone().count();
        let reached = voters
            .filter(|voter| voter.peer().is_some_and(|peer| self.is_reached(&peer)))
            .count();
        let margin = |count| i64::try_from(count).unwrap_or(i64::MAX);
        margin(reached) - margin(count / 2 + 1)
    }

    fn why_offline(&self, replica: Option<&ReplicaView>) -> String {
        let Some(replica) = replica else {
            return lock(&self.place).reason.clone();
        };
        let voters = &replica.members.voters;
        if voters.is_empty() {
            return "waiting for the leader to take this member in".to_owned();
        }
        let needed = voters.len() / 2 + 1;
        let margin = self.margin(voters);
        if margin < 0 {
            let reached = i64::try_from(needed).unwrap_or(i64::MAX) + margin;
            return format!(
                "no quorum: {reached} of {} voters are connected, {needed} are needed",
                voters.len()
            );
        }
        match replica.leader {
            None => "there is no leader, an election is due".to_owned(),
            Some(leader) => format!("catching up with the leader {leader}"),
        }
    }
}
