//! What a node and the test that started it say to each other: lines of JSON.

use std::{collections::BTreeMap, net::SocketAddr};

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
    /// How far the node's clock is ahead, in seconds.
    pub(crate) clock_ahead_s: i64,
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
    /// Say goodbye and end.
    Shutdown,
}
