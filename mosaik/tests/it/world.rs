//! Nodes in memory that share a calendar: under paused time every run of a seed is the same.

use std::time::Duration;

use chrono::DateTime;
use mosaik::{
    testing::{Clock, MemoryNet},
    tickets::Expiration,
    *,
};

use crate::wait::within;

pub(crate) struct World {
    pub(crate) net: MemoryNet,
    pub(crate) clock: Clock,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            net: MemoryNet::new(seed),
            clock: calendar(),
        }
    }

    /// A node that knows nobody.
    pub(crate) async fn node(&self, seed: u64) -> Network {
        Network::builder("tests")
            .with_memory_net(&self.net)
            .with_clock(self.clock)
            .with_seed(seed)
            .build()
            .await
            .unwrap()
    }

    /// A node that knows `others`, and they it.
    pub(crate) async fn node_beside(&self, seed: u64, others: &[Network]) -> Network {
        let node = self.node(seed).await;
        for other in others {
            let synced = node.discovery().sync_with(other.local().addr());
            within(Duration::from_secs(15), "nodes meet", synced)
                .await
                .unwrap();
        }
        node
    }

    /// Nodes of which every one knows every other.
    pub(crate) async fn nodes<const N: usize>(&self) -> [Network; N] {
        let mut nodes = Vec::new();
        for seed in 1..=N as u64 {
            nodes.push(self.node_beside(seed, &nodes).await);
        }
        nodes.try_into().ok().unwrap()
    }

    /// So long after now.
    pub(crate) fn after(&self, milliseconds: i64) -> Expiration {
        Expiration::At(self.clock.utc() + chrono::Duration::milliseconds(milliseconds))
    }
}

/// A calendar that begins on the same day in every run.
pub(crate) fn calendar() -> Clock {
    Clock::starting_at(DateTime::from_timestamp(1_700_000_000, 0).unwrap())
}
