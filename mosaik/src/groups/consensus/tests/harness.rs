//! A network in memory with cuts, a state that records, and groups made of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::groups::consensus::wire::{Reply, Request};
use crate::groups::consensus::{
    Applier, Carrier, CarryError, Lane, Position, ProposeError, RaftReply, RaftRequest, Replica,
    ReplicaConfig, ReplicaView,
};
use crate::groups::identity::ReplicaId;
use crate::groups::{Checkpoint, RestoreError};
use crate::runtime::time::{Duration, sleep, timeout};
use crate::runtime::{Rng, Tasks};

/// Longer than anything takes on a clock that jumps.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What a [`Recorder`] panics at.
pub(super) const POISON: &[u8] = b"poison";

/// Waits, but not for ever.
pub(super) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

pub(super) fn id(number: u64) -> ReplicaId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    ReplicaId::new(key, 1)
}

/// For openraft's own tests, which number their nodes.
impl From<u64> for ReplicaId {
    fn from(number: u64) -> Self {
        id(number)
    }
}

/// What was applied, in order. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    pub(super) state: Arc<Mutex<Vec<Bytes>>>,
    /// Whether the log may be replaced by checkpoints.
    pub(super) snapshots: bool,
    pub(super) restored: Arc<Mutex<u64>>,
}

impl Recorder {
    pub(super) fn state(&self) -> Vec<Bytes> {
        self.state.lock().unwrap().clone()
    }
}

impl Applier for Recorder {
    fn apply(&mut self, _: Position, batch: &[u8]) {
        assert!(batch != POISON, "poisoned batch");
        self.state
            .lock()
            .unwrap()
            .push(Bytes::copy_from_slice(batch));
    }

    fn checkpoint(&self) -> Box<dyn Checkpoint> {
        Box::new(Recorded(self.state().into_iter()))
    }

    fn restore(&mut self, chunks: &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError> {
        let state: Vec<Bytes> = chunks.collect();
        *self.state.lock().unwrap() = state;
        *self.restored.lock().unwrap() += 1;
        Ok(())
    }

    fn snapshots(&self) -> bool {
        self.snapshots
    }
}

struct Recorded(std::vec::IntoIter<Bytes>);

impl Checkpoint for Recorded {
    fn next_chunk(&mut self) -> Option<Bytes> {
        self.0.next()
    }
}

/// A network in memory. Clones are one network.
#[derive(Clone, Default)]
pub(super) struct Net(Arc<Mutex<Cables>>);

#[derive(Default)]
struct Cables {
    replicas: HashMap<ReplicaId, Replica>,
    cut: BTreeSet<(ReplicaId, ReplicaId)>,
    calls: BTreeMap<&'static str, u64>,
    /// Chance of delay and loss, once it is set.
    weather: Option<Weather>,
    /// Every so many-th piece of a snapshot arrives without its answer arriving.
    lose_parts: Option<u64>,
    /// Pieces asked for, by whom they were asked of.
    pulled: BTreeMap<ReplicaId, u64>,
    /// After so many pieces, who gives them is cut off from who asks.
    cut_after: Option<u64>,
    /// Who answers what it likes.
    liar: Option<(ReplicaId, Lie)>,
}

/// What a liar answers, if it does not answer what is so.
pub(super) type Lie = fn(&Request) -> Option<Reply>;

impl Net {
    pub(super) fn set_weather(&self, weather: Option<Weather>) {
        self.0.lock().unwrap().weather = weather;
    }

    fn fate(&self) -> Fate {
        let mut cables = self.0.lock().unwrap();
        let weather = cables.weather.as_mut();
        weather.map(Weather::fate).unwrap_or_default()
    }

    pub(super) fn lose_parts(&self, every: u64) {
        self.0.lock().unwrap().lose_parts = Some(every);
    }

    pub(super) fn cut_source_after(&self, pieces: u64) {
        self.0.lock().unwrap().cut_after = Some(pieces);
    }

    pub(super) fn set_liar(&self, liar: Option<(ReplicaId, Lie)>) {
        self.0.lock().unwrap().liar = liar;
    }

    fn lie(&self, to: ReplicaId, request: &Request) -> Option<RaftReply> {
        let lie = self.0.lock().unwrap().liar.filter(|(liar, _)| *liar == to);
        lie?.1(request).map(RaftReply)
    }

    /// Who gave pieces of snapshots, and how many.
    pub(super) fn pulled(&self) -> BTreeMap<ReplicaId, u64> {
        self.0.lock().unwrap().pulled.clone()
    }

    /// No message between these and all others, either way.
    pub(super) fn cut_off(&self, island: &[ReplicaId]) {
        let mut cables = self.0.lock().unwrap();
        let all: Vec<ReplicaId> = cables.replicas.keys().copied().collect();
        for other in all.iter().filter(|other| !island.contains(other)) {
            for one in island {
                cables.cut.insert((*one, *other));
                cables.cut.insert((*other, *one));
            }
        }
    }

    /// No message between any of these and the other, either way.
    pub(super) fn cut_between(&self, some: &[ReplicaId], other: ReplicaId) {
        let mut cables = self.0.lock().unwrap();
        for one in some {
            cables.cut.extend([(*one, other), (other, *one)]);
        }
    }

    pub(super) async fn heal(&self) {
        let replicas: Vec<Replica> = {
            let mut cables = self.0.lock().unwrap();
            cables.cut.clear();
            cables.replicas.values().cloned().collect()
        };
        for replica in &replicas {
            for peer in &replicas {
                replica.peer_back(peer.0.id).await;
            }
        }
    }

    pub(super) fn calls(&self, lane: &str) -> u64 {
        self.0.lock().unwrap().calls.get(lane).copied().unwrap_or(0)
    }

    fn attach(&self, replica: &Replica) {
        self.0
            .lock()
            .unwrap()
            .replicas
            .insert(replica.0.id, replica.clone());
    }

    fn detach(&self, id: ReplicaId) -> Option<Replica> {
        self.0.lock().unwrap().replicas.remove(&id)
    }

    fn reach(&self, from: ReplicaId, to: ReplicaId) -> Result<Replica, CarryError> {
        let cables = self.0.lock().unwrap();
        if cables.cut.contains(&(from, to)) {
            return Err(CarryError::Unreachable);
        }
        cables
            .replicas
            .get(&to)
            .cloned()
            .ok_or(CarryError::Unreachable)
    }

    /// Counts a call; whether its answer is lost.
    fn count(&self, lane: Lane, from: ReplicaId, to: ReplicaId) -> bool {
        let mut cables = self.0.lock().unwrap();
        if lane == Lane::Snapshot {
            *cables.pulled.entry(to).or_default() += 1;
            if let Some(left) = &mut cables.cut_after {
                *left -= 1;
                if *left == 0 {
                    cables.cut_after = None;
                    cables.cut.extend([(from, to), (to, from)]);
                }
            }
        }
        let name = match lane {
            Lane::Control => "control",
            Lane::Append => "append",
            Lane::Snapshot => "snapshot",
        };
        let calls = cables.calls.entry(name).or_default();
        *calls += 1;
        let calls = *calls;
        lane == Lane::Snapshot
            && cables
                .lose_parts
                .is_some_and(|every| calls.is_multiple_of(every))
    }
}

/// What happens to messages on a bad day.
pub(super) struct Weather {
    pub(super) rng: Rng,
    /// Each way.
    pub(super) delay_max: Duration,
    /// Of requests, and of replies.
    pub(super) loss: f64,
}

/// What happens to one call.
#[derive(Clone, Copy, Default)]
struct Fate {
    there: Duration,
    back: Duration,
    request_lost: bool,
    reply_lost: bool,
}

impl Weather {
    fn fate(&mut self) -> Fate {
        let mut delay = || self.delay_max.mul_f64(self.rng.unit_f64());
        let (there, back) = (delay(), delay());
        Fate {
            there,
            back,
            request_lost: self.rng.unit_f64() < self.loss,
            reply_lost: self.rng.unit_f64() < self.loss,
        }
    }
}

/// Where a replica is plugged in.
struct Port {
    net: Net,
    id: ReplicaId,
}

impl Carrier for Port {
    fn call(
        &self,
        to: ReplicaId,
        request: RaftRequest,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<RaftReply, CarryError>> {
        let (net, from) = (self.net.clone(), self.id);
        let calling = async move {
            let replica = net.reach(from, to)?;
            let fate = net.fate();
            let lost = net.count(request.lane(), from, to);
            let bytes = request.encode().unwrap();
            if !fate.there.is_zero() {
                sleep(fate.there).await;
            }
            if fate.request_lost {
                sleep(deadline).await;
            }
            let request = RaftRequest::decode(&bytes).unwrap();
            let reply = match net.lie(to, &request.request) {
                Some(lie) => lie,
                None => replica.serve(from, request).await,
            };
            let reply = reply.encode().unwrap();
            if !fate.back.is_zero() {
                sleep(fate.back).await;
            }
            if fate.reply_lost {
                sleep(deadline).await;
            }
            net.reach(to, from)?;
            if lost {
                return Err(CarryError::Deadline);
            }
            Ok(RaftReply::decode(&reply).unwrap())
        };
        async move {
            timeout(deadline, calling)
                .await
                .unwrap_or(Err(CarryError::Deadline))
        }
        .boxed()
    }
}

/// A group in one process.
pub(super) struct Cluster {
    pub(super) net: Net,
    pub(super) replicas: BTreeMap<ReplicaId, (Replica, Recorder)>,
    pub(super) tasks: Tasks,
    change: fn(&mut ReplicaConfig),
    snapshots: bool,
}

impl Cluster {
    /// `count` blank replicas, numbered from 1.
    pub(super) async fn blank(count: u64, snapshots: bool, change: fn(&mut ReplicaConfig)) -> Self {
        let mut cluster = Self {
            net: Net::default(),
            replicas: BTreeMap::new(),
            tasks: Tasks::root("test"),
            change,
            snapshots,
        };
        for number in 1..=count {
            cluster.add(id(number)).await;
        }
        cluster
    }

    /// As many voters.
    pub(super) async fn founded(count: u64) -> Self {
        Self::founded_with(count, false, |_| {}).await
    }

    pub(super) async fn founded_with(
        count: u64,
        snapshots: bool,
        change: fn(&mut ReplicaConfig),
    ) -> Self {
        let cluster = Self::blank(count, snapshots, change).await;
        let founders: BTreeSet<ReplicaId> = cluster.replicas.keys().copied().collect();
        for (replica, _) in cluster.replicas.values() {
            match replica.initialize(&founders).await {
                // Another founder was faster.
                Ok(()) | Err(crate::groups::consensus::InitializeError::NotBlank) => {}
                Err(error) => panic!("{error}"),
            }
        }
        cluster
    }

    pub(super) async fn add(&mut self, id: ReplicaId) {
        let mut config = ReplicaConfig::new(id, 7, self.tasks.clone());
        (self.change)(&mut config);
        let recorder = Recorder {
            snapshots: self.snapshots,
            ..Recorder::default()
        };
        let port = Arc::new(Port {
            net: self.net.clone(),
            id,
        });
        let replica = Replica::start(config, Box::new(recorder.clone()), port)
            .await
            .unwrap();
        self.net.attach(&replica);
        self.replicas.insert(id, (replica, recorder));
    }

    pub(super) fn replica(&self, id: ReplicaId) -> &Replica {
        &self.replicas[&id].0
    }

    pub(super) fn state(&self, id: ReplicaId) -> Vec<Bytes> {
        self.replicas[&id].1.state()
    }

    /// Ends a replica without a word to the others.
    pub(super) async fn kill(&mut self, id: ReplicaId) -> Recorder {
        self.net.detach(id);
        let (replica, recorder) = self.replicas.remove(&id).unwrap();
        replica.shutdown().await;
        recorder
    }

    /// Waits until one of them sees this of itself.
    pub(super) async fn wait(
        &self,
        id: ReplicaId,
        what: &str,
        holds: impl FnMut(&ReplicaView) -> bool,
    ) -> ReplicaView {
        let mut view = self.replica(id).watch();
        let found = soon(what, view.wait_for(holds)).await;
        found.unwrap().clone()
    }

    /// Waits until one of `among` leads and can write.
    pub(super) async fn leader_of(&self, among: &[ReplicaId]) -> ReplicaId {
        let ready = among.iter().map(|id| {
            let mut view = self.replica(*id).watch();
            async move {
                let ready = view.wait_for(|view| {
                    view.is_leader() && view.committed.is_some() && view.members.committed
                });
                ready.await.unwrap();
                *id
            }
            .boxed()
        });
        soon("a leader", futures::future::select_all(ready)).await.0
    }

    pub(super) async fn leader(&self) -> ReplicaId {
        let all: Vec<ReplicaId> = self.replicas.keys().copied().collect();
        self.leader_of(&all).await
    }

    /// Proposes to whoever leads until one takes it.
    pub(super) async fn write(&self, batch: &str) {
        loop {
            let leader = self.leader().await;
            let batch = Bytes::copy_from_slice(batch.as_bytes());
            match soon("a write", self.replica(leader).propose(batch)).await {
                Ok(()) => return,
                Err(ProposeError::NotLeader { .. }) => sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until all hold this.
    pub(super) async fn all_hold(&self, expected: &[&str]) {
        for id in self.replicas.keys() {
            self.holds(*id, expected).await;
        }
    }

    pub(super) async fn holds(&self, id: ReplicaId, expected: &[&str]) {
        let mut view = self.replica(id).watch();
        let holding = async {
            while self.state(id) != expected {
                view.changed().await.unwrap();
            }
        };
        if timeout(PATIENCE, holding).await.is_err() {
            assert_eq!(self.state(id), expected, "{id} at {:?}", *view.borrow());
        }
    }

    pub(super) async fn close(self) {
        for (replica, _) in self.replicas.values() {
            replica.shutdown().await;
        }
        assert_eq!(self.tasks.panics(), 0);
        assert_eq!(self.tasks.close(Duration::from_secs(5)).await, 0);
    }
}
