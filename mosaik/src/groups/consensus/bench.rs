//! How fast openraft alone is in one process: what groups are held against. For benches only.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, ReadPolicy};

use super::applier::{Applier, Position};
use super::config::Timings;
use super::health::Health;
use super::log::MemoryLog;
use super::machine::{Content, Machine};
use super::network::unreachable;
use super::runtime;
use super::types::{Batch, Raft, Snapshot, Types, Vote};
use crate::groups::identity::ReplicaId;
use crate::groups::{Checkpoint, RestoreError};
use crate::runtime::{Clock, time};

/// What one run showed.
#[derive(Clone, Copy, Debug)]
pub(in crate::groups) struct Figures {
    /// Batches applied at the leader in a second.
    pub(in crate::groups) per_second: f64,
    /// Half of them took no longer.
    pub(in crate::groups) p50: Duration,
    /// All but one in a hundred took no longer.
    pub(in crate::groups) p99: Duration,
}

/// Bytes of a batch.
const BATCH_BYTES: usize = 64;

/// What the bench measures goes wrong only where the bench cannot go on.
const ALIVE: &str = "invariant: nothing ends the replicas of an idle process";

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(in crate::groups) struct Setup {
    /// How many replicas vote.
    pub(in crate::groups) replicas: u64,
    /// Writes under way at any time.
    pub(in crate::groups) in_flight: usize,
    /// For how long.
    pub(in crate::groups) run: Duration,
}

impl Setup {
    /// So many replicas and writes, for so long.
    pub(in crate::groups) fn new(replicas: u64, in_flight: usize, run: Duration) -> Self {
        Self {
            replicas,
            in_flight,
            run,
        }
    }
}

/// Writes by `client_write` of openraft with the same log, its replicas calling each other.
pub(in crate::groups) async fn openraft_alone(setup: Setup) -> Figures {
    let hub = Wired::default();
    let founders: BTreeSet<ReplicaId> = (0..setup.replicas).map(id).collect();
    for id in &founders {
        let settings = Timings::default().settings("bench").expect(ALIVE);
        let machine = Machine::new(Box::new(Nothing), Health::new());
        let wire = Wire(hub.clone(), *id);
        let raft = Raft::new(
            *id,
            Arc::new(settings),
            wire,
            MemoryLog::new(2 << 20),
            machine,
        );
        let raft = runtime::seeded(1, *id, Duration::ZERO, raft)
            .await
            .expect(ALIVE);
        hub.locked().insert(*id, raft);
    }
    let all: Vec<Raft> = hub.locked().values().cloned().collect();
    all[0].initialize(founders).await.expect(ALIVE);
    let leader = loop {
        if let Some(leader) = all[0].current_leader().await {
            let leader = hub.locked()[&leader].clone();
            if leader
                .get_read_linearizer(ReadPolicy::ReadIndex)
                .await
                .is_ok()
            {
                break leader;
            }
        }
        time::sleep(Duration::from_millis(10)).await;
    };
    let figures = measure(setup, || {
        let leader = leader.clone();
        async move {
            leader.client_write(Batch(batch())).await.expect(ALIVE);
        }
    })
    .await;
    for raft in &all {
        raft.shutdown().await.expect(ALIVE);
    }
    hub.locked().clear();
    figures
}

/// Keeps as many calls of `write` under way.
async fn measure<F>(setup: Setup, write: impl Fn() -> F) -> Figures
where
    F: Future<Output = ()>,
{
    let clock = Clock::system();
    let begin = clock.now();
    let mut took = Vec::new();
    let one = || {
        let write = write();
        async move {
            let begin = clock.now();
            write.await;
            clock.now() - begin
        }
    };
    let mut running: futures::stream::FuturesUnordered<_> =
        (0..setup.in_flight).map(|_| one()).collect();
    while let Some(one_took) = futures::StreamExt::next(&mut running).await {
        took.push(one_took);
        if clock.now() - begin < setup.run {
            running.push(one());
        }
    }
    let elapsed = clock.now() - begin;
    took.sort_unstable();
    Figures {
        per_second: took.len() as f64 / elapsed.as_secs_f64(),
        p50: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
    }
}

fn id(number: u64) -> ReplicaId {
    ReplicaId::new([7; 32], number)
}

fn batch() -> Bytes {
    Bytes::from_static(&[7; BATCH_BYTES])
}

/// A state without one.
struct Nothing;

impl Applier for Nothing {
    fn apply(&mut self, _: Position, _: &[u8]) {}

    fn checkpoint(&self) -> Box<dyn Checkpoint> {
        Box::new(Self)
    }

    fn restore(&mut self, _: &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError> {
        Ok(())
    }

    fn snapshots(&self) -> bool {
        true
    }
}

impl Checkpoint for Nothing {
    fn next_chunk(&mut self) -> Option<Bytes> {
        None
    }
}

/// Who is where.
struct Table<T>(Arc<Mutex<BTreeMap<ReplicaId, T>>>);

type Wired = Table<Raft>;

impl<T> Table<T> {
    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<ReplicaId, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Calls the other openraft.
struct Wire(Wired, ReplicaId);

impl Wire {
    fn to(&self) -> Result<Raft, RPCError<Types>> {
        let raft = self.0.locked().get(&self.1).cloned();
        raft.ok_or_else(|| unreachable("not there"))
    }
}

impl RaftNetworkFactory<Types> for Wire {
    type Network = Self;

    async fn new_client(&mut self, target: ReplicaId, (): &()) -> Self {
        Self(self.0.clone(), target)
    }
}

impl RaftNetworkV2<Types> for Wire {
    type SnapshotData = Content;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        self.to()?.append_entries(rpc).await.map_err(unreachable)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.to()?.vote(rpc).await.map_err(unreachable)
    }

    async fn full_snapshot(
        &mut self,
        _: Vote,
        _: Snapshot,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Err(StreamingError::Closed(ReplicationClosed::new(
            "no snapshots in a bench",
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of a debug build say little; that it runs says something.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn runs() {
        let run = Duration::from_millis(100);
        for count in [1, 3] {
            for in_flight in [1, 64] {
                let figures = openraft_alone(Setup::new(count, in_flight, run)).await;
                assert!(figures.per_second > 10.0);
                println!("{count} replicas, {in_flight} in flight: {figures:?}");
            }
        }
    }
}
