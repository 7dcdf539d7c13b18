//! The task beside openraft's own: publishes the view, notices the end, keeps the log short.

use std::sync::{Arc, Weak};

use openraft::RaftMetrics;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft_rt::RecvError;
use tokio::sync::watch;

use super::config::Limits;
use super::health::{Fatal, Health};
use super::replica::{Inner, stopped};
use super::types::{Raft, Types};
use super::view::ReplicaView;
use crate::runtime::Clock;
use crate::runtime::time::{self, Duration};

/// Where the view is published, and where it is watched.
pub(super) fn view(
    raft: &Raft,
    health: &Health,
) -> (watch::Sender<ReplicaView>, watch::Receiver<ReplicaView>) {
    let metrics = raft.metrics();
    let view = ReplicaView::new(&metrics.borrow_watched(), health, None);
    watch::channel(view)
}

/// Runs until the replica ends. `limits` only if snapshots may replace the log.
pub(super) async fn run(
    replica: Weak<Inner>,
    view: watch::Sender<ReplicaView>,
    limits: Option<Limits>,
) {
    let Some((mut metrics, health)) = parts(&replica) else {
        return;
    };
    let mut compaction = limits.map(Compaction::new);
    loop {
        let (running, snapshot, purged) = {
            let now = metrics.borrow_and_update();
            let index = |id: Option<super::types::LogId>| id.map(|id| id.index);
            let new = ReplicaView::new(&now, &health, Some(&*view.borrow()));
            view.send_replace(new);
            (
                now.running_state.clone(),
                index(now.snapshot),
                index(now.purged),
            )
        };
        if let Err(fatal) = running {
            health.fail(stopped(&health, &fatal));
        }
        if let Some(reason) = health.reason() {
            view.send_modify(|view| view.running = Err(reason));
            return;
        }
        if let Some(replica) = replica.upgrade() {
            replica.sources.tidy(Clock::system().now());
        }
        let mut busy = false;
        if let (Some(compaction), Some(replica)) = (&mut compaction, replica.upgrade()) {
            let applied = view.borrow().applied;
            compaction.step(&replica, applied, snapshot, purged).await;
            busy = compaction.due(&replica);
        }
        tokio::select! {
            changed = next_change(&mut metrics, busy) => if changed.is_err() {
                // openraft's core is gone without a word.
                health.fail(match replica.upgrade() {
                    None => Fatal::Stopped,
                    Some(_) => Fatal::Failed { text: "core panicked".to_owned() },
                });
            },
            _ = health.failed() => {}
        }
    }
}

/// Under load something changes with every batch; nobody needs to see each, unless we are `busy`
/// with a log that is too long.
async fn next_change(metrics: &mut Metrics, busy: bool) -> Result<(), RecvError> {
    if !busy {
        time::sleep(VIEW_PAUSE).await;
    }
    metrics.changed().await
}

type Metrics = openraft_rt_tokio::TokioWatchReceiver<RaftMetrics<Types>>;

/// Least time between two views.
const VIEW_PAUSE: Duration = Duration::from_millis(1);

fn parts(replica: &Weak<Inner>) -> Option<(Metrics, Health)> {
    let replica = replica.upgrade()?;
    Some((replica.raft.metrics(), replica.health.clone()))
}

/// Keeps the log within its bytes.
struct Compaction {
    limits: Limits,
    /// A snapshot up to here at least was asked for.
    wanted: Option<u64>,
    /// The log up to here was told to go.
    purged: Option<u64>,
}

impl Compaction {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            wanted: None,
            purged: None,
        }
    }

    /// Whether the log is too long.
    fn due(&self, replica: &Inner) -> bool {
        replica.log.bytes() >= self.limits.log_bytes
    }

    async fn step(
        &mut self,
        replica: &Arc<Inner>,
        applied: Option<u64>,
        snapshot: Option<u64>,
        purged: Option<u64>,
    ) {
        if !self.due(replica) {
            return;
        }
        let trigger = replica.raft.trigger();
        if snapshot >= self.wanted && applied > snapshot {
            self.wanted = applied;
            // Of a replica that has stopped nothing is wanted.
            trigger.snapshot().await.ok();
            return;
        }
        // What the snapshot covers may go, but for the end of the log.
        let spare = replica.log.index_before_last(self.limits.log_bytes_kept);
        let upto = spare.min(snapshot);
        if let Some(index) = upto.filter(|_| upto > purged.max(self.purged)) {
            self.purged = upto;
            tracing::debug!(replica = %replica.id, index, "forgets the beginning of the log");
            trigger.purge_log(index).await.ok();
        }
    }
}
