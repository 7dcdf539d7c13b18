//! Streams between nodes: on the network in memory under paused time, where every run is the same.

mod eligibility;
mod faults;
mod flow;
mod scale;
mod typed;

use std::time::Duration;

use futures::{StreamExt, future::join_all};
use mosaik::{
    streams::ConsumerEvent,
    testing::{Clock, MemoryNet},
    *,
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};

const SOON: Duration = Duration::from_secs(5);

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Data1(String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Data2(u64);

/// Nodes in memory that share a calendar.
struct World {
    net: MemoryNet,
    clock: Clock,
    id: NetworkId,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            net: MemoryNet::new(seed),
            clock: Clock::starting_at(chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap()),
            id: NetworkId::from("streams"),
        }
    }

    async fn node(&self, seed: u64) -> Network {
        Network::builder(self.id)
            .with_memory_net(&self.net)
            .with_clock(self.clock)
            .with_seed(seed)
            .build()
            .await
            .unwrap()
    }

    async fn nodes<const N: usize>(&self) -> [Network; N] {
        let mut nodes = Vec::new();
        for seed in 1..=N as u64 {
            nodes.push(self.node(seed).await);
        }
        introduce(&nodes).await;
        nodes.try_into().ok().unwrap()
    }
}

/// Every node knows every other one.
async fn introduce(nodes: &[Network]) {
    for (index, node) in nodes.iter().enumerate() {
        for other in &nodes[..index] {
            timeout(SOON, node.discovery().sync_with(other.local().addr()))
                .await
                .unwrap()
                .unwrap();
        }
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future)
        .await
        .unwrap_or_else(|_| panic!("not soon: {what}"))
}

async fn received<D: Datum>(consumer: &mut streams::Consumer<D>, count: usize) -> Vec<D> {
    soon("datums arrive", consumer.take(count).collect()).await
}

/// Waits until a consumer has been turned away so many times; why, in the end.
async fn turned_away(events: &mut broadcast::Receiver<ConsumerEvent>, times: usize) -> String {
    let mut last = String::new();
    for _ in 0..times {
        last = loop {
            let event = timeout(600 * SECOND, events.recv()).await;
            if let ConsumerEvent::Disconnected { reason, .. } = event.unwrap().unwrap() {
                break reason;
            }
        };
    }
    last
}

/// Waits for a condition that nothing announces.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let looking = async {
        while !holds() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let found = timeout(60 * SECOND, looking).await;
    assert!(found.is_ok(), "never: {what}");
}

/// Time goes by on the paused clock: what a test is about, not what it waits for.
async fn time_passes(duration: Duration) {
    sleep(duration).await;
}
