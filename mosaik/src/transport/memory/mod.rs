//! Peers in one process's memory, with faults that a seed decides.
//!
//! The same contract as over QUIC, without sockets, under the paused time of tokio: a run is a function of its seed as
//! long as it runs on one thread. Streams stay reliable and ordered, as QUIC makes them: loss is the delay of a
//! retransmission, streams are reordered against each other, a partition stalls until the lane's idle time closes the
//! connection. Duplication is absent on purpose: nothing above a reliable stream can see it.

mod closed;
pub(crate) use closed::ClosedEndpoint;

mod conn;
pub(crate) use conn::MemoryConn;

mod endpoint;
pub(crate) use endpoint::{MemoryEndpoint, MemoryHandshake};

mod path;
pub use path::Conditions;

mod pipe;
pub(crate) use pipe::{MemoryRecv, MemorySend};

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::watch;

use crate::{
    primitives::{EndpointAddr, PeerId},
    runtime::{Clock, Rng, time::Instant},
};

use self::{conn::Shared, endpoint::Node, path::Path};

/// A network in memory that transports are bound to. Cheap to clone; dropping it changes nothing.
#[derive(Clone)]
pub struct MemoryNet {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    state: Mutex<State>,
    /// Counts changes of who is there and of what is cut.
    topology: watch::Sender<u64>,
}

struct State {
    rng: Rng,
    defaults: Conditions,
    /// Whether an id is enough to dial, as among transports of one process.
    ids_resolve: bool,
    nodes: BTreeMap<PeerId, Arc<Node>>,
    frozen: BTreeSet<PeerId>,
    cuts: BTreeSet<(PeerId, PeerId)>,
    conditions: BTreeMap<(PeerId, PeerId), Conditions>,
    paths: BTreeMap<(PeerId, PeerId), Arc<Path>>,
    connections: Vec<Weak<Shared>>,
    serial: u64,
}

impl State {
    fn apply(&self, path: &Path, from: PeerId, to: PeerId, now: Instant) {
        let is_cut = self.cuts.contains(&(from, to));
        let is_frozen = self.frozen.contains(&from) || self.frozen.contains(&to);
        let conditions = self.conditions.get(&(from, to)).copied();
        path.set(
            (is_cut || is_frozen).then_some(now),
            conditions.unwrap_or(self.defaults),
        );
    }
}

impl MemoryNet {
    /// An empty network without faults, whose chance comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock: Clock::system(),
                topology: watch::Sender::new(0),
                state: Mutex::new(State {
                    rng: Rng::seeded(seed),
                    defaults: Conditions::default(),
                    ids_resolve: true,
                    nodes: BTreeMap::new(),
                    frozen: BTreeSet::new(),
                    cuts: BTreeSet::new(),
                    conditions: BTreeMap::new(),
                    paths: BTreeMap::new(),
                    connections: Vec::new(),
                    serial: 0,
                }),
            }),
        }
    }

    /// Sets what every link is like, unless [`set_link`](Self::set_link) says otherwise.
    pub fn set_all(&self, conditions: Conditions) {
        let mut state = self.lock();
        state.defaults = conditions;
        self.refresh(&state);
    }

    /// Sets what the link in one direction is like.
    pub fn set_link(&self, from: PeerId, to: PeerId, conditions: Conditions) {
        let mut state = self.lock();
        state.conditions.insert((from, to), conditions);
        self.refresh(&state);
    }

    /// Whether an id is enough to dial (the default). If not, an address must be given or learnt, as between hosts.
    pub fn set_ids_resolve(&self, ids_resolve: bool) {
        self.lock().ids_resolve = ids_resolve;
    }

    /// Cuts one direction. Nothing passes until it heals, and the other side falls silent for `to`.
    pub fn cut(&self, from: PeerId, to: PeerId) {
        let mut state = self.lock();
        state.cuts.insert((from, to));
        self.refresh(&state);
    }

    /// Cuts both directions between every one of `left` and every one of `right`.
    pub fn partition(&self, left: &[PeerId], right: &[PeerId]) {
        let mut state = self.lock();
        for one in left {
            for other in right {
                state.cuts.insert((*one, *other));
                state.cuts.insert((*other, *one));
            }
        }
        self.refresh(&state);
    }

    /// Mends one direction.
    pub fn mend(&self, from: PeerId, to: PeerId) {
        let mut state = self.lock();
        state.cuts.remove(&(from, to));
        self.refresh(&state);
    }

    /// Mends all cuts. Frozen nodes stay frozen.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.cuts.clear();
        self.refresh(&state);
    }

    /// Ends a node as a kill does: no goodbye, its peers hear nothing any more. Its own transport fails from now on; the
    /// identity may be bound anew.
    pub fn crash(&self, peer: PeerId) {
        let node = {
            let mut state = self.lock();
            state.frozen.remove(&peer);
            let node = state.nodes.remove(&peer);
            self.refresh(&state);
            node
        };
        let now = self.inner.clock.now();
        for shared in self.connections() {
            shared.abandon(peer, now);
        }
        if let Some(node) = node {
            node.die();
        }
        self.changed();
    }

    /// Stops a node as a stopped process: it says and hears nothing, and its own time-outs wait.
    pub fn freeze(&self, peer: PeerId) {
        let mut state = self.lock();
        state.frozen.insert(peer);
        self.refresh(&state);
    }

    /// Lets a frozen node go on.
    pub fn thaw(&self, peer: PeerId) {
        let mut state = self.lock();
        state.frozen.remove(&peer);
        self.refresh(&state);
    }

    /// The nodes that are bound, in the order of their ids.
    pub fn nodes(&self) -> Vec<PeerId> {
        self.lock().nodes.keys().copied().collect()
    }

    /// Brings the paths up to date with the state and wakes whoever waits on them.
    fn refresh(&self, state: &State) {
        let now = self.inner.clock.now();
        for (&(from, to), path) in &state.paths {
            state.apply(path, from, to, now);
        }
        self.changed();
    }

    fn changed(&self) {
        self.inner.topology.send_modify(|version| *version += 1);
    }

    fn path(&self, state: &mut State, from: PeerId, to: PeerId) -> Arc<Path> {
        if let Some(path) = state.paths.get(&(from, to)) {
            return Arc::clone(path);
        }
        let label = format!("{from}>{to}");
        let path = Arc::new(Path::new(state.rng.fork(&label)));
        state.apply(&path, from, to, self.inner.clock.now());
        state.paths.insert((from, to), Arc::clone(&path));
        path
    }

    fn is_frozen(&self, peer: &PeerId) -> bool {
        self.lock().frozen.contains(peer)
    }

    fn node(&self, to: &EndpointAddr) -> Result<Option<Arc<Node>>, NoAddress> {
        let state = self.lock();
        let node = state.nodes.get(&to.id);
        if to.addrs.is_empty() && !state.ids_resolve {
            return Err(NoAddress);
        }
        let is_there = |node: &&Arc<Node>| {
            to.addrs.is_empty()
                || state.ids_resolve
                || to.addrs.iter().any(|addr| *addr == node.place())
        };
        let found = node.filter(is_there).cloned();
        if found.is_none() && to.addrs.is_empty() {
            return Err(NoAddress);
        }
        Ok(found)
    }

    fn connections(&self) -> Vec<Arc<Shared>> {
        let mut state = self.lock();
        state.connections.retain(|shared| shared.strong_count() > 0);
        state.connections.iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNet")
            .field("nodes", &self.nodes().len())
            .finish_non_exhaustive()
    }
}

/// Nothing says where a peer is.
struct NoAddress;
