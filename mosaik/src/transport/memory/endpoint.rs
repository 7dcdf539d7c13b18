//! A node of a network in memory: it dials and is dialled.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::{
    primitives::{Digest, EndpointAddr, PeerId, TransportAddr},
    runtime::time::sleep,
    transport::{
        admission::Origin,
        config::TransportConfig,
        error::{BindError, DialError},
        protocol::Lane,
    },
};

use super::{
    MemoryNet,
    conn::{MemoryConn, Shared},
};

/// Connections that wait to be accepted; beyond, a node refuses.
const WAITING_MAX: usize = 1024;

/// A node as others see it.
pub(super) struct Node {
    id: PeerId,
    serial: u64,
    door: mpsc::Sender<MemoryHandshake>,
    dead: watch::Sender<bool>,
}

impl Node {
    /// A place of its own for every life of every node.
    pub(super) fn place(&self) -> TransportAddr {
        TransportAddr::Ip(self.socket_addr())
    }

    fn socket_addr(&self) -> SocketAddr {
        let [.., a, b, c] = self.serial.to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(10, a, b, c), 4433))
    }

    fn addr(&self) -> EndpointAddr {
        EndpointAddr::from_parts(self.id, [self.place()])
    }

    pub(super) fn die(&self) {
        self.dead.send_replace(true);
    }

    fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }
}

/// A node as its own transport sees it.
pub(crate) struct MemoryEndpoint {
    net: MemoryNet,
    node: Arc<Node>,
    waiting: Mutex<mpsc::Receiver<MemoryHandshake>>,
    addr: watch::Sender<EndpointAddr>,
    closed: AtomicBool,
}

impl MemoryEndpoint {
    pub(crate) fn bind(net: &MemoryNet, config: &TransportConfig) -> Result<Self, BindError> {
        let id = config.secret_key.public();
        let (door, waiting) = mpsc::channel(WAITING_MAX);
        let node = {
            let mut state = net.lock();
            if state.nodes.contains_key(&id) {
                return Err(BindError::IdentityInUse { peer: id });
            }
            state.serial += 1;
            let node = Arc::new(Node {
                id,
                serial: state.serial,
                door,
                dead: watch::Sender::new(false),
            });
            state.nodes.insert(id, Arc::clone(&node));
            node
        };
        net.changed();
        Ok(Self {
            net: net.clone(),
            addr: watch::Sender::new(node.addr()),
            node,
            waiting: Mutex::new(waiting),
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn addr_changes(&self) -> watch::Receiver<EndpointAddr> {
        self.addr.subscribe()
    }

    pub(crate) fn bound(&self) -> Vec<SocketAddr> {
        vec![self.node.socket_addr()]
    }

    /// Completes when the node has crashed.
    pub(crate) async fn background(&self) {
        let mut dead = self.node.dead.subscribe();
        let _ = dead.wait_for(|is_dead| *is_dead).await;
    }

    pub(crate) async fn dial(&self, to: EndpointAddr, lane: Lane) -> Result<MemoryConn, DialError> {
        let mut topology = self.net.inner.topology.subscribe();
        loop {
            if self.node.is_dead() {
                return Err(DialError::Unreachable("this node has crashed".to_owned()));
            }
            topology.borrow_and_update();
            if let Some(conn) = self.attempt(&to, lane).await? {
                return Ok(conn);
            }
            // Nobody answers there; a change may bring somebody. The caller has a deadline.
            let _ = topology.changed().await;
        }
    }

    async fn attempt(
        &self,
        to: &EndpointAddr,
        lane: Lane,
    ) -> Result<Option<MemoryConn>, DialError> {
        let node = self.net.node(to).map_err(|_| DialError::NoAddress)?;
        let Some(node) = node else {
            return Ok(None);
        };
        let (there, back, secret) = {
            let mut state = self.net.lock();
            let there = self.net.path(&mut state, self.node.id, node.id);
            let back = self.net.path(&mut state, node.id, self.node.id);
            let mut secret = [0; 32];
            state.rng.fill(&mut secret);
            (there, back, Digest::from_bytes(secret))
        };
        let is_cut = || there.view().cut_since.is_some() || back.view().cut_since.is_some();
        if is_cut() {
            return Ok(None);
        }
        sleep(there.latency()).await;
        if is_cut() || node.is_dead() {
            return Ok(None);
        }
        let shared = Shared::new(
            self.net.clone(),
            self.net.inner.clock,
            lane,
            secret,
            [self.node.id, node.id],
            [there.clone(), back.clone()],
        );
        let weak = Arc::downgrade(&shared);
        let (ours, theirs) = MemoryConn::pair(shared);
        let (answer, answered) = oneshot::channel();
        let handshake = MemoryHandshake {
            origin: self.node.socket_addr(),
            conn: theirs,
            answer,
        };
        if node.door.try_send(handshake).is_err() {
            return Err(DialError::Refused);
        }
        let Ok(true) = answered.await else {
            return if node.is_dead() {
                Ok(None)
            } else {
                Err(DialError::Refused)
            };
        };
        self.net.lock().connections.push(weak);
        sleep(back.latency()).await;
        if is_cut() {
            // The acceptor's end hears nothing from us and times out by itself.
            ours.abandon();
            return Ok(None);
        }
        Ok(Some(ours))
    }

    pub(crate) async fn accept(&self) -> Option<MemoryHandshake> {
        let mut dead = self.node.dead.subscribe();
        let mut waiting = self.waiting.lock().await;
        tokio::select! {
            biased;
            _ = dead.wait_for(|is_dead| *is_dead) => None,
            handshake = waiting.recv() => handshake,
        }
    }

    pub(crate) fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut state = self.net.lock();
        let is_ours = state
            .nodes
            .get(&self.node.id)
            .is_some_and(|node| Arc::ptr_eq(node, &self.node));
        if is_ours {
            state.nodes.remove(&self.node.id);
        }
        drop(state);
        self.node.die();
        self.net.changed();
    }
}

impl Drop for MemoryEndpoint {
    fn drop(&mut self) {
        self.close();
    }
}

/// A connection that wants in.
pub(crate) struct MemoryHandshake {
    origin: SocketAddr,
    conn: MemoryConn,
    answer: oneshot::Sender<bool>,
}

impl MemoryHandshake {
    pub(crate) fn origin(&self) -> Origin {
        Origin::Direct(self.origin)
    }

    pub(crate) fn lane(&self) -> Lane {
        self.conn.lane()
    }

    pub(crate) fn refuse(self) {
        // The dialler may have given up; then nobody minds.
        let _ = self.answer.send(false);
    }

    pub(crate) fn complete(self) -> Result<MemoryConn, String> {
        self.answer
            .send(true)
            .map_err(|_| "the dialler gave up".to_owned())?;
        Ok(self.conn)
    }
}
