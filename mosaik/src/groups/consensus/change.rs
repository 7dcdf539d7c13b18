//! Changes of who belongs to a group and who leads it. By the leader only.

use std::collections::BTreeSet;

use openraft::ChangeMembers;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{ChangeMembershipError, ClientWriteError, ForwardReason, RaftError};

use super::error::{ChangeError, TransferError};
use super::replica::Replica;
use super::types::Types;
use super::view::{MembersView, Role};
use crate::groups::identity::ReplicaId;
use crate::runtime::time;

type Change = ChangeMembers<ReplicaId, ()>;

/// What openraft does not allow now.
enum Refused {
    /// Another change comes first.
    Busy,
    Other(ChangeError),
}

impl Replica {
    /// Makes a replica a member that listens. It is fed from then on.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub(in crate::groups) async fn add_learner(
        &self,
        learner: ReplicaId,
    ) -> Result<(), ChangeError> {
        let known = |members: &MembersView| {
            members.voters.contains(&learner) || members.learners.contains(&learner)
        };
        self.change(known, |_| ChangeMembers::AddNodes([(learner, ())].into()))
            .await
    }

    /// Makes these the voters. The new ones must be members; those no longer named leave.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub(in crate::groups) async fn change_voters(
        &self,
        voters: BTreeSet<ReplicaId>,
    ) -> Result<(), ChangeError> {
        let same = |members: &MembersView| !members.joint && members.voters == voters;
        self.change(same, |_| ChangeMembers::ReplaceAllVoters(voters.clone()))
            .await
    }

    /// Makes a replica leave, voter or learner. The leader may remove itself: it leads a little
    /// longer, and then hands over.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub(in crate::groups) async fn remove(&self, member: ReplicaId) -> Result<(), ChangeError> {
        let gone = |members: &MembersView| {
            !members.voters.contains(&member) && !members.learners.contains(&member)
        };
        self.change(gone, |members| {
            if members.voters.contains(&member) {
                ChangeMembers::RemoveVoters([member].into())
            } else {
                ChangeMembers::RemoveNodes([member].into())
            }
        })
        .await
    }

    /// One change after the other, each on what the one before left.
    async fn change(
        &self,
        done: impl Fn(&MembersView) -> bool,
        change: impl Fn(&MembersView) -> Change,
    ) -> Result<(), ChangeError> {
        let begun = core::sync::atomic::AtomicBool::new(false);
        let changing = async {
            let _turn = self.0.changing.lock().await;
            loop {
                let members = self.members();
                if members.committed && done(&members) && self.watch().borrow().is_leader() {
                    return Ok(());
                }
                self.ensure_voter()?;
                begun.store(true, core::sync::atomic::Ordering::Relaxed);
                let outcome = self.0.raft.change_membership(change(&members), false).await;
                match outcome.map_err(|error| self.change_error(error)) {
                    Ok(_) => return Ok(()),
                    Err(Refused::Other(error)) => return Err(error),
                    Err(Refused::Busy) => {
                        begun.store(false, core::sync::atomic::Ordering::Relaxed);
                        self.members_settled().await?;
                    }
                }
            }
        };
        match time::timeout(self.0.timings.change_deadline, changing).await {
            Ok(outcome) => outcome,
            Err(_) if begun.into_inner() => Err(ChangeError::Unknown),
            Err(_) => Err(ChangeError::InProgress),
        }
    }

    fn members(&self) -> std::sync::Arc<MembersView> {
        self.watch().borrow().members.clone()
    }

    /// A leader that has removed itself leads a little longer. It changes nothing any more: openraft does not bear it.
    fn ensure_voter(&self) -> Result<(), ChangeError> {
        let metrics = self.0.raft.metrics();
        let metrics = metrics.borrow_watched();
        let mut voters = metrics.membership_config.voter_ids();
        if voters.any(|voter| voter == self.0.id) {
            return Ok(());
        }
        let another = |leader: &ReplicaId| *leader != self.0.id;
        Err(ChangeError::NotLeader {
            leader: metrics.current_leader.filter(another),
        })
    }

    /// Waits until something happens after which a change may be allowed.
    async fn members_settled(&self) -> Result<(), ChangeError> {
        let mut metrics = self.0.raft.metrics();
        let before = metrics.borrow_and_update().last_applied;
        loop {
            tokio::select! {
                changed = metrics.changed() => if changed.is_err() {
                    return Err(self.0.health.failed().await.into());
                },
                reason = self.0.health.failed() => return Err(reason.into()),
            }
            let now = metrics.borrow_and_update();
            let settled = now.membership_config == now.committed_membership_config;
            if settled && now.last_applied != before || !now.state.is_leader() {
                return Ok(());
            }
        }
    }

    fn change_error(&self, error: RaftError<Types, ClientWriteError<Types>>) -> Refused {
        Refused::Other(match error {
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
                match forward.reason {
                    ForwardReason::LeaseExpired => ChangeError::NoQuorum,
                    _ => ChangeError::NotLeader {
                        leader: forward.leader_id,
                    },
                }
            }
            RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => ChangeError::Unknown,
            RaftError::APIError(ClientWriteError::PreconditionFailed(_)) => return Refused::Busy,
            RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => match error {
                ChangeMembershipError::InProgress(_)
                | ChangeMembershipError::UncommittedLeaderLog(_) => return Refused::Busy,
                refused => ChangeError::Refused(refused.to_string()),
            },
            RaftError::Fatal(fatal) => self.stopped(&fatal).into(),
        })
    }

    /// Hands the lead to another voter, and waits until that leads.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub(in crate::groups) async fn transfer_leader(
        &self,
        to: ReplicaId,
    ) -> Result<(), TransferError> {
        let mut view = self.watch();
        {
            let now = view.borrow_and_update();
            if now.leader == Some(to) {
                return Ok(());
            }
            if !now.is_leader() {
                return Err(TransferError::NotLeader);
            }
            if !now.members.voters.contains(&to) {
                return Err(TransferError::NotVoter);
            }
        }
        let asked = self.0.raft.trigger().transfer_leader(to).await;
        asked.map_err(|fatal| self.stopped(&fatal))?;
        let handed_over = view.wait_for(|view| {
            view.leader == Some(to) && view.role != Role::Leader || view.running.is_err()
        });
        let outcome = time::timeout(self.0.timings.change_deadline, handed_over).await;
        // The borrow of the view must not live on: it cannot move between threads.
        match outcome.map(|view| view.map(|view| view.running.clone())) {
            Ok(Ok(running)) => Ok(running?),
            Ok(Err(_)) => Err(self.0.health.failed().await.into()),
            Err(_) => Err(TransferError::Deadline),
        }
    }
}
