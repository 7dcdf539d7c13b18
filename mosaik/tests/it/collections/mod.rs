//! Collections between nodes: on the network in memory under paused time, where every run is the same.

mod basics;
mod changes;
mod failures;
mod outcomes;
mod seeds;
mod snapshots;
mod sync;

use std::{future::Future, time::Duration};

use mosaik::{
    testing::{Clock, MemoryNet},
    *,
};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(15);

/// Nodes in memory that share a calendar.
struct World {
    net: MemoryNet,
    clock: Clock,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            net: MemoryNet::new(seed),
            clock: Clock::starting_at(chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap()),
        }
    }

    async fn node(&self, seed: u64) -> Network {
        Network::builder("collections")
            .with_memory_net(&self.net)
            .with_clock(self.clock)
            .with_seed(seed)
            .build()
            .await
            .unwrap()
    }

    /// A node that knows `others`, and they it.
    async fn node_beside(&self, seed: u64, others: &[Network]) -> Network {
        let node = self.node(seed).await;
        for other in others {
            soon(
                "nodes meet",
                node.discovery().sync_with(other.local().addr()),
            )
            .await
            .unwrap();
        }
        node
    }

    async fn nodes<const N: usize>(&self) -> [Network; N] {
        let mut nodes = Vec::new();
        for seed in 1..=N as u64 {
            nodes.push(self.node_beside(seed, &nodes).await);
        }
        nodes.try_into().ok().unwrap()
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

async fn within<T>(time: Duration, what: &str, future: impl Future<Output = T>) -> T {
    timeout(time, future)
        .await
        .unwrap_or_else(|_| panic!("not within {time:?}: {what}"))
}

/// Waits until collections are online, all at once; says what those that are not have to say.
macro_rules! online {
    ($($collection:expr),+ $(,)?) => {{
        let all = async { tokio::join!($($collection.when().online()),+) };
        if tokio::time::timeout(super::SOON, all).await.is_err() {
            panic!("not online: {}", [$($collection.status().to_string()),+].join("\n"));
        }
    }};
}
use online;
