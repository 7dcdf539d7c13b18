//! Settings of a network, and the order in which its layers start.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    DataDirError, Error, LocalNode, Network, data_dir::DataDir, remember, shutdown::Parts,
};
use crate::{
    discovery::{self, DhtMode, Discovery, Sources},
    groups::{self, Groups, GroupsParts},
    primitives::{EndpointAddr, NetworkId, RelayUrl, SecretKey},
    runtime::{Clock, Rng, Tasks, time},
    streams::{self, Streams, StreamsParts},
    transport::{RelayMode, Transport, TransportConfig},
};

#[cfg(feature = "test-util")]
use crate::transport::MemoryNet;

#[cfg(feature = "tdx")]
use {
    super::tdx::{Attester, AttesterParts},
    crate::tdx::{CollateralProvider, QuoteProvider},
};

/// The settings of a [`Network`], as [`NetworkBuilder`] has gathered them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NetworkConfig {
    /// The network to take part in. Nodes of different networks do not see each other.
    pub network_id: NetworkId,
    /// Which relays help where there is no direct path. Default: those of the iroh project.
    pub relay_mode: RelayMode,
    /// Whether to find peers of the local network by multicast DNS. Default: with feature `mdns`.
    pub mdns_discovery: bool,
    /// Whether to find peers and addresses by public DNS and the mainline DHT. Default: true.
    pub internet_discovery: bool,
    /// The nodes that the mainline DHT is entered through, as `host:port`. Default: the public ones.
    pub dht_nodes: Vec<String>,
    /// The addresses to listen on. Default: none given, which is all interfaces and any port.
    pub addresses: BTreeSet<SocketAddr>,
    /// The identity of the node. Default: that of the data directory, else a new one.
    pub secret_key: SecretKey,
    /// Where the node keeps its key and its last good peers. Default: nowhere.
    pub data_dir: Option<PathBuf>,
    /// The settings of discovery.
    pub discovery: discovery::ConfigBuilder,
    /// Settings of streams.
    pub streams: streams::ConfigBuilder,
    /// Settings of groups.
    pub groups: groups::ConfigBuilder,
}

/// Gathers the settings of a [`Network`]. Setting twice replaces.
///
/// ```no_run
/// # async fn example() -> Result<(), mosaik::network::Error> {
/// let network = mosaik::Network::builder("my-network")
///     .with_data_dir("/var/lib/my-node")
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct NetworkBuilder {
    network_id: Option<NetworkId>,
    relay_mode: RelayMode,
    mdns_discovery: bool,
    internet_discovery: bool,
    dht_nodes: Vec<String>,
    addresses: BTreeSet<SocketAddr>,
    secret_key: Option<SecretKey>,
    data_dir: Option<PathBuf>,
    discovery: discovery::ConfigBuilder,
    streams: streams::ConfigBuilder,
    groups: groups::ConfigBuilder,
    clock: Clock,
    seed: Option<u64>,
    #[cfg(feature = "tdx")]
    tdx_provider: Option<Arc<dyn QuoteProvider>>,
    #[cfg(feature = "tdx")]
    tdx_collateral: Vec<Arc<dyn CollateralProvider>>,
    #[cfg(feature = "test-util")]
    memory_net: Option<MemoryNet>,
}

impl Default for NetworkBuilder {
    fn default() -> Self {
        Self {
            network_id: None,
            relay_mode: RelayMode::Default,
            mdns_discovery: cfg!(feature = "mdns"),
            internet_discovery: true,
            dht_nodes: Vec::new(),
            addresses: BTreeSet::new(),
            secret_key: None,
            data_dir: None,
            discovery: discovery::Config::builder(),
            streams: streams::Config::builder(),
            groups: groups::Config::builder(),
            clock: Clock::system(),
            seed: None,
            #[cfg(feature = "tdx")]
            tdx_provider: None,
            #[cfg(feature = "tdx")]
            tdx_collateral: Vec::new(),
            #[cfg(feature = "test-util")]
            memory_net: None,
        }
    }
}

impl NetworkBuilder {
    /// The network to take part in. Required.
    pub fn with_network_id<V: Into<NetworkId>>(mut self, network_id: V) -> Self {
        self.network_id = Some(network_id.into());
        self
    }

    /// Which relays help where there is no direct path.
    ///
    /// Nothing ever waits for a relay. With [`RelayMode::Disabled`] there are none, and no port of a
    /// router is mapped either.
    pub fn with_relay_mode(mut self, relay_mode: RelayMode) -> Self {
        self.relay_mode = relay_mode;
        self
    }

    /// Uses these relays and no others. An empty list is [`RelayMode::Disabled`].
    pub fn with_relays(self, relays: impl IntoIterator<Item = impl Into<RelayUrl>>) -> Self {
        let mut relays = relays.into_iter().map(Into::into).peekable();
        match relays.peek() {
            Some(_) => self.with_relay_mode(RelayMode::custom(relays)),
            None => self.with_relay_mode(RelayMode::Disabled),
        }
    }

    /// Whether to find peers of the local network by multicast DNS.
    ///
    /// Without feature `mdns` this changes nothing.
    pub fn with_mdns_discovery(mut self, mdns_discovery: bool) -> Self {
        self.mdns_discovery = mdns_discovery;
        self
    }

    /// Whether to find peers and addresses by public DNS and the mainline DHT.
    pub fn with_internet_discovery(mut self, internet_discovery: bool) -> Self {
        self.internet_discovery = internet_discovery;
        self
    }

    /// Uses the mainline DHT through these nodes, each `host:port`, and whether or not there is a
    /// route to the internet: a DHT of one's own, for one.
    ///
    /// Without feature `dht` this changes nothing.
    pub fn with_dht_nodes(mut self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.dht_nodes = nodes.into_iter().map(Into::into).collect();
        self
    }

    /// The addresses to listen on. Replaces those given before; port 0 is any port.
    pub fn with_addresses<V: Into<BTreeSet<SocketAddr>>>(mut self, addresses: V) -> Self {
        self.addresses = addresses.into();
        self
    }

    /// Keeps everything on this host: listens on 127.0.0.1 and uses no relay, multicast or DHT.
    ///
    /// Peers on this host still find each other. Setters called later win over this one.
    pub fn loopback(self) -> Self {
        self.with_addresses([SocketAddr::from((Ipv4Addr::LOCALHOST, 0))])
            .with_relay_mode(RelayMode::Disabled)
            .with_mdns_discovery(false)
            .with_internet_discovery(false)
    }

    /// The identity of the node. Two running nodes must not share one.
    pub fn with_secret_key<V: Into<SecretKey>>(mut self, secret_key: V) -> Self {
        self.secret_key = Some(secret_key.into());
        self
    }

    /// Where the node keeps its key and the peers it last knew; made if it is not there.
    ///
    /// A node that starts again with the same directory has the same id and finds its network
    /// without help. A directory belongs to one network and one key, and to one process at a time.
    /// A key given by [`with_secret_key`](Self::with_secret_key) is used and not stored.
    pub fn with_data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// The settings of discovery.
    pub fn with_discovery(mut self, discovery: discovery::ConfigBuilder) -> Self {
        self.discovery = discovery;
        self
    }

    /// Settings of streams, not yet built. Replaces earlier ones.
    pub fn with_streams(mut self, streams: streams::ConfigBuilder) -> Self {
        self.streams = streams;
        self
    }

    /// Settings of groups, not yet built. Replaces earlier ones.
    pub fn with_groups(mut self, groups: groups::ConfigBuilder) -> Self {
        self.groups = groups;
        self
    }

    /// What makes this node's TDX quotes, in place of the hardware of this machine.
    #[cfg(feature = "tdx")]
    pub fn with_tdx_provider(mut self, provider: impl QuoteProvider) -> Self {
        self.tdx_provider = Some(Arc::new(provider));
        self
    }

    /// Where the collateral in this node's TDX tickets comes from. Can be repeated; the first that has some counts.
    ///
    /// Without collateral a ticket is refused by all peers that have none of their own.
    #[cfg(feature = "tdx")]
    pub fn with_tdx_collateral(mut self, provider: impl CollateralProvider) -> Self {
        self.tdx_collateral.push(Arc::new(provider));
        self
    }

    /// Connects through memory instead of sockets, with the faults that `net` is told to make.
    #[cfg(feature = "test-util")]
    pub fn with_memory_net(mut self, net: &MemoryNet) -> Self {
        self.memory_net = Some(net.clone());
        self
    }

    /// The clock that this node lives by.
    #[cfg(feature = "test-util")]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Derives every choice by chance, and the key if none is given, from this number.
    #[cfg(feature = "test-util")]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Opens the network. Must be called within a tokio runtime.
    ///
    /// Returns as soon as this node knows its own addresses, which takes some tens of milliseconds.
    /// It waits for no relay and no peer; see [`Network::online`] and
    /// [`Discovery::settled`](crate::discovery::Discovery::settled) for that. With a data directory
    /// that its last user is just leaving, it waits up to a second.
    pub async fn build(self) -> Result<Network, Error> {
        let network_id = self.network_id.ok_or(Error::MissingNetworkId)?;
        let discovery_config = self.discovery.clone().build()?;
        let streams_config = self.streams.clone().build()?;
        let groups_config = self.groups.clone().build()?;
        let mut rng = self.seed.map_or_else(Rng::from_os, Rng::seeded);
        let generated = match self.seed {
            None => SecretKey::generate(),
            Some(_) => {
                let mut bytes = [0; 32];
                rng.fork("secret key").fill(&mut bytes);
                SecretKey::from_bytes(&bytes)
            }
        };

        let (secret_key, data_dir, saved_peers) = match self.data_dir.clone() {
            None => (
                self.secret_key.clone().unwrap_or(generated),
                None,
                Vec::new(),
            ),
            Some(path) => {
                let given = self.secret_key.clone();
                let (data_dir, key) =
                    open_data_dir(path, &self.clock, network_id, given, generated).await?;
                let peers = data_dir.peers();
                (key, Some(data_dir), peers)
            }
        };

        let config = NetworkConfig {
            network_id,
            relay_mode: self.relay_mode.clone(),
            mdns_discovery: self.mdns_discovery && cfg!(feature = "mdns"),
            internet_discovery: self.internet_discovery,
            dht_nodes: self.dht_nodes.clone(),
            addresses: self.addresses.clone(),
            secret_key: secret_key.clone(),
            data_dir: self.data_dir.clone(),
            discovery: self.discovery.clone(),
            streams: self.streams.clone(),
            groups: self.groups.clone(),
        };
        let tasks = Tasks::root("network");
        let transport = self.open_transport(&config, &mut rng, &tasks).await?;
        let local = LocalNode::new(
            network_id,
            secret_key,
            transport.clone(),
            tasks.shutdown().clone(),
        );
        let discovery = Discovery::start(discovery::Setup {
            network_id,
            secret_key: config.secret_key.clone(),
            transport: transport.clone(),
            config: discovery_config,
            sources: self.sources(&config, saved_peers),
            clock: self.clock,
            rng: rng.fork("discovery"),
            tasks: tasks.child("discovery"),
        });
        let discovery = match discovery {
            Ok(discovery) => discovery,
            Err(error) => {
                transport.close(CLOSE_WITHIN).await;
                return Err(Error::Discovery(error));
            }
        };
        if let Some(data_dir) = &data_dir {
            let shutdown = tasks.shutdown().clone();
            let work = remember::run(Arc::clone(data_dir), discovery.clone(), shutdown);
            tasks.spawn("remember peers", work);
        }

        let streams = Streams::open(StreamsParts {
            config: streams_config,
            network_id,
            directory: Arc::new(discovery.clone()),
            transport: Some(transport.clone()),
            tasks: tasks.child("streams"),
            clock: self.clock,
            rng: rng.fork("streams"),
        });
        let groups = Groups::open(GroupsParts {
            config: groups_config,
            network_id,
            discovery: discovery.clone(),
            transport: transport.clone(),
            tasks: tasks.child("groups"),
            clock: self.clock,
            rng: Mutex::new(rng.fork("groups")),
        });
        #[cfg(feature = "tdx")]
        let tdx = Attester::start(AttesterParts {
            discovery: discovery.clone(),
            transport: transport.clone(),
            tasks: tasks.child("tdx"),
            clock: self.clock,
            platform: self.tdx_provider,
            collateral: self.tdx_collateral,
        });
        let parts = Parts {
            discovery,
            streams,
            groups,
            #[cfg(feature = "tdx")]
            tdx,
            transport,
            tasks,
            clock: self.clock,
            data_dir: Mutex::new(data_dir),
        };
        Ok(Network::assemble(config, local, parts))
    }

    async fn open_transport(
        &self,
        config: &NetworkConfig,
        rng: &mut Rng,
        tasks: &Tasks,
    ) -> Result<Transport, Error> {
        let mut transport = TransportConfig::new(config.network_id, config.secret_key.clone());
        transport.addresses = config.addresses.clone();
        transport.relay_mode = config.relay_mode.clone();
        transport.clock = self.clock;
        transport.rng = rng.fork("transport");
        transport.tasks = tasks.child("transport");
        #[cfg(feature = "test-util")]
        if let Some(net) = &self.memory_net {
            return Ok(Transport::memory(net, transport).await?);
        }
        // Boxed: the future is large, and this one is part of every caller's.
        Ok(Box::pin(Transport::bind(transport)).await?)
    }

    /// The ways of finding peers that nobody has to be named for.
    fn sources(&self, config: &NetworkConfig, last_good: Vec<EndpointAddr>) -> Sources {
        let sources = Sources {
            last_good,
            ..Sources::local()
        };
        #[cfg(feature = "test-util")]
        if self.memory_net.is_some() {
            // What other tests of this process do must not be seen.
            return Sources {
                local: false,
                ..sources
            };
        }
        let dht = match config.internet_discovery {
            _ if !config.dht_nodes.is_empty() => DhtMode::Nodes(config.dht_nodes.clone()),
            true => DhtMode::Public,
            false => DhtMode::Off,
        };
        Sources {
            mdns: config.mdns_discovery,
            dht,
            ..sources
        }
    }
}

/// Opens the directory and finds the node's key, away from the threads that serve connections.
async fn open_data_dir(
    path: PathBuf,
    clock: &Clock,
    network_id: NetworkId,
    given: Option<SecretKey>,
    generated: SecretKey,
) -> Result<(Arc<DataDir>, SecretKey), DataDirError> {
    let give_up_at = clock.now() + LOCK_WAIT;
    loop {
        let (path, given, generated) = (path.clone(), given.clone(), generated.clone());
        let open = move || {
            let data_dir = DataDir::open(&path)?;
            let key = data_dir.claim(network_id, given, || generated)?;
            Ok((Arc::new(data_dir), key))
        };
        let opened = tokio::task::spawn_blocking(open)
            .await
            .expect("invariant: opening a directory does not panic, and the runtime is alive");
        match opened {
            Err(DataDirError::InUse { .. }) if clock.now() < give_up_at => {
                time::sleep(LOCK_RETRY).await;
            }
            opened => return opened,
        }
    }
}

/// Nobody is connected yet to a network that fails to start.
const CLOSE_WITHIN: Duration = Duration::from_millis(200);

/// As long as a dropped network may go on in the background, so that a restart in one process works.
const LOCK_WAIT: Duration = Duration::from_millis(1_200);

const LOCK_RETRY: Duration = Duration::from_millis(20);
