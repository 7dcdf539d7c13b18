//! How fast the consensus is in one process, beside openraft alone. For benches and tests only.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, ReadPolicy};

use super::applier::{Applier, Position};
use super::carrier::{Carrier, CarryError};
use super::config::{Limits, ReplicaConfig, Timings};
use super::health::Health;
use super::log::MemoryLog;
use super::machine::{Content, Machine};
use super::network::unreachable;
use super::replica::Replica;
use super::runtime;
use super::types::{Batch, Raft, Snapshot, Types, Vote};
use super::wire::{RaftReply, RaftRequest};
use crate::groups::identity::ReplicaId;
use crate::groups::{Checkpoint, RestoreError};
use crate::runtime::{Clock, Tasks, time};

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
    /// As in [`Limits`](super::Limits).
    pub(in crate::groups) append_window: usize,
    /// What a message takes, in milliseconds at least: the clock sees no less.
    pub(in crate::groups) one_way: Duration,
}

impl Setup {
    /// Messages that take no time.
    pub(in crate::groups) fn new(replicas: u64, in_flight: usize, run: Duration) -> Self {
        Self {
            replicas,
            in_flight,
            run,
            append_window: Limits::default().append_window,
            one_way: Duration::ZERO,
        }
    }
}

/// Writes through [`Replica`]s whose messages are encoded, as on a wire, but not sent anywhere.
pub(in crate::groups) async fn replicas(setup: Setup) -> Figures {
    let tasks = Tasks::root("bench");
    let hub = Hub::default();
    let founders: BTreeSet<ReplicaId> = (0..setup.replicas).map(id).collect();
    for id in &founders {
        let mut config = ReplicaConfig::new(*id, 1, tasks.clone());
        config.limits.append_window = setup.append_window;
        let port = Arc::new(Port(hub.clone(), *id, setup.one_way));
        let replica = Replica::start(config, Box::new(Nothing), port)
            .await
            .expect(ALIVE);
        hub.locked().insert(*id, replica);
    }
    let all: Vec<Replica> = hub.locked().values().cloned().collect();
    all[0].initialize(&founders).await.expect(ALIVE);
    let mut view = all[0].watch();
    view.wait_for(|view| view.leader.is_some() && view.committed.is_some())
        .await
        .expect(ALIVE);
    let leader = view.borrow().leader.expect(ALIVE);
    let leader = hub.locked()[&leader].clone();
    let figures = measure(setup, || {
        let leader = leader.clone();
        async move { leader.propose(batch()).await.expect(ALIVE) }
    })
    .await;
    for replica in &all {
        replica.shutdown().await;
    }
    hub.locked().clear();
    tasks.close(Duration::from_secs(1)).await;
    figures
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

type Hub = Table<Replica>;
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

/// Encodes and decodes as a wire would have it.
struct Port(Hub, ReplicaId, Duration);

impl Carrier for Port {
    fn call(
        &self,
        to: ReplicaId,
        request: RaftRequest,
        _: Duration,
    ) -> BoxFuture<'static, Result<RaftReply, CarryError>> {
        let (from, one_way) = (self.1, self.2);
        let replica = self.0.locked().get(&to).cloned();
        async move {
            let replica = replica.ok_or(CarryError::Unreachable)?;
            let lost = |_| CarryError::Unreachable;
            let request = request.encode().map_err(|_| CarryError::Unreachable)?;
            let request = RaftRequest::decode(&request).map_err(lost)?;
            pause(one_way).await;
            let reply = replica.serve(from, request).await;
            pause(one_way).await;
            let reply = reply.encode().map_err(|_| CarryError::Unreachable)?;
            RaftReply::decode(&reply).map_err(lost)
        }
        .boxed()
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        time::sleep(time).await;
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

    /// Figures of a debug build say little; that both run says something.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn both_run() {
        let run = Duration::from_millis(100);
        for count in [1, 3] {
            for in_flight in [1, 64] {
                let setup = Setup::new(count, in_flight, run);
                let ours = replicas(setup).await;
                let alone = openraft_alone(setup).await;
                assert!(ours.per_second > 10.0 && alone.per_second > 10.0);
                println!("{count} replicas, {in_flight} in flight: {ours:?}, alone {alone:?}");
            }
        }
    }
}
