//! The figures that a member reports through the `metrics` facade; without a recorder they cost next to nothing.

use metrics::{Counter, Gauge, counter, gauge};

use crate::primitives::{GroupId, NetworkId, Short};

/// Figures of one member.
pub(super) struct Meter {
    bonds: Gauge,
    committed: Gauge,
    voters: Gauge,
    non_voters: Gauge,
    size: Gauge,
    elections: Counter,
    leader_changes: Counter,
}

impl Meter {
    pub(super) fn new(network: &NetworkId, group: &GroupId) -> Self {
        let (network, group) = (Short(network).to_string(), Short(group).to_string());
        macro_rules! labelled {
            ($kind:ident, $name:literal) => {
                $kind!($name, "network" => network.clone(), "group" => group.clone())
            };
        }
        Self {
            bonds: labelled!(gauge, "mosaik.groups.bonds.active"),
            committed: labelled!(gauge, "mosaik.groups.raft.committed"),
            voters: labelled!(gauge, "mosaik.groups.raft.committee.voters"),
            non_voters: labelled!(gauge, "mosaik.groups.raft.committee.non_voters"),
            size: labelled!(gauge, "mosaik.groups.raft.committee.size"),
            elections: labelled!(counter, "mosaik.groups.raft.elections"),
            leader_changes: labelled!(counter, "mosaik.groups.raft.leader.changes"),
        }
    }

    pub(super) fn bonds(&self, count: usize) {
        self.bonds.set(as_gauge(count as u64));
    }

    pub(super) fn committed(&self, index: u64) {
        self.committed.set(as_gauge(index));
    }

    pub(super) fn members(&self, voters: usize, learners: usize) {
        self.voters.set(as_gauge(voters as u64));
        self.non_voters.set(as_gauge(learners as u64));
        self.size.set(as_gauge((voters + learners) as u64));
    }

    pub(super) fn election(&self) {
        self.elections.increment(1);
    }

    pub(super) fn leader_changed(&self) {
        self.leader_changes.increment(1);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; beyond 2^53 nobody counts"
)]
const fn as_gauge(count: u64) -> f64 {
    count as f64
}
