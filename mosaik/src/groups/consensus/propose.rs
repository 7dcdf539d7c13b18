//! Writes: into the queue in order, out of it with an outcome that says what is certain.

use core::future::Future;

use bytes::Bytes;
use openraft::RaftMetrics;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{ClientWriteError, ForwardReason};
use openraft::raft::ClientWriteResult;
use openraft::raft::responder::Responder;
use tokio::sync::oneshot;

use super::error::ProposeError;
use super::health::{Fatal, Health};
use super::replica::Replica;
use super::types::{Batch, LogId, Types};
use crate::runtime::time::{self, Duration};

/// How long the reason may take to be known after openraft dropped a write.
const REASON_DEADLINE: Duration = Duration::from_secs(2);

/// Where openraft leaves the outcome of a write. Whether anybody waits for it is not its business.
pub(super) struct Outcome<T>(oneshot::Sender<T>);

impl<T: Send + 'static> Responder<Types, T> for Outcome<T> {
    fn on_commit(&mut self, _: LogId) {}

    fn on_complete(self, outcome: T) {
        // An error means that nobody waits any longer.
        self.0.send(outcome).ok();
    }
}

impl Replica {
    /// Puts a batch into the log. Resolves when it is committed, and applied here.
    ///
    /// Batches proposed at the same time are written and sent together, in no certain order: see
    /// [`submit`](Replica::submit).
    ///
    /// # Errors
    /// See [`ProposeError`]: each kind says whether the batch can still be committed.
    #[cfg(test)]
    pub(in crate::groups) async fn propose(&self, batch: Bytes) -> Result<(), ProposeError> {
        self.submit(batch).await?.await
    }

    /// The first half of [`propose`](Replica::propose): resolves when the batch has its place in
    /// the queue, to a future of what becomes of it. Calls one after the other keep their order,
    /// without waiting for what becomes of the earlier ones.
    ///
    /// # Errors
    /// Those of [`propose`](Replica::propose) that are certain at once.
    pub(in crate::groups) async fn submit(
        &self,
        batch: Bytes,
    ) -> Result<impl Future<Output = Result<(), ProposeError>> + Send + use<>, ProposeError> {
        if let Some(reason) = self.0.health.reason() {
            return Err(reason.into());
        }
        self.quorum_heard().await;
        let (tx, rx) = oneshot::channel();
        let written = self.0.raft.write(Batch(batch)).responder(Outcome(tx)).await;
        written.map_err(|fatal| self.stopped(&fatal))?;
        let deadline = self.0.timings.propose_deadline;
        let (health, metrics) = (self.0.health.clone(), self.0.raft.metrics());
        Ok(async move {
            match time::timeout(deadline, rx).await {
                Ok(Ok(outcome)) => outcome_of(outcome, &metrics.borrow_watched()),
                Ok(Err(_)) => Err(dropped(&health).await),
                Err(_) => Err(ProposeError::Unknown),
            }
        })
    }

    /// Waits until a leader that was just elected has heard of a quorum that it is: openraft
    /// refuses writes until then. Not for longer than a leader would be believed.
    async fn quorum_heard(&self) {
        let mut metrics = self.0.raft.metrics();
        if !just_elected(&metrics.borrow_watched()) {
            return;
        }
        let heard = async {
            while just_elected(&metrics.borrow_and_update()) && metrics.changed().await.is_ok() {}
        };
        // Whoever waited in vain hears so from openraft.
        time::timeout(self.0.timings.failover() / 2, heard)
            .await
            .ok();
    }
}

/// Whether it leads, but no quorum has said yet that it hears it.
fn just_elected(metrics: &RaftMetrics<Types>) -> bool {
    metrics.state.is_leader()
        && metrics.last_quorum_acked.is_none()
        && metrics.membership_config.voter_ids().nth(1).is_some()
        && metrics.running_state.is_ok()
}

fn outcome_of(
    outcome: ClientWriteResult<Types>,
    now: &RaftMetrics<Types>,
) -> Result<(), ProposeError> {
    match outcome {
        Ok(_) => Ok(()),
        Err(ClientWriteError::ForwardToLeader(forward)) => Err(match forward.reason {
            // It was elected after we looked: the right one to ask, again.
            ForwardReason::LeaseExpired if just_elected(now) => ProposeError::NotLeader {
                leader: Some(now.id),
            },
            ForwardReason::LeaseExpired => ProposeError::NoQuorum,
            _ => ProposeError::NotLeader {
                leader: forward.leader_id,
            },
        }),
        // It was in the log of this replica. The others are of changes of members and of
        // conditions, neither of which this is.
        Err(_) => Err(ProposeError::Unknown),
    }
}

/// What to say of a write that openraft dropped without a word, as it does when it ends.
async fn dropped(health: &Health) -> ProposeError {
    let reason: Result<Fatal, _> = time::timeout(REASON_DEADLINE, health.failed()).await;
    reason.map_or(ProposeError::Unknown, ProposeError::Fatal)
}
