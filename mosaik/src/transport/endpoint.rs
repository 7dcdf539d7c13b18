//! The transport of a node: one handle for everything between it and its peers.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, broadcast, watch};

use crate::{
    primitives::{EndpointAddr, NetworkId, PeerId},
    runtime::{Clock, Tasks, time},
};

use super::{
    address_book::AddressBook,
    admission::{HandshakeRate, PeerFilter},
    backend::{Backend, PathKind},
    close::CloseCode,
    config::{Limits, TransportConfig},
    error::{BindError, OpenError},
    incoming::{Gate, Handler, Handlers, Incoming},
    link::Link,
    protocol::{Lane, Protocol},
    quic::QuicEndpoint,
    session::{Session, StreamCounts},
    stats::{Counters, TransportStats},
    table::{PeerEvent, Table},
    wire::Hello,
};

#[cfg(feature = "test-util")]
use super::memory::{ClosedEndpoint, MemoryEndpoint, MemoryNet};

/// How long the close in the background takes at most, when the last handle is dropped without one.
const CLOSE_ON_DROP: Duration = Duration::from_secs(2);

/// A bound transport. Cheap to clone; dropping the last clone closes it in the background.
///
/// A handler given to [`serve`](Self::serve) that holds a clone keeps the transport open until it is closed.
#[derive(Clone)]
pub(crate) struct Transport {
    inner: Arc<Inner>,
    owner: Arc<Owner>,
}

/// A transport that whoever holds this does not keep open.
pub(crate) struct WeakTransport {
    inner: Weak<Inner>,
    owner: Weak<Owner>,
}

impl WeakTransport {
    /// The transport, while somebody keeps it open.
    pub(crate) fn upgrade(&self) -> Option<Transport> {
        Some(Transport {
            inner: self.inner.upgrade()?,
            owner: self.owner.upgrade()?,
        })
    }
}

pub(super) struct Inner {
    pub(super) local: PeerId,
    pub(super) hello: Hello,
    pub(super) backend: Backend,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Counters>,
    pub(super) gate: Gate,
    pub(super) table: Table,
    pub(super) book: AddressBook,
    pub(super) rate: Mutex<HandshakeRate>,
    pub(super) handshakes: Arc<Semaphore>,
    pub(super) handshakes_waiting: Arc<Semaphore>,
    pub(super) hellos: Arc<Semaphore>,
    pub(super) dials: Semaphore,
    pub(super) tasks: Tasks,
    /// Not among the transport's own tasks, which the close waits for.
    closer: Tasks,
    handlers: RwLock<Handlers>,
    filter: RwLock<PeerFilter>,
    addr: watch::Receiver<EndpointAddr>,
    closed: AtomicBool,
    #[cfg(feature = "test-util")]
    closed_endpoint: ClosedEndpoint,
}

/// Closes the transport when the last handle is gone. Tasks hold the inner part only.
struct Owner {
    inner: Arc<Inner>,
}

impl Transport {
    /// Binds sockets, and returns as soon as a direct address is known. Never waits for a relay.
    pub(crate) async fn bind(config: TransportConfig) -> Result<Self, BindError> {
        let endpoint = QuicEndpoint::bind(&config).await?;
        let addr = endpoint.addr_changes();
        Ok(Self::start(config, Backend::Quic(endpoint), addr))
    }

    /// Binds to a network in memory instead: the same contract, without sockets, with faults.
    #[cfg(feature = "test-util")]
    pub(crate) async fn memory(
        net: &MemoryNet,
        config: TransportConfig,
    ) -> Result<Self, BindError> {
        let endpoint = MemoryEndpoint::bind(net, &config)?;
        let addr = endpoint.addr_changes();
        Ok(Self::start(config, Backend::Memory(endpoint), addr))
    }

    fn start(
        mut config: TransportConfig,
        backend: Backend,
        addr: watch::Receiver<EndpointAddr>,
    ) -> Self {
        let local = config.secret_key.public();
        let counters = Arc::new(Counters::default());
        let limits = config.limits;
        let bound = backend.bound();
        let is_loopback_reachable = bound
            .iter()
            .any(|addr| addr.ip().is_unspecified() || addr.ip().is_loopback());
        let book = AddressBook::new(local, is_loopback_reachable, Arc::clone(&counters));
        backend.add_lookup(book.clone());
        let inner = Arc::new(Inner {
            local,
            hello: Hello {
                network: config.network_id,
                session: config.rng.next_u64(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                features: 0,
            },
            gate: Gate {
                limits: limits.clone(),
                counters: Arc::clone(&counters),
                counts: Arc::new(StreamCounts::default()),
            },
            table: Table::new(local, limits.dial, limits.connections_per_peer_max),
            book,
            rate: Mutex::new(HandshakeRate::new(
                limits.handshake_burst,
                limits.handshakes_per_second,
            )),
            handshakes: Arc::new(Semaphore::new(limits.handshakes_max)),
            handshakes_waiting: Arc::new(Semaphore::new(limits.handshakes_waiting_max)),
            hellos: Arc::new(Semaphore::new(limits.hellos_max)),
            dials: Semaphore::new(limits.dials_max),
            tasks: config.tasks.child("transport"),
            closer: Tasks::root("transport close"),
            handlers: RwLock::default(),
            filter: RwLock::new(config.peers),
            clock: config.clock,
            closed: AtomicBool::new(false),
            #[cfg(feature = "test-util")]
            closed_endpoint: ClosedEndpoint::new(config.secret_key),
            backend,
            limits,
            counters,
            addr,
        });
        let accepting = Arc::clone(&inner).accept_connections();
        inner.tasks.spawn("accept", accepting);
        let background = Arc::clone(&inner);
        inner.tasks.spawn("endpoint", async move {
            let closing = background.tasks.shutdown().cancelled();
            tokio::select! {
                biased;
                () = closing => {}
                () = background.backend.background() => {}
            }
        });
        let owner = Owner {
            inner: Arc::clone(&inner),
        };
        Self {
            inner,
            owner: Arc::new(owner),
        }
    }

    /// The identity of this node.
    pub(crate) fn local_id(&self) -> PeerId {
        self.inner.local
    }

    /// The network that this node belongs to.
    pub(crate) fn network_id(&self) -> NetworkId {
        self.inner.hello.network
    }

    /// Where this node can be reached, as far as it knows by now.
    pub(crate) fn local_addr(&self) -> EndpointAddr {
        self.inner.addr.borrow().clone()
    }

    /// Follows [`local_addr`](Self::local_addr).
    pub(crate) fn addr_changes(&self) -> watch::Receiver<EndpointAddr> {
        self.inner.addr.clone()
    }

    /// The QUIC endpoint. In memory: one that is closed and never had a socket.
    pub(crate) fn endpoint(&self) -> &iroh::Endpoint {
        match &self.inner.backend {
            Backend::Quic(endpoint) => endpoint.endpoint(),
            #[cfg(feature = "test-util")]
            Backend::Memory(_) => self.inner.closed_endpoint.get(),
        }
    }

    /// Serves a protocol: each accepted stream gets a task that runs `handler`. Serving it again replaces the handler.
    pub(crate) fn serve(
        &self,
        protocol: Protocol,
        handler: impl Fn(Incoming) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        let handler: Handler = Arc::new(handler);
        let mut handlers = self
            .inner
            .handlers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if !self.inner.closed.load(Ordering::Relaxed) {
            handlers.insert(protocol.id, (protocol, handler));
        }
    }

    /// Opens a stream, dialling the peer if there is no connection. `request` is what the peer's handler sees.
    ///
    /// Addresses in `to` are used beside those in [`addresses`](Self::addresses). Every wait inside has a deadline.
    pub(crate) async fn open(
        &self,
        to: impl Into<EndpointAddr>,
        protocol: Protocol,
        request: Bytes,
    ) -> Result<Link, OpenError> {
        self.inner.open(to.into(), protocol, request).await
    }

    /// Whether there is a control connection with the peer.
    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.inner.table.current(peer, Lane::Control).is_some()
    }

    /// The peers that there is a control connection with.
    pub(crate) fn connected(&self) -> Vec<PeerId> {
        self.inner.table.connected()
    }

    /// The round trip time to a connected peer, as the QUIC layer measures it.
    pub(crate) fn rtt(&self, peer: &PeerId) -> Option<Duration> {
        self.some_session(peer)?.conn.rtt()
    }

    /// How packets reach a connected peer.
    pub(crate) fn path(&self, peer: &PeerId) -> Option<PathKind> {
        self.some_session(peer)?.conn.path()
    }

    fn some_session(&self, peer: &PeerId) -> Option<Arc<Session>> {
        let mut lanes = Lane::ALL.into_iter();
        lanes.find_map(|lane| self.inner.table.current(peer, lane))
    }

    /// Peers coming and going. A listener that lags asks [`connected`](Self::connected).
    pub(crate) fn peer_events(&self) -> broadcast::Receiver<PeerEvent> {
        self.inner.table.events()
    }

    /// Closes all connections with a peer. It may dial again; see [`deny`](Self::deny).
    pub(crate) fn disconnect(&self, peer: &PeerId, code: CloseCode) {
        for session in self.inner.table.sessions(Some(peer)) {
            session.close(code);
        }
    }

    /// Keeps a peer out from now on, and closes its connections.
    pub(crate) fn deny(&self, peer: PeerId) {
        self.inner
            .filter
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .deny(peer);
        self.disconnect(&peer, CloseCode::NOT_ALLOWED);
    }

    /// Lets a peer in again.
    pub(crate) fn allow(&self, peer: PeerId) {
        self.inner
            .filter
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .allow(peer);
    }

    /// What this node knows of its peers' addresses. Consulted by every dial, never published.
    pub(crate) fn addresses(&self) -> &AddressBook {
        &self.inner.book
    }

    /// What was done and refused so far.
    pub(crate) fn stats(&self) -> TransportStats {
        self.inner.counters.snapshot()
    }

    /// Handlers that panicked so far.
    pub(crate) fn panics(&self) -> u64 {
        self.inner.tasks.panics()
    }

    /// Tells later whether anything of the transport is left in memory.
    #[cfg(test)]
    pub(super) fn remains(&self) -> impl Fn() -> bool + use<> {
        let inner = Arc::downgrade(&self.inner);
        move || inner.strong_count() == 0
    }

    /// Stops accepting, lets streams end, closes all connections with [`CloseCode::GRACEFUL_SHUTDOWN`] and the endpoint.
    ///
    /// Returns after `deadline` at the latest; a goodbye that peers have not acknowledged by then goes on in the
    /// background, also if this future is dropped. Not to be called by a handler, which it waits for.
    pub(crate) async fn close(&self, deadline: Duration) {
        let closing = self.inner.begin_close(deadline);
        if time::timeout(deadline, closing).await.is_err() {
            tracing::debug!("peers did not acknowledge the close in time");
        }
    }
}

impl Inner {
    /// Starts the close in a task of its own: an endpoint that is dropped without one leaves its peers to time out.
    /// The future completes with it; dropping it changes nothing.
    fn begin_close(self: &Arc<Self>, deadline: Duration) -> impl Future<Output = ()> + use<> {
        self.closed.store(true, Ordering::Relaxed);
        let inner = Arc::clone(self);
        let closing = self.closer.spawn("close", async move {
            // Two thirds for the streams, so that the goodbye still goes out when they do not end.
            inner.tasks.close(deadline * 2 / 3).await;
            for session in inner.table.sessions(None) {
                session.close(CloseCode::GRACEFUL_SHUTDOWN);
            }
            let handlers = {
                let mut served = inner
                    .handlers
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *served)
            };
            // What a handler holds may be this transport: let it go outside the lock.
            drop(handlers);
            inner.backend.close().await;
        });
        async move {
            closing.await;
        }
    }

    pub(super) fn handler(&self, protocol: u16) -> Option<(Protocol, Handler)> {
        let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        handlers.get(&protocol).cloned()
    }

    pub(super) fn admits(&self, peer: &PeerId) -> bool {
        self.filter
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .admits(peer)
    }
}

impl Transport {
    /// For who must not keep it open.
    pub(crate) fn downgrade(&self) -> WeakTransport {
        WeakTransport {
            inner: Arc::downgrade(&self.inner),
            owner: Arc::downgrade(&self.owner),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if !self.inner.closed.load(Ordering::Relaxed) {
            drop(self.inner.begin_close(CLOSE_ON_DROP));
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("local", &self.inner.local.fmt_short().to_string())
            .field("connected", &self.connected().len())
            .finish_non_exhaustive()
    }
}
