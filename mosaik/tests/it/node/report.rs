//! What a node and the test that started it say to each other: lines of JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use mosaik::{PeerId, iroh::EndpointAddr};
use serde::{Deserialize, Serialize};

/// Starts each line of a report, so that other output cannot be taken for one.
pub(crate) const MARK: &str = "@mosaik ";

/// How to build the node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NodeConfig {
    pub(crate) network: String,
    /// `Network::new(network)`, and nothing below.
    pub(crate) plain: bool,
    /// Decides the node's id.
    pub(crate) secret: Option<[u8; 32]>,
    /// Bound addresses; all interfaces and any port if empty.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) bootstrap: Vec<EndpointAddr>,
    pub(crate) tags: Vec<String>,
    /// Only 127.0.0.1, and no way out of this host.
    pub(crate) loopback: bool,
    pub(crate) mdns: bool,
    pub(crate) no_auto_bootstrap: bool,
    /// Whether to say what the node thinks of its peers. Off where the node's own use of the machine is measured.
    pub(crate) health: bool,
    /// Joins a group that so many nodes found together.
    pub(crate) group_of: Option<usize>,
}

impl NodeConfig {
    /// A node on this host alone, that finds others on it by itself.
    pub(crate) fn loopback(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            loopback: true,
            ..Self::default()
        }
    }

    /// A node on a local network, that finds others on it by multicast DNS.
    pub(crate) fn lan(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            mdns: true,
            ..Self::default()
        }
    }
}

/// What a node says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// `Network::build` has returned.
    Ready { addr: EndpointAddr, build_ms: f64 },
    /// The catalog has changed; this is all of it, the node's own entry included.
    Catalog { peers: BTreeMap<PeerId, PeerReport> },
    /// What the node thinks of each known peer has changed: the name of its `Health`.
    Health { peers: BTreeMap<PeerId, String> },
    /// The answer to `Ask::Stats`: every figure of transport and discovery, by its name.
    Stats { counts: BTreeMap<String, u64> },
    /// The node's membership has changed.
    Member { member: MemberReport },
    /// What became of `Ask::Mark`.
    Marked {
        mark: u64,
        outcome: Mark,
        after_ms: f64,
    },
}

/// A node's part in the group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberReport {
    pub(crate) is_online: bool,
    pub(crate) why_offline: Option<String>,
    pub(crate) leader: Option<PeerId>,
    pub(crate) voters: usize,
    /// Commands applied.
    pub(crate) applied: u64,
    /// Of all commands in their order.
    pub(crate) digest: String,
    pub(crate) marks: BTreeSet<u64>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mark {
    Acknowledged,
    NoQuorum,
    /// For another reason, which certainly kept it from being applied.
    Refused(String),
    Unknown,
}

/// One peer in the catalog of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeerReport {
    pub(crate) version: String,
    pub(crate) tags: usize,
}

/// What a test asks of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    AddTag(String),
    RemoveTag(String),
    Stats,
    /// Execute a command in the group.
    Mark(u64),
    /// Say goodbye and end.
    Shutdown,
}
