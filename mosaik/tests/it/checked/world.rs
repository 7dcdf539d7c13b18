//! Nodes, faults and the final judgement.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use mosaik::{
    Group, Network, NetworkId, PeerId,
    groups::{Formation, Role},
    testing::{Clock, Conditions, MemoryNet},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use tokio::time::{Instant, sleep, timeout};

use super::{
    client::{Client, History, KEYS, Ranks},
    machine::Store,
};
use crate::linear::{self, Model, Operation, Verdict};

/// Members of the group.
const NODES: usize = 5;

/// How long clients work while faults come and go.
const WORK: Duration = Duration::from_secs(12);

/// How long everything may take to be well again once all is mended.
const RECOVERY: Duration = Duration::from_secs(60);

/// Steps that the search for an order may take for one history.
const STEPS_MAX: usize = 5_000_000;

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) acknowledged: usize,
    pub(super) refused: usize,
    pub(super) unknown: usize,
    /// Peers that were seen leading.
    pub(super) leaders: usize,
}

/// Which faults a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    /// All kinds.
    Any,
}

struct Node {
    network: Network,
    group: Group<Store>,
}

pub(super) struct World {
    net: MemoryNet,
    rng: SmallRng,
    seed: u64,
    nodes: Vec<Node>,
    killed: BTreeSet<usize>,
    leaders: BTreeSet<PeerId>,
}

impl World {
    /// Five nodes that are one group.
    pub(super) async fn start(net: &MemoryNet, seed: u64) -> Self {
        let clock =
            Clock::starting_at(chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("a time"));
        let mut networks = Vec::new();
        for number in 0..NODES as u64 {
            let network = Network::builder(NetworkId::from("checked"))
                .with_memory_net(net)
                .with_clock(clock)
                .with_seed(seed * 100 + number)
                .build()
                .await
                .expect("a node starts");
            networks.push(network);
        }
        introduce(&networks).await;
        let keys: Vec<PeerId> = networks
            .iter()
            .map(|network| network.local().id())
            .collect();
        let nodes = networks
            .into_iter()
            .map(|network| {
                let group = network
                    .groups()
                    .with_key("checked")
                    .with_formation(Formation::Founders(keys.clone()))
                    .with_state_machine(Store::default())
                    .join();
                Node { network, group }
            })
            .collect();
        let world = Self {
            net: net.clone(),
            rng: SmallRng::seed_from_u64(seed),
            seed,
            nodes,
            killed: BTreeSet::new(),
            leaders: BTreeSet::new(),
        };
        for node in &world.nodes {
            let online = timeout(RECOVERY, node.group.when().online()).await;
            assert!(
                online.is_ok(),
                "seed {seed}: not online: {:?}",
                node.group.status()
            );
        }
        world
    }

    /// Works under faults, mends everything, and judges.
    pub(super) async fn run(mut self, faults: Faults) -> Totals {
        let ranks = Ranks::default();
        let mut clients: Vec<Client> = (0..NODES as u64)
            .map(|number| Client {
                ranks: Rc::clone(&ranks),
                rng: SmallRng::seed_from_u64(self.seed ^ (number << 32)),
                number: number + 1,
                history: History::default(),
                written: 0,
            })
            .collect();
        let groups: Vec<_> = self.nodes.iter().map(|node| &node.group).collect();
        let work = clients
            .iter_mut()
            .zip(groups)
            .map(|(client, group)| client.work(group, WORK));
        let net = self.net.clone();
        let ids = self.ids();
        let mut chaos = Chaos {
            net: &net,
            rng: &mut self.rng,
            ids: &ids,
            nodes: &self.nodes,
            killed: &mut self.killed,
            leaders: &mut self.leaders,
        };
        tokio::join!(futures::future::join_all(work), chaos.rage(faults));
        self.net.heal();
        self.net.set_all(Conditions::default());
        self.converge().await;

        let mut history = History::default();
        for (number, mut client) in clients.into_iter().enumerate() {
            if !self.killed.contains(&number) {
                for key in 0..KEYS {
                    client.read(&self.nodes[number].group, key).await;
                }
            }
            history.add(client.history);
        }
        self.judge(&history);
        Totals {
            acknowledged: history.acknowledged,
            refused: history.refused,
            unknown: history.unknown,
            leaders: self.leaders.len(),
        }
    }

    fn ids(&self) -> Vec<PeerId> {
        self.nodes
            .iter()
            .map(|node| node.network.local().id())
            .collect()
    }

    /// Waits until all living nodes are online with the same state at the same place.
    async fn converge(&self) {
        let alive: Vec<&Node> = (0..NODES)
            .filter(|number| !self.killed.contains(number))
            .map(|number| &self.nodes[number])
            .collect();
        let end = Instant::now() + RECOVERY;
        loop {
            let states: Vec<_> = alive
                .iter()
                .map(|node| (node.group.committed(), node.group.look(Clone::clone)))
                .collect();
            let online = alive.iter().all(|node| node.group.status().is_online);
            let equal = states.windows(2).all(|pair| pair[0] == pair[1]);
            // A fresh command through the last node shows that the group takes some.
            if online && equal {
                return;
            }
            if Instant::now() > end {
                let status: Vec<String> = alive
                    .iter()
                    .map(|node| format!("{:?}", node.group.status()))
                    .collect();
                panic!(
                    "seed {}: not well after {RECOVERY:?}: {status:#?}\n{states:#?}",
                    self.seed
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn judge(&self, history: &History) {
        for key in 0..KEYS {
            let of_key: Vec<_> = history
                .cells
                .iter()
                .filter(|(of, _)| *of == key)
                .map(|(_, operation)| operation.clone())
                .collect();
            self.require(&format!("key {key}"), &of_key);
        }
        self.require("queue", &history.queue);
    }

    fn require<M: Model + Clone + std::fmt::Debug>(&self, what: &str, history: &[Operation<M>]) {
        let verdict = linear::check(history, STEPS_MAX);
        if verdict != Verdict::Linearizable {
            let mut sorted = history.to_vec();
            sorted.sort_by_key(|operation| operation.began);
            panic!("seed {}, {what}: {verdict:?}: {sorted:#?}", self.seed);
        }
    }
}

/// Makes faults.
struct Chaos<'a> {
    net: &'a MemoryNet,
    rng: &'a mut SmallRng,
    ids: &'a [PeerId],
    nodes: &'a [Node],
    killed: &'a mut BTreeSet<usize>,
    leaders: &'a mut BTreeSet<PeerId>,
}

impl Chaos<'_> {
    async fn rage(&mut self, faults: Faults) {
        let end = Instant::now() + WORK;
        while Instant::now() < end {
            sleep(Duration::from_millis(self.rng.random_range(200..1_500))).await;
            self.leaders
                .extend(self.nodes.iter().filter_map(|node| node.group.leader()));
            match faults {
                Faults::Any => self.any(),
            }
        }
    }

    fn any(&mut self) {
        match self.rng.random_range(0..12) {
            0..3 => {
                // Two halves.
                let mut ids = self.ids.to_vec();
                ids.shuffle(self.rng);
                let (left, right) = ids.split_at(self.rng.random_range(1..=2));
                self.net.heal();
                self.net.partition(left, right);
            }
            3 => {
                // Whoever leads is alone.
                let leader = self
                    .nodes
                    .iter()
                    .find(|node| node.group.status().role == Role::Leader);
                if let Some(leader) = leader.map(|node| node.network.local().id()) {
                    let others: Vec<PeerId> = self
                        .ids
                        .iter()
                        .copied()
                        .filter(|id| *id != leader)
                        .collect();
                    self.net.partition(&[leader], &others);
                }
            }
            4..6 => {
                let from = self.ids[self.rng.random_range(0..NODES)];
                let to = self.ids[self.rng.random_range(0..NODES)];
                if from != to {
                    self.net.cut(from, to);
                }
            }
            6 => self.net.set_all(Conditions {
                delay: Duration::from_millis(self.rng.random_range(1..80)),
                jitter: Duration::from_millis(self.rng.random_range(0..60)),
                loss: self.rng.random_range(0.0..0.2),
            }),
            7 => self.net.set_all(Conditions::default()),
            // A majority always lives: what is volatile would be lost with it.
            8 if self.killed.len() < NODES / 2 => {
                let number = self.rng.random_range(0..NODES);
                if self.killed.insert(number) {
                    self.net.crash(self.ids[number]);
                }
            }
            _ => self.net.heal(),
        }
    }
}

/// Every node knows every other one.
pub(super) async fn introduce(networks: &[Network]) {
    for (index, network) in networks.iter().enumerate() {
        for other in &networks[..index] {
            let synced = network.discovery().sync_with(other.local().addr()).await;
            synced.expect("nothing is in the way yet");
        }
    }
}
