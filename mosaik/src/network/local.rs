//! This node, as the layers above the transport and the user see it.

use std::{fmt, sync::Arc};

use crate::{
    primitives::{EndpointAddr, NetworkId, PeerId, SecretKey},
    runtime::Shutdown,
    transport::{Endpoint, Transport},
};

/// The local node: its identity and how it can be reached.
///
/// Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct LocalNode(Arc<Inner>);

struct Inner {
    network_id: NetworkId,
    secret_key: SecretKey,
    transport: Transport,
    shutdown: Shutdown,
}

impl LocalNode {
    pub(super) fn new(
        network_id: NetworkId,
        secret_key: SecretKey,
        transport: Transport,
        shutdown: Shutdown,
    ) -> Self {
        Self(Arc::new(Inner {
            network_id,
            secret_key,
            transport,
            shutdown,
        }))
    }

    /// The network that this node belongs to.
    pub fn network_id(&self) -> &NetworkId {
        &self.0.network_id
    }

    /// The transport's endpoint, for what mosaik does not offer itself.
    ///
    /// On the in-memory transport it is an endpoint without sockets.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.transport.endpoint()
    }

    /// The id, relays and direct addresses of this node as they are now.
    pub fn addr(&self) -> EndpointAddr {
        self.0.transport.local_addr()
    }

    /// The public key that identifies this node.
    pub fn id(&self) -> PeerId {
        self.0.transport.local_id()
    }

    /// The secret key of this node.
    pub fn secret_key(&self) -> &SecretKey {
        &self.0.secret_key
    }

    /// Waits until this node can be reached by some configured means.
    ///
    /// A direct address is enough, so this resolves at once offline and on a local network; only a
    /// node without any address waits for one. It also resolves when the network is closed.
    pub async fn online(&self) {
        let mut changes = self.0.transport.addr_changes();
        let reachable = changes.wait_for(|addr| !addr.is_empty());
        tokio::select! {
            // An error says that the transport is gone: nothing is left to wait for.
            _ = reachable => {}
            () = self.0.shutdown.cancelled() => {}
        }
    }
}

impl fmt::Display for LocalNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalNode({})", self.id())
    }
}

impl fmt::Debug for LocalNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalNode")
            .field("id", &self.id())
            .field("network_id", &self.0.network_id)
            .finish_non_exhaustive()
    }
}
