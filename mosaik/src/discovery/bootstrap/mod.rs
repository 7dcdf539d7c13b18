//! Ways to find the first peers of a network.
//!
//! Each source is one task that offers addresses to the core and says when it has looked once. What it
//! offers is a hint: the handshake and a signed entry prove it, or nothing comes of it. A source never
//! blocks start, waits for another one, or decides whom to dial.

mod fixed;
mod local;

#[cfg(feature = "dht")]
pub mod dht;

#[cfg(feature = "mdns")]
mod mdns;

use std::path::PathBuf;
#[cfg(any(feature = "mdns", feature = "dht"))]
use std::time::Duration;

use tokio::sync::watch;

use super::{Catalog, Discovery, Source};
use crate::{
    primitives::{EndpointAddr, NetworkId, PeerId},
    runtime::{Clock, Rng, Shutdown},
    transport::Transport,
};

/// Which ways of finding peers a network uses besides those that its configuration names.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// Networks of this process, and of this user on this host.
    pub(crate) local: bool,
    /// Where processes of this host meet; `None` is the user's directory.
    pub(crate) runtime_dir: Option<PathBuf>,
    /// Multicast DNS on the local network.
    pub(crate) mdns: bool,
    /// The mainline DHT.
    pub(crate) dht: DhtMode,
    /// Peers that were good in an earlier run. Dialled once each.
    pub(crate) last_good: Vec<EndpointAddr>,
}

/// Whether and through which nodes the mainline DHT is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DhtMode {
    /// Not at all.
    Off,
    /// Through its public nodes, as soon as there is a route out of the host.
    Public,
    /// Through these nodes, as `host:port`, route or not.
    Nodes(Vec<String>),
}

impl Sources {
    /// Nothing but what the configuration names.
    pub(crate) fn none() -> Self {
        let (local, mdns) = (false, false);
        Self {
            local,
            runtime_dir: None,
            mdns,
            dht: DhtMode::Off,
            last_good: Vec::new(),
        }
    }

    /// Networks of this process and of this user on this host.
    pub(crate) fn local() -> Self {
        Self {
            local: true,
            ..Self::none()
        }
    }

    /// The sources that will have to answer before discovery has settled. Named peers are the core's business.
    pub(super) fn expected(&self) -> Vec<Source> {
        let mut expected = Vec::new();
        if self.local {
            expected.push(Source::Local);
        }
        if self.mdns && cfg!(feature = "mdns") {
            expected.push(Source::Mdns);
        }
        if self.dht != DhtMode::Off && cfg!(feature = "dht") {
            expected.push(Source::Dht);
        }
        expected
    }
}

/// Starts every source of `sources` as a task of `discovery`.
pub(super) fn start(
    discovery: &Discovery,
    sources: Sources,
    fixed: Vec<EndpointAddr>,
    rng: &mut Rng,
) {
    let finder = |source| Finder {
        discovery: discovery.clone(),
        source,
    };
    let tasks = discovery.tasks();
    fixed::offer(&finder(Source::Configured), fixed, sources.last_good);
    if sources.local {
        let run = local::run(
            finder(Source::Local),
            sources.runtime_dir,
            rng.fork("local"),
        );
        tasks.spawn("bootstrap.local", run);
    }
    #[cfg(feature = "mdns")]
    if sources.mdns {
        tasks.spawn("bootstrap.mdns", mdns::run(finder(Source::Mdns)));
    }
    #[cfg(feature = "dht")]
    {
        let nodes = match sources.dht {
            DhtMode::Off => return,
            DhtMode::Public => None,
            DhtMode::Nodes(nodes) => Some(nodes),
        };
        tasks.spawn(
            "bootstrap.dht",
            dht::run(finder(Source::Dht), nodes, rng.fork("dht")),
        );
    }
}

/// Peers remembered from one run to the next.
pub(super) const LAST_GOOD_MAX: usize = 16;

/// What a source knows of its network, and how it tells what it has found.
#[derive(Debug, Clone)]
struct Finder {
    discovery: Discovery,
    source: Source,
}

impl Finder {
    fn me(&self) -> PeerId {
        self.transport().local_id()
    }

    fn network(&self) -> NetworkId {
        self.discovery.network_id()
    }

    fn transport(&self) -> &Transport {
        self.discovery.transport()
    }

    fn local_addr(&self) -> EndpointAddr {
        self.transport().local_addr()
    }

    fn addr_changes(&self) -> watch::Receiver<EndpointAddr> {
        self.transport().addr_changes()
    }

    fn catalog(&self) -> Catalog {
        self.discovery.catalog()
    }

    fn clock(&self) -> &Clock {
        self.discovery.clock()
    }

    fn shutdown(&self) -> Shutdown {
        self.discovery.tasks().shutdown().clone()
    }

    /// Whether no peer is connected at this moment.
    #[cfg(feature = "dht")]
    fn is_alone(&self) -> bool {
        self.discovery.linked_count() == 0
    }

    /// Whether a signed entry of `peer` is known, which proves that a hint about it was good.
    fn knows(&self, peer: &PeerId) -> bool {
        self.catalog().get_signed(peer).is_some()
    }

    /// Offers an address.
    fn hint(&self, addr: EndpointAddr) {
        self.discovery.hint(addr, self.source, false);
    }

    /// Offers an address that is worth trying as long as the network runs.
    fn hint_forever(&self, addr: EndpointAddr) {
        self.discovery.hint(addr, self.source, true);
    }

    /// Says that this source has looked once, whatever it has found.
    fn answered(&self) {
        self.discovery.source_answered(self.source);
    }
}

/// How long a source that cannot say "nobody is there" may keep a lone node from having settled.
#[cfg(any(feature = "mdns", feature = "dht"))]
const SILENCE_IS_AN_ANSWER_AFTER: Duration = Duration::from_secs(1);
