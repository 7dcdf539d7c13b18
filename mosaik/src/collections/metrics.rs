//! Figures about collections, for whoever collects metrics.

use metrics::{Counter, Gauge, counter, gauge};

use crate::primitives::{GroupId, NetworkId, Short};

/// The figures of one replica.
pub(super) struct Figures {
    /// `mosaik.collections.<kind>.size`: how many items there are.
    size: Gauge,
    /// `mosaik.collections.syncs.started`: how often a state was taken over from another replica.
    syncs: Counter,
}

impl Figures {
    pub(super) fn new(kind: &str, network: &NetworkId, group: &GroupId) -> Self {
        let (network, group) = (Short(network).to_string(), Short(group).to_string());
        let labels = [("network", network), ("group", group)];
        Self {
            size: gauge!(format!("mosaik.collections.{kind}.size"), &labels),
            syncs: counter!("mosaik.collections.syncs.started", &labels),
        }
    }

    pub(super) fn set_size(&self, items_count: usize) {
        self.size.set(items_count as f64);
    }

    pub(super) fn count_sync(&self) {
        self.syncs.increment(1);
    }
}
