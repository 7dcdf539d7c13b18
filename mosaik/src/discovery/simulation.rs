//! Whole networks of cores on simulated links, in simulated time.
//!
//! Links are ordered and reliable, as QUIC streams are: loss is delay, and a link that carries nothing
//! for five seconds is gone on both sides. One seed derives a whole run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::catalog::{Stored, Verify, VerifyAll};
use super::core::{
    Core, CoreConfig, DialFailure, Input, LocalChange, Now, Output, Source, SyncFailure,
};
use super::counters::Refusal;
use super::message::{Message, Record};
use super::{Config, Event};
use crate::primitives::{
    EndpointAddr, NetworkId, PeerEntry, PeerEntryVersion, PeerId, SecretKey, SignedPeerEntry, Tag,
    TransportAddr,
};
use crate::runtime::time::{Duration, Instant};
use crate::runtime::{Clock, Rng};

mod everyday;
mod faults;
mod hostile;
mod scale;
mod wires;

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// One way through a local network, and what chance adds.
const LATENCY: Duration = Duration::from_millis(1);
const LATENCY_JITTER: Duration = Duration::from_millis(1);

/// What a lost packet adds.
const LOSS_DELAY: Duration = Duration::from_millis(200);

/// A dial that nobody answers.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// A link that carries nothing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a frame's length.
const FRAME_HEAD_BYTES: u64 = 4;

/// Verifies each entry once in a whole simulation.
#[derive(Default)]
struct VerifyOnce {
    entries: Mutex<HashMap<Bytes, Arc<Stored>>>,
    renewals: Mutex<HashMap<Vec<u8>, Arc<Stored>>>,
}

impl Verify for VerifyOnce {
    fn entry(&self, bytes: &Bytes) -> Result<Arc<Stored>, Refusal> {
        if let Some(stored) = self.entries.lock().unwrap().get(bytes) {
            return Ok(stored.clone());
        }
        let stored = VerifyAll.entry(bytes)?;
        self.entries
            .lock()
            .unwrap()
            .insert(bytes.clone(), stored.clone());
        Ok(stored)
    }

    fn renewal(
        &self,
        base: &Stored,
        version: PeerEntryVersion,
        signature: &[u8],
    ) -> Result<Arc<Stored>, Refusal> {
        if let Some(stored) = self.renewals.lock().unwrap().get(signature) {
            return Ok(stored.clone());
        }
        let stored = VerifyAll.renewal(base, version, signature)?;
        self.renewals
            .lock()
            .unwrap()
            .insert(signature.to_vec(), stored.clone());
        Ok(stored)
    }
}

#[derive(Debug)]
enum Happening {
    Tick,
    DialEnds {
        peer: PeerId,
    },
    Arrives {
        link: u64,
        from: usize,
        message: Message,
    },
    LinkEnds {
        link: u64,
        peer: usize,
    },
}

struct Due {
    at: Duration,
    serial: u64,
    node: usize,
    what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// A link as both its ends see it.
struct Wire {
    id: u64,
    /// When the last message in each direction arrives.
    last: [Duration; 2],
    /// What could not get through yet.
    stalled: VecDeque<(usize, Message)>,
}

struct Node {
    id: PeerId,
    key: SecretKey,
    core: Option<Core>,
    tick_at: Option<Duration>,
    frozen: bool,
    /// What happened while frozen.
    backlog: Vec<Happening>,
    clock_ahead: chrono::Duration,
    side: u8,
    links: BTreeSet<usize>,
    discovered: BTreeMap<PeerId, u32>,
    updated: u32,
    departed: BTreeMap<PeerId, Duration>,
    settled_at: Option<Duration>,
    synced: Vec<(u64, Result<(), SyncFailure>)>,
    dials: u64,
    sent_messages: u64,
    sent_bytes: u64,
}

struct Simulation {
    now: Duration,
    start: Instant,
    epoch: DateTime<Utc>,
    rng: Rng,
    serial: u64,
    queue: BinaryHeap<Reverse<Due>>,
    nodes: Vec<Node>,
    index: HashMap<PeerId, usize>,
    wires: HashMap<(usize, usize), Wire>,
    verify: Arc<VerifyOnce>,
    loss: f64,
    /// Encode every message, to count its bytes and to check that it decodes.
    on_the_wire: bool,
    config: Config,
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            start: Clock::system().now(),
            epoch: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            rng: Rng::seeded(seed),
            serial: 0,
            queue: BinaryHeap::new(),
            nodes: Vec::new(),
            index: HashMap::new(),
            wires: HashMap::new(),
            verify: Arc::default(),
            loss: 0.0,
            on_the_wire: true,
            config: Config::default(),
        }
    }

    /// Adds nodes that are not started yet.
    fn add(&mut self, count: usize) {
        for _ in 0..count {
            let mut bytes = [0; 32];
            self.rng.fill(&mut bytes);
            let key = SecretKey::from_bytes(&bytes);
            self.index.insert(key.public(), self.nodes.len());
            self.nodes.push(Node {
                id: key.public(),
                key,
                core: None,
                tick_at: None,
                frozen: false,
                backlog: Vec::new(),
                clock_ahead: chrono::Duration::zero(),
                side: 0,
                links: BTreeSet::new(),
                discovered: BTreeMap::new(),
                updated: 0,
                departed: BTreeMap::new(),
                settled_at: None,
                synced: Vec::new(),
                dials: 0,
                sent_messages: 0,
                sent_bytes: 0,
            });
        }
    }

    fn time(&self, node: usize) -> Now {
        let now = chrono::Duration::from_std(self.now).unwrap();
        Now {
            instant: self.start + self.now,
            utc: self.epoch + now + self.nodes[node].clock_ahead,
        }
    }

    fn addr(&self, node: usize) -> EndpointAddr {
        let ip =
            |net: u8| TransportAddr::Ip(([net, 0, (node >> 8) as u8, node as u8], 4000).into());
        EndpointAddr::from_parts(self.nodes[node].id, [ip(10), ip(192)])
    }

    fn first_entry(&self, node: usize) -> SignedPeerEntry {
        let entry = PeerEntry::new_at(NETWORK, self.addr(node), self.time(node).utc);
        entry.signed_by(&self.nodes[node].key).unwrap()
    }

    /// Starts a node that knows these others by id.
    fn start(&mut self, node: usize, bootstrap: &[usize]) {
        let now = self.time(node);
        let local = self.first_entry(node);
        self.drop_wires(node);
        let mut config = CoreConfig::new(self.config.clone(), [Source::Configured]);
        config.verify = self.verify.clone();
        let clock = Clock::starting_at(now.utc);
        let rng = self.rng.fork("node");
        let key = self.nodes[node].key.clone();
        self.nodes[node].core = Some(Core::new(config, key, local, clock, rng, now));
        self.nodes[node].settled_at = None;
        for peer in bootstrap.iter().copied().filter(|peer| *peer != node) {
            let addr = EndpointAddr::new(self.nodes[peer].id);
            self.input(
                node,
                Input::Hint {
                    addr,
                    source: Source::Configured,
                    forever: true,
                },
            );
        }
        self.input(node, Input::SourceAnswered(Source::Configured));
    }

    fn core(&self, node: usize) -> &Core {
        self.nodes[node].core.as_ref().unwrap()
    }

    fn schedule(&mut self, node: usize, at: Duration, what: Happening) {
        self.serial += 1;
        self.queue.push(Reverse(Due {
            at,
            serial: self.serial,
            node,
            what,
        }));
    }

    fn latency(&mut self) -> Duration {
        let lost = self.rng.unit_f64() < self.loss;
        LATENCY
            + LATENCY_JITTER.mul_f64(self.rng.unit_f64())
            + if lost { LOSS_DELAY } else { Duration::ZERO }
    }

    fn is_open(&self, a: usize, b: usize) -> bool {
        let usable = |node: &Node| node.core.is_some() && !node.frozen;
        usable(&self.nodes[a]) && usable(&self.nodes[b]) && self.nodes[a].side == self.nodes[b].side
    }

    fn input(&mut self, node: usize, input: Input) {
        let now = self.time(node);
        let mut out = Vec::new();
        let Some(core) = &mut self.nodes[node].core else {
            return;
        };
        core.handle(now, input, &mut out);
        for output in out {
            self.output(node, output);
        }
        self.plan_tick(node);
    }

    fn plan_tick(&mut self, node: usize) {
        let Some(core) = &self.nodes[node].core else {
            return;
        };
        let Some(at) = core.poll_at() else { return };
        let at = at.saturating_duration_since(self.start).max(self.now);
        if self.nodes[node].tick_at.is_none_or(|planned| at < planned) {
            self.nodes[node].tick_at = Some(at);
            self.schedule(node, at, Happening::Tick);
        }
    }

    fn output(&mut self, node: usize, output: Output) {
        match output {
            Output::Dial { addr } => {
                self.nodes[node].dials += 1;
                let peer = addr.id;
                let is_open = self
                    .index
                    .get(&peer)
                    .is_some_and(|peer| self.is_open(node, *peer));
                let after = if is_open {
                    2 * self.latency()
                } else {
                    DIAL_TIMEOUT
                };
                self.schedule(node, self.now + after, Happening::DialEnds { peer });
            }
            Output::Hangup { peer, .. } => self.close(node, self.index[&peer]),
            Output::Send { to, message } => self.send(node, self.index[&to], message),
            Output::Event(event) => {
                let now = self.now;
                let node = &mut self.nodes[node];
                match event {
                    Event::PeerDiscovered(entry) => {
                        *node.discovered.entry(*entry.id()).or_default() += 1;
                    }
                    Event::PeerUpdated(_) => node.updated += 1,
                    Event::PeerDeparted(id) => drop(node.departed.insert(id, now)),
                }
            }
            Output::SyncDone { ticket, result } => self.nodes[node].synced.push((ticket, result)),
            Output::Settled => {
                assert_eq!(self.nodes[node].settled_at.replace(self.now), None);
            }
            Output::CatalogChanged | Output::Learn(_) | Output::Forget(_) => {}
        }
    }

    fn happen(&mut self, node: usize, what: Happening) {
        if self.nodes[node].core.is_none() {
            return;
        }
        if self.nodes[node].frozen {
            if let Happening::Arrives {
                link,
                from,
                message,
            } = what
            {
                self.stall(link, from, node, message);
            } else {
                self.nodes[node].backlog.push(what);
            }
            return;
        }
        match what {
            Happening::Tick => {
                self.nodes[node].tick_at = None;
                self.input(node, Input::Tick);
            }
            Happening::DialEnds { peer } => match self.index.get(&peer).copied() {
                Some(index) if self.is_open(node, index) => self.open(node, index),
                _ => {
                    let reason = DialFailure::Unreachable;
                    self.input(node, Input::DialFailed { peer, reason });
                }
            },
            Happening::Arrives {
                link,
                from,
                message,
            } => {
                // What was under way when the sender closed the link still arrives.
                let current = self.wire_id(node, from);
                if current.is_some_and(|current| current != link) {
                    return;
                }
                if self.nodes[from].side != self.nodes[node].side {
                    self.stall(link, from, node, message);
                    return;
                }
                let from = self.nodes[from].id;
                self.input(node, Input::Message { from, message });
            }
            Happening::LinkEnds { link, peer } => {
                let current = self.wire_id(node, peer);
                if current == Some(link) {
                    if self.is_open(node, peer) {
                        return; // It was only a hiccup.
                    }
                    self.wires.remove(&(node.min(peer), node.max(peer)));
                    self.nodes[node].links.remove(&peer);
                    self.nodes[peer].links.remove(&node);
                } else if current.is_some() {
                    return;
                }
                let peer = self.nodes[peer].id;
                self.input(node, Input::LinkDown { peer });
            }
        }
    }

    fn run_until(&mut self, until: Duration) {
        while self
            .queue
            .peek()
            .is_some_and(|Reverse(due)| due.at <= until)
        {
            let Some(Reverse(due)) = self.queue.pop() else {
                break;
            };
            self.now = due.at;
            self.happen(due.node, due.what);
        }
        self.now = until;
    }

    fn run(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until the condition holds, looking every 50 ms; how long it took.
    fn run_until_true(
        &mut self,
        at_most: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Option<Duration> {
        let start = self.now;
        while self.now < start + at_most {
            if condition(self) {
                return Some(self.now - start);
            }
            self.run(Duration::from_millis(50));
        }
        condition(self).then(|| self.now - start)
    }

    // Changes.

    fn change(&mut self, node: usize, change: impl FnOnce(PeerEntry) -> PeerEntry) -> LocalChange {
        let now = self.time(node);
        let result = self.nodes[node]
            .core
            .as_mut()
            .unwrap()
            .update_local(now, change);
        self.plan_tick(node);
        result
    }

    fn tag(&mut self, node: usize, tag: &str) {
        assert_eq!(
            self.change(node, |entry| entry.add_tags(tag)),
            LocalChange::Changed
        );
    }

    fn sees_tag(&self, node: usize, peer: usize, tag: &str) -> bool {
        let catalog = self.core(node).catalog();
        let slot = catalog.slot(self.nodes[peer].id.as_bytes());
        slot.is_some_and(|slot| slot.stored.signed.tags().contains(&Tag::from(tag)))
    }

    // Questions.

    fn alive(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].core.is_some())
    }

    /// Whether each of these nodes knows exactly these nodes.
    fn know_each_other(&self, nodes: &[usize]) -> bool {
        nodes.iter().all(|node| {
            let core = self.core(*node);
            core.held_count() == nodes.len() - 1
        }) && nodes.iter().all(|node| {
            let catalog = self.core(*node).catalog();
            nodes
                .iter()
                .all(|peer| peer == node || catalog.contains(&self.nodes[*peer].id))
        })
    }

    fn all_know_all(&self) -> bool {
        let alive: Vec<usize> = self.alive().collect();
        let count = alive.len() - 1;
        alive
            .iter()
            .all(|node| self.core(*node).held_count() == count)
            && self.know_each_other(&alive)
    }

    /// A network that knows itself.
    fn network(seed: u64, count: usize) -> Self {
        let mut network = Self::new(seed);
        network.add(count);
        for node in 0..count {
            network.start(node, &[0]);
        }
        let took = network.run_until_true(secs(30), Self::all_know_all);
        assert!(took.is_some(), "{count} nodes did not find each other");
        network
    }
}

fn ids(network: &Simulation, nodes: &[usize]) -> BTreeSet<PeerId> {
    nodes.iter().map(|node| network.nodes[*node].id).collect()
}

fn departed(network: &Simulation, node: usize) -> BTreeSet<PeerId> {
    network.nodes[node].departed.keys().copied().collect()
}

fn record_of(signed: &SignedPeerEntry) -> Record {
    let stored = Stored::new(signed.clone());
    Record {
        id: (*signed.id()).into(),
        version: signed.update_version(),
        same_as: 0,
        bytes: stored.bytes,
    }
}

fn records(records: Vec<Record>) -> Message {
    Message::Records {
        records,
        ends_answer: false,
    }
}

impl Simulation {
    fn entry_of(&self, node: usize) -> SignedPeerEntry {
        self.core(node).catalog().local().clone()
    }

    /// A peer that is no core: the test speaks for it.
    fn puppet(&mut self, node: usize) -> usize {
        self.add(1);
        let puppet = self.nodes.len() - 1;
        let peer = self.nodes[puppet].id;
        self.input(node, Input::LinkUp { peer });
        puppet
    }

    fn says(&mut self, puppet: usize, node: usize, message: Message) {
        let from = self.nodes[puppet].id;
        self.input(node, Input::Message { from, message });
    }

    fn refused(&self, node: usize, refusal: Refusal) -> u64 {
        self.core(node).counters().refused(refusal)
    }
}
