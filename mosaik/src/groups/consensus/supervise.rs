//! The task beside openraft's own: publishes the view, notices the end, keeps the log short.

use std::sync::{Arc, Weak};

use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors;
use tokio::sync::watch;

use super::config::Limits;
use super::health::{Fatal, Health};
use super::replica::{Inner, stopped};
use super::types::{Raft, Types};
use super::view::ReplicaView;

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
            let before = view.borrow().clone();
            view.send_replace(ReplicaView::new(&now, &health, Some(&before)));
            (
                now.running_state.clone(),
                index(now.snapshot),
                index(now.purged),
            )
        };
        if let Err(fatal) = running {
            health.fail(ended(&health, &fatal));
        }
        if let Some(reason) = health.reason() {
            view.send_modify(|view| view.running = Err(reason));
            return;
        }
        if let (Some(compaction), Some(replica)) = (&mut compaction, replica.upgrade()) {
            let applied = view.borrow().applied;
            compaction.step(&replica, applied, snapshot, purged).await;
        }
        tokio::select! {
            changed = metrics.changed() => if changed.is_err() {
                // openraft's core is gone without a word: it panicked, or all handles were dropped.
                health.fail(Fatal::Failed { text: "core is gone".to_owned() });
            },
            _ = health.failed() => {}
        }
    }
}

fn parts(
    replica: &Weak<Inner>,
) -> Option<(
    impl openraft::async_runtime::watch::WatchReceiver<
        openraft_rt_tokio::TokioWatch,
        openraft::RaftMetrics<Types>,
    >,
    Health,
)> {
    let replica = replica.upgrade()?;
    Some((replica.raft.metrics(), replica.health.clone()))
}

fn ended(health: &Health, fatal: &errors::Fatal<Types>) -> Fatal {
    stopped(health, fatal)
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

    async fn step(
        &mut self,
        replica: &Arc<Inner>,
        applied: Option<u64>,
        snapshot: Option<u64>,
        purged: Option<u64>,
    ) {
        if replica.log.bytes() < self.limits.log_bytes {
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
