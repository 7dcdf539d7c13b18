//! Discovery through its public handle, on the in-memory transport under paused time.

mod departing;
mod enduring;
mod finding;
mod sockets;
mod spreading;
mod withstanding;

use std::time::Duration;

use chrono::DateTime;

use super::{Config, ConfigBuilder, Discovery, Event, PeerId, bootstrap::Sources, handle::Setup};
use crate::{
    primitives::{EndpointAddr, NetworkId, SecretKey},
    runtime::{
        Clock, Rng, Tasks,
        time::{Instant, sleep, timeout},
    },
    transport::{MemoryNet, Transport, TransportConfig},
};

/// Longer than anything here takes; under paused time it costs nothing.
const SOON: Duration = Duration::from_secs(30);

/// One node on the in-memory network.
struct Node {
    discovery: Discovery,
    transport: Transport,
    tasks: Tasks,
}

/// How to start a node.
struct Plan {
    network: NetworkId,
    seed: u8,
    config: Config,
    sources: Sources,
    clock: Clock,
}

impl Plan {
    fn new(network: &str, seed: u8) -> Self {
        Self {
            network: network.into(),
            seed,
            config: Config::default(),
            sources: Sources::none(),
            clock: clock(),
        }
    }

    fn config(mut self, configure: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        self.config = configure(Config::builder()).build().unwrap();
        self
    }

    fn sources(mut self, sources: Sources) -> Self {
        self.sources = sources;
        self
    }

    async fn start(self, net: &MemoryNet) -> Node {
        let tasks = Tasks::root(format!("node-{}", self.seed));
        let secret_key = key(self.seed);
        let mut config = TransportConfig::new(self.network, secret_key.clone());
        config.clock = self.clock;
        config.rng = Rng::seeded(u64::from(self.seed));
        config.tasks = tasks.child("transport");
        let transport = Transport::memory(net, config).await.unwrap();
        let discovery = Discovery::start(Setup {
            network_id: self.network,
            secret_key,
            transport: transport.clone(),
            config: self.config,
            sources: self.sources,
            clock: self.clock,
            rng: Rng::seeded(1000 + u64::from(self.seed)),
            tasks: tasks.child("discovery"),
        })
        .unwrap();
        Node {
            discovery,
            transport,
            tasks,
        }
    }
}

impl Node {
    fn id(&self) -> PeerId {
        self.transport.local_id()
    }

    fn addr(&self) -> EndpointAddr {
        self.transport.local_addr()
    }

    fn knows(&self, other: &Self) -> bool {
        self.discovery.catalog().get_signed(&other.id()).is_some()
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn clock() -> Clock {
    Clock::starting_at(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

/// Waits until `met`, and says how long that took.
async fn until(what: &str, met: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    let wait = async {
        while !met() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        timeout(SOON, wait).await.is_ok(),
        "{what}: not within {SOON:?}"
    );
    start.elapsed()
}

/// Waits until all nodes know each other.
async fn until_acquainted(nodes: &[&Node]) -> Duration {
    until("acquaintance of all", || {
        nodes.iter().all(|one| {
            nodes
                .iter()
                .all(|other| one.id() == other.id() || one.knows(other))
        })
    })
    .await
}

/// Every event that has come until now.
fn drain(events: &mut tokio::sync::broadcast::Receiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}
