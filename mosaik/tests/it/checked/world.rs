//! Nodes, faults and the final judgement.

use std::{collections::BTreeSet, fmt, rc::Rc, time::Duration};

use mosaik::{
    Group, Network, NetworkId, PeerId,
    groups::{Config, ConsensusConfig, Formation, Role},
    testing::{Conditions, Flaw, MemoryNet},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use tokio::time::{Instant, sleep, timeout};

use super::{
    client::{Client, History, KEYS, Ranks},
    machine::Store,
};
use crate::{
    linear::{self, Model, Operation, Verdict},
    world::calendar,
};

/// Members of the group.
pub(super) const NODES: usize = 5;

/// How long clients work while faults come and go.
pub(super) const WORK: Duration = Duration::from_secs(12);

/// How long everything may take to be well again once all is mended.
pub(super) const RECOVERY: Duration = Duration::from_secs(60);

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

/// What is wrong after a run.
#[derive(Debug)]
pub(super) enum Finding {
    /// The members are not what they should be though nothing is in the way any more.
    Unwell(String),
    /// No order of the calls explains their answers.
    NotLinearizable(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwell(what) => write!(f, "not well after {RECOVERY:?}: {what}"),
            Self::NotLinearizable(what) => f.write_str(what),
        }
    }
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// With the times that groups have by default.
    Usual,
    /// Faults, elections and time-outs come three times as fast, and clients call no faster: as many changes of leaders
    /// and members in a run, with a third of the calls, for a third of the work.
    Brisk,
}

impl Pace {
    pub(super) fn of(self, time: Duration) -> Duration {
        match self {
            Self::Usual => time,
            Self::Brisk => time / 3,
        }
    }

    fn consensus(self) -> ConsensusConfig {
        let usual = ConsensusConfig::default();
        let mut config = usual.clone();
        config.heartbeat_interval = self.of(usual.heartbeat_interval);
        config.heartbeat_jitter = self.of(usual.heartbeat_jitter);
        config.election_timeout = self.of(usual.election_timeout);
        config.election_timeout_jitter = self.of(usual.election_timeout_jitter);
        config.bootstrap_delay = self.of(usual.bootstrap_delay);
        config.forward_timeout = self.of(usual.forward_timeout);
        config.query_timeout = self.of(usual.query_timeout);
        config
    }
}

struct Node {
    network: Network,
    group: Group<Store>,
}

pub(super) struct World {
    net: MemoryNet,
    rng: SmallRng,
    seed: u64,
    pace: Pace,
    nodes: Vec<Node>,
    killed: BTreeSet<usize>,
    leaders: BTreeSet<PeerId>,
}

impl World {
    /// Five nodes that are one group.
    pub(super) async fn start(net: &MemoryNet, seed: u64, pace: Pace, flaw: Option<Flaw>) -> Self {
        let networks = networks(net, seed, flaw).await;
        let keys: Vec<PeerId> = networks
            .iter()
            .map(|network| network.local().id())
            .collect();
        let nodes = networks
            .into_iter()
            .map(|network| {
                let group = join(&network, pace, Formation::Founders(keys.clone()));
                Node { network, group }
            })
            .collect();
        let world = Self {
            net: net.clone(),
            rng: SmallRng::seed_from_u64(seed),
            seed,
            pace,
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
    pub(super) async fn run(mut self) -> Result<Totals, Finding> {
        let mut clients = clients(self.seed);
        let groups: Vec<_> = self.nodes.iter().map(|node| &node.group).collect();
        let work = clients
            .iter_mut()
            .zip(groups)
            .map(|(client, group)| client.work(group, self.pace.of(WORK)));
        let net = self.net.clone();
        let ids = self.ids();
        let mut chaos = Chaos {
            net: &net,
            rng: &mut self.rng,
            pace: self.pace,
            ids: &ids,
            nodes: &self.nodes,
            killed: &mut self.killed,
            leaders: &mut self.leaders,
        };
        tokio::join!(futures::future::join_all(work), chaos.rage());
        self.net.heal();
        self.net.set_all(Conditions::default());
        let well = self.converge().await;

        let mut history = History::default();
        for (number, mut client) in clients.into_iter().enumerate() {
            if well.is_ok() && !self.killed.contains(&number) {
                for key in 0..KEYS {
                    client.read(&self.nodes[number].group, key).await;
                }
            }
            history.add(client.history);
        }
        judge(&history)?;
        well?;
        Ok(Totals {
            acknowledged: history.acknowledged,
            refused: history.refused,
            unknown: history.unknown,
            leaders: self.leaders.len(),
        })
    }

    fn ids(&self) -> Vec<PeerId> {
        self.nodes
            .iter()
            .map(|node| node.network.local().id())
            .collect()
    }

    /// Waits until all living nodes are online with the same state at the same place.
    async fn converge(&self) -> Result<(), Finding> {
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
            if online && equal {
                return Ok(());
            }
            if Instant::now() > end {
                let groups = alive.iter().map(|node| &node.group);
                return Err(unwell(groups));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Nodes that know each other.
pub(super) async fn networks(net: &MemoryNet, seed: u64, flaw: Option<Flaw>) -> Vec<Network> {
    let clock = calendar();
    let mut networks = Vec::new();
    for number in 0..NODES as u64 {
        let groups = flaw.map_or_else(Config::builder, |flaw| Config::builder().with_flaw(flaw));
        let network = Network::builder(NetworkId::from("checked"))
            .with_memory_net(net)
            .with_clock(clock)
            .with_seed(seed * 100 + number)
            .with_groups(groups)
            .build()
            .await
            .expect("a node starts");
        networks.push(network);
    }
    introduce(&networks).await;
    networks
}

pub(super) fn join(network: &Network, pace: Pace, formation: Formation) -> Group<Store> {
    network
        .groups()
        .with_key("checked")
        .with_formation(formation)
        .with_consensus_config(pace.consensus())
        .with_state_machine(Store::default())
        .join()
}

/// A client for each node.
pub(super) fn clients(seed: u64) -> Vec<Client> {
    let ranks = Ranks::default();
    let client = |number: u64| Client {
        ranks: Rc::clone(&ranks),
        rng: SmallRng::seed_from_u64(seed ^ (number << 32)),
        number: number + 1,
        history: History::default(),
        written: 0,
    };
    (0..NODES as u64).map(client).collect()
}

/// The members as they are.
pub(super) fn unwell<'a>(groups: impl Iterator<Item = &'a Group<Store>>) -> Finding {
    let look = |group: &Group<Store>| {
        let state = group.look(Clone::clone);
        format!("{:?}\n{:?} {state:?}", group.status(), group.committed())
    };
    let all: Vec<String> = groups.map(look).collect();
    Finding::Unwell(all.join("\n"))
}

/// Whether there is an order that explains all answers, for each key and for the queue.
pub(super) fn judge(history: &History) -> Result<(), Finding> {
    for key in 0..KEYS {
        let of_key: Vec<_> = history
            .cells
            .iter()
            .filter(|(of, _)| *of == key)
            .map(|(_, operation)| operation.clone())
            .collect();
        require(&format!("key {key}"), &of_key)?;
    }
    require("queue", &history.queue)
}

fn require<M: Model + Clone + fmt::Debug>(
    what: &str,
    history: &[Operation<M>],
) -> Result<(), Finding> {
    let verdict = linear::check(history, STEPS_MAX);
    if verdict == Verdict::Linearizable {
        return Ok(());
    }
    let mut sorted = history.to_vec();
    sorted.sort_by_key(|operation| operation.began);
    let finding = format!("{what}: {verdict:?}: {sorted:#?}");
    Err(Finding::NotLinearizable(finding))
}

/// Makes faults.
struct Chaos<'a> {
    net: &'a MemoryNet,
    rng: &'a mut SmallRng,
    pace: Pace,
    ids: &'a [PeerId],
    nodes: &'a [Node],
    killed: &'a mut BTreeSet<usize>,
    leaders: &'a mut BTreeSet<PeerId>,
}

impl Chaos<'_> {
    async fn rage(&mut self) {
        let end = Instant::now() + self.pace.of(WORK);
        while Instant::now() < end {
            let pause = Duration::from_millis(self.rng.random_range(200..1_500));
            sleep(self.pace.of(pause)).await;
            self.leaders
                .extend(self.nodes.iter().filter_map(|node| node.group.leader()));
            self.any();
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
                delay: self
                    .pace
                    .of(Duration::from_millis(self.rng.random_range(1..80))),
                jitter: self
                    .pace
                    .of(Duration::from_millis(self.rng.random_range(0..60))),
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
