//! The handle to a node's discovery.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::sync::{broadcast, watch};
use tracing::error;

use super::{
    Catalog, Config, Core, CoreConfig, Error, Event, Health, Input, LocalChange, Now, PeerEntry,
    PeerId, PeerInfo, SignedPeerEntry, Source, Stats, actor,
    bootstrap::{self, DhtMode, LAST_GOOD_MAX, Sources},
    shell::{Parts, Shell},
};
use crate::{
    primitives::{
        EndpointAddr, IntoIterOrSingle, NetworkId, SecretKey, Short, Tag, Ticket, TicketClass,
        UniqueId,
    },
    runtime::{Clock, Rng, Tasks, time::timeout},
    transport::{Protocol, Transport},
};

/// The longest a [`Discovery::sync_with`] takes: a dial, and an exchange of a large catalog.
const SYNC_WITHIN: Duration = Duration::from_secs(30);

/// Who is out there, and what each peer offers.
///
/// A cheap handle: clones share one node. What changes the local entry or the catalog acts before it
/// returns; the network hears of it in the background. The node runs until its network shuts down,
/// whatever becomes of the handles.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let network = mosaik::Network::new("weather").await?;
/// let discovery = network.discovery();
/// discovery.add_tags(["gateway", "eu"]);
/// discovery.settled().await;
/// for peer in discovery.catalog().peers() {
///     println!("{} {:?}", peer.id(), peer.tags());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Discovery {
    shell: Arc<Shell>,
}

/// The end of a [`Discovery::sync_with`].
pub type SyncFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + Sync + 'static>>;

/// What a node's discovery is started with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) network_id: NetworkId,
    pub(crate) secret_key: SecretKey,
    pub(crate) transport: Transport,
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) tasks: Tasks,
}

impl Discovery {
    /// Starts discovery of one node: it serves links, looks for peers, and keeps the catalog.
    ///
    /// Never waits; what takes time happens in tasks of `setup.tasks`.
    ///
    /// # Errors
    /// [`Error::EntryTooLarge`] with more tags than an entry may have; [`Error::InvalidSecretKey`] when the
    /// transport has another identity.
    pub(crate) fn start(setup: Setup) -> Result<Self, Error> {
        let Setup {
            network_id,
            secret_key,
            transport,
            config,
            mut sources,
            clock,
            mut rng,
            tasks,
        } = setup;
        if config.no_auto_bootstrap {
            sources = Sources {
                last_good: sources.last_good,
                ..Sources::none()
            };
        }
        if config.no_dht_bootstrap {
            sources.dht = DhtMode::Off;
        }
        let fixed = config.bootstrap_peers.clone();
        let now = Now::of(&clock);
        let local = PeerEntry::new_at(network_id, transport.local_addr(), now.utc)
            .change_at(now.utc, |entry| {
                entry.tags_mut().extend(config.tags.iter().copied());
                false // its first version already has them
            })
            .signed_by(&secret_key)?;
        let core_config = CoreConfig::new(config.clone(), sources.expected());
        let incarnation = rng.next_u64();
        let core = Core::new(core_config, secret_key, local, clock, rng.fork("core"), now);
        let shell = Shell::new(Parts {
            network: network_id,
            config,
            transport,
            clock,
            tasks: tasks.clone(),
            core,
            incarnation,
        });
        let discovery = Self {
            shell: shell.clone(),
        };

        // The transport holds the handler, and the shell holds the transport: no cycle of owners.
        let acceptor = Arc::downgrade(&shell);
        shell.transport.serve(Protocol::DISCOVERY, move |incoming| {
            let acceptor = acceptor.clone();
            async move {
                if let Some(shell) = acceptor.upgrade() {
                    shell.accept(incoming).await;
                }
            }
            .boxed()
        });
        tasks.spawn("discovery.actor", actor::run(shell));
        bootstrap::start(&discovery, sources, fixed, &mut rng);
        Ok(discovery)
    }

    /// Asks for a connection to peers, by address or by id, and for a sync of catalogs with each.
    ///
    /// Best effort: resolves when the request is handed over, not when anybody is connected. A bare id
    /// needs some way to find its address: this process, the local network, or the catalog.
    #[expect(
        clippy::unused_async,
        reason = "callers await it; it may have to wait one day"
    )]
    pub async fn dial<V>(&self, peers: impl IntoIterOrSingle<EndpointAddr, V>) {
        for addr in peers.iterator() {
            self.hint(addr, Source::Dial, false);
        }
    }

    /// The local entry as it is announced, signed.
    #[must_use]
    pub fn me(&self) -> SignedPeerEntry {
        self.catalog().local().clone()
    }

    /// A snapshot of everybody known. It does not change; its entries age.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        self.shell.published().newest()
    }

    /// The newest catalog and its changes, without the changes in between.
    ///
    /// Do not call methods of `Discovery` while a borrow of the receiver is alive: they wait for it.
    #[must_use]
    pub fn catalog_watch(&self) -> watch::Receiver<Catalog> {
        self.shell.published().catalogs()
    }

    /// Changes from now on, each once.
    ///
    /// A receiver that is more than `events_backlog` behind misses the oldest and is told so.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shell.published().events()
    }

    /// Exchanges whole catalogs with a peer, which need not be known yet.
    ///
    /// The future is lazy and owns what it needs. When it returns `Ok`, both sides have merged.
    ///
    /// # Errors
    /// [`Error::DifferentNetwork`] when the peer is of another network, which changes nothing on either
    /// side; [`Error::Link`] when it cannot be reached; [`Error::SyncTimeout`] when it does not finish within
    /// 30 s; [`Error::Cancelled`] when this node is leaving.
    pub fn sync_with(&self, peer_addr: impl Into<EndpointAddr>) -> SyncFuture {
        let (shell, peer) = (self.shell.clone(), peer_addr.into());
        Box::pin(async move {
            let id = peer.id;
            if shell.tasks.shutdown().is_cancelled() {
                return Err(Error::Cancelled);
            }
            let mut waiting = shell.syncs.begin(id);
            let ticket = waiting.ticket;
            shell.input(Input::SyncWith { peer, ticket });
            match timeout(SYNC_WITHIN, &mut waiting.outcome).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(Error::Cancelled),
                Err(_) => Err(Error::SyncTimeout(id)),
            }
        })
    }

    /// Takes a signed entry, however it came here. True when it was new, or newer than what is known.
    pub fn feed(&self, entry: SignedPeerEntry) -> bool {
        self.shell.change(|core, now| core.feed(now, entry))
    }

    /// Adds or replaces an unsigned entry, which this node keeps for itself.
    ///
    /// False for the local id, for an entry of another network, and when a signed entry of the peer is
    /// known.
    pub fn insert(&self, entry: impl Into<PeerEntry>) -> bool {
        self.shell
            .change(|core, now| core.insert(now, entry.into()))
    }

    /// Removes an unsigned entry. False when there was none.
    pub fn remove(&self, peer_id: PeerId) -> bool {
        self.shell.change(|core, now| core.remove(now, &peer_id))
    }

    /// Removes all unsigned entries. False when there were none.
    pub fn clear_unsigned(&self) -> bool {
        self.shell.change(Core::clear_unsigned)
    }

    /// Adds tags to the local entry. Tags that it has change nothing and announce nothing.
    pub fn add_tags<V>(&self, tags: impl IntoIterOrSingle<Tag, V>) {
        let tags: Vec<Tag> = tags.iterator().collect();
        self.update_local(|entry| entry.add_tags(tags));
    }

    /// Removes tags from the local entry.
    pub fn remove_tags<V>(&self, tags: impl IntoIterOrSingle<Tag, V>) {
        let tags: Vec<Tag> = tags.iterator().collect();
        self.update_local(|entry| entry.remove_tags(tags));
    }

    /// Adds a ticket to the local entry; the same ticket twice is one.
    pub fn add_ticket(&self, ticket: Ticket) {
        self.update_local(|entry| entry.add_ticket(ticket));
    }

    /// Removes the ticket with an id from the local entry.
    pub fn remove_ticket(&self, id: UniqueId) {
        self.update_local(|entry| entry.remove_ticket(id));
    }

    /// Removes all tickets of a class from the local entry.
    pub fn remove_tickets_of(&self, class: TicketClass) {
        self.update_local(|entry| entry.remove_tickets_of(class));
    }

    /// Puts a ticket in the place of all others of its class, in one announcement.
    pub fn replace_ticket(&self, ticket: Ticket) {
        self.update_local(|entry| entry.replace_ticket(ticket));
    }

    /// Resolves once every configured way of finding peers has had its first answer.
    ///
    /// A way that cannot say "nobody is there" counts as answered after at most three seconds.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        let mut settled = self.shell.published().settled();
        async move {
            // The sender lives as long as the node; with the node gone nothing more will be found.
            let _ = settled.wait_for(|settled| *settled).await;
        }
    }

    /// A peer's entry with its measured round trip.
    #[must_use]
    pub fn peer_info(&self, peer_id: &PeerId) -> Option<PeerInfo> {
        // Round trips change without a new snapshot being published.
        self.shell.look(Core::catalog).info(peer_id)
    }

    /// What this node thinks of a peer; `None` when no signed entry of it is known.
    #[must_use]
    pub fn health(&self, peer_id: &PeerId) -> Option<Health> {
        self.catalog().get_signed(peer_id)?;
        let (linked, suspect) = self.shell.look(|core| {
            let linked = core.linked().any(|peer| peer == peer_id);
            (linked, core.suspects().any(|peer| peer == peer_id))
        });
        Some(match (suspect, linked) {
            (true, _) => Health::Suspect,
            (false, true) => Health::Linked,
            (false, false) => Health::Known,
        })
    }

    /// What discovery has done and dropped since its start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = self.shell.look(|core| core.counters().clone());
        Stats::of(&self.shell.counters, &core, self.shell.links.count())
    }

    /// Up to sixteen peers that were reachable lately, connected ones first: what a node may remember
    /// to find its network again.
    pub(crate) fn good_peers(&self) -> Vec<EndpointAddr> {
        let catalog = self.catalog();
        let linked = self.shell.links.peers();
        let others = catalog
            .signed_peers()
            .map(|entry| *entry.id())
            .filter(|peer| {
                !linked.contains(peer) && self.health(peer).is_some_and(Health::is_good)
            });
        let addr = |peer| {
            catalog
                .get_signed(&peer)
                .map(|entry| entry.address().clone())
        };
        let good = linked.iter().copied().chain(others).filter_map(addr);
        good.filter(|addr| !addr.is_empty())
            .take(LAST_GOOD_MAX)
            .collect()
    }

    /// Changes the local entry, and announces it if anything but its version changed.
    ///
    /// A change that would put the entry over its limits is refused as a whole, and logged as an error.
    pub(crate) fn update_local(&self, change: impl FnOnce(PeerEntry) -> PeerEntry) -> LocalChange {
        let outcome = self
            .shell
            .change(|core, now| core.update_local(now, change));
        if let LocalChange::Refused(error) = &outcome {
            error!(%error, "the local entry was not changed");
        }
        outcome
    }

    /// Leaves the network: says goodbye, and ends every task, by force after `deadline`.
    pub(crate) async fn shutdown(&self, deadline: Duration) {
        self.shell.tasks.shutdown().cancel();
        self.shell.tasks.close(deadline).await;
    }

    pub(super) fn hint(&self, addr: EndpointAddr, source: Source, forever: bool) {
        self.shell.input(Input::Hint {
            addr,
            source,
            forever,
        });
    }

    pub(super) fn source_answered(&self, source: Source) {
        self.shell.input(Input::SourceAnswered(source));
    }

    pub(super) fn network_id(&self) -> NetworkId {
        self.shell.network
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.shell.transport
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.shell.tasks
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shell.clock
    }

    #[cfg(any(test, feature = "dht"))]
    pub(super) fn linked_count(&self) -> usize {
        self.shell.links.count()
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Discovery(network_id={})", Short(self.shell.network))
    }
}
