//! Out of the group in good order: the others go on without a pause, and none of them waits for this member.

use std::{collections::BTreeSet, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    client::Failure,
    core::Active,
    driver::Driver,
    wire::{ASK_LEAVE, LeaderAnswer, encode_lineage},
};
use crate::{
    groups::{bonds::Lane, identity::ReplicaId},
    runtime::time,
};

impl Driver {
    /// Hands on leadership, is removed from the members, and says goodbye.
    pub(super) async fn leave(mut self) {
        let core = self.core.clone();
        self.retract();
        core.fail_all(&Failure::Terminated);
        self.change = None;
        let active = core.active.borrow().clone();
        if let Some(active) = active
            && time::timeout(REMOVED_WITHIN, self.be_removed(&active))
                .await
                .is_err()
        {
            tracing::debug!("left without having been removed from the members");
        }
        for tied in core.bonds().all() {
            tied.depart();
        }
        self.end_replica().await;
        let bonds = core.bonds().all();
        let ended = futures::future::join_all(bonds.iter().map(|tied| tied.ended()));
        // A bond that does not end is cut off with the tasks.
        let _ = time::timeout(BONDS_END_WITHIN, ended).await;
        core.views().update(|view| {
            view.leader = None;
            view.is_online = false;
            true
        });
    }

    async fn be_removed(&mut self, active: &Active) {
        let mut view = active.replica.watch();
        loop {
            let now = view.borrow_and_update().clone();
            let members = &now.members;
            let is_member =
                members.voters.contains(&active.id) || members.learners.contains(&active.id);
            let others = members.voters.len() + members.learners.len() - usize::from(is_member);
            if !is_member || others == 0 || now.running.is_err() {
                return;
            }
            let bonded = |replica: &&ReplicaId| {
                replica
                    .peer()
                    .is_some_and(|peer| self.core.bonds().contains(&peer))
            };
            if now.is_leader() {
                let heirs = members.voters.iter().filter(|voter| **voter != active.id);
                let heir = heirs.filter(bonded).max_by_key(|voter| {
                    now.followers
                        .get(*voter)
                        .and_then(|follower| follower.matched)
                });
                if let Some(heir) = heir {
                    let handed = active.replica.transfer_leader(*heir);
                    if !matches!(time::timeout(TRANSFER_WITHIN, handed).await, Ok(Ok(()))) {
                        // It says so itself when it cannot; the wait below is what keeps this from spinning.
                        let _ = active.replica.remove(active.id).await;
                    }
                } else if members.voters.len() == 1 {
                    // The only one that decides: a learner takes its place.
                    let voters: BTreeSet<ReplicaId> = members
                        .learners
                        .iter()
                        .filter(bonded)
                        .filter(|learner| self.wants_to_vote(learner))
                        .take(1)
                        .copied()
                        .collect();
                    if voters.is_empty() || active.replica.change_voters(voters).await.is_ok() {
                        return;
                    }
                } else {
                    return;
                }
            } else if let Some(leader) = now.leader
                && let Some(tied) = leader.peer().and_then(|peer| self.core.bonds().get(&peer))
            {
                let content = (leave_head(active), Bytes::new());
                let asked = tied.call(Lane::Control, ASK_LEAVE, content, TRANSFER_WITHIN);
                if let Ok(answer) = asked.await
                    && LeaderAnswer::decode(&answer) == LeaderAnswer::Done(0)
                {
                    return;
                }
            }
            time::sleep(ASK_AGAIN_AFTER).await;
        }
    }

    fn wants_to_vote(&self, replica: &ReplicaId) -> bool {
        self.present()
            .any(|card| card.facts.replica == *replica && !card.is_observer)
    }
}

fn leave_head(active: &Active) -> Bytes {
    let mut head = BytesMut::from(&encode_lineage(active.lineage())[..]);
    head.put_u64(active.id.incarnation());
    head.freeze()
}

/// A little more than an election takes: without the leader, another one has to be there first.
const REMOVED_WITHIN: Duration = Duration::from_millis(1_500);

const TRANSFER_WITHIN: Duration = Duration::from_millis(500);

const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

const BONDS_END_WITHIN: Duration = Duration::from_millis(300);
