//! A node: identity, transport and the layers composed.
//!
//! [`Network`] is where a program starts. It opens the transport, starts discovery and the layers
//! above, and closes them in order. It does not know what travels between peers.

mod builder;
pub use builder::{NetworkBuilder, NetworkConfig};

mod local;
pub use local::LocalNode;

pub mod error;
pub use error::*;

mod shutdown;
pub use shutdown::ShutdownReport;

mod data_dir;

mod remember;

#[cfg(feature = "tdx")]
mod tdx;
#[cfg(feature = "tdx")]
pub use tdx::{NetworkTdxExt, NetworkTdxOps};

pub use crate::{
    primitives::{NetworkId, PeerId},
    transport::{RelayMode, TransportStats},
};
pub use error::Error as NetworkError;

use std::{sync::Arc, time::Duration};

use shutdown::{DROP_DEADLINE, Parts};
use tokio::{runtime::Handle, sync::OnceCell};

use crate::{collections::Stores, discovery::Discovery, groups::Groups, streams::Streams};

/// A node of a network: everything else is reached through it.
///
/// ```no_run
/// # async fn example() -> Result<(), mosaik::network::Error> {
/// let network = mosaik::Network::new("my-network").await?;
/// println!("this node is {}", network.local().id());
/// # Ok(())
/// # }
/// ```
///
/// Dropping it closes the node in the background, goodbye to its peers included, if the runtime goes
/// on for about a second. A program that ends right after should await [`shutdown`](Self::shutdown).
pub struct Network {
    config: NetworkConfig,
    local: LocalNode,
    discovery: Discovery,
    streams: Streams,
    groups: Groups,
    stores: Stores,
    parts: Arc<Parts>,
    closed: Arc<OnceCell<Result<ShutdownReport, ShutdownError>>>,
    #[cfg(feature = "tdx")]
    tdx: Arc<tdx::Attester>,
    /// `Drop` may run on a thread that knows no runtime.
    runtime: Handle,
}

impl Network {
    /// Opens a network with default settings: `builder(network_id).build()`.
    ///
    /// Returns in some tens of milliseconds, with or without a network connection.
    pub async fn new(network_id: impl Into<NetworkId>) -> Result<Self, Error> {
        Self::builder(network_id).build().await
    }

    /// The settings of a network, to be changed and built.
    pub fn builder(network_id: impl Into<NetworkId>) -> NetworkBuilder {
        NetworkBuilder::default().with_network_id(network_id)
    }

    fn assemble(config: NetworkConfig, local: LocalNode, parts: Parts) -> Self {
        Self {
            config,
            local,
            discovery: parts.discovery.clone(),
            streams: parts.streams.share(),
            groups: parts.groups.share(),
            stores: Stores::default(),
            #[cfg(feature = "tdx")]
            tdx: parts.tdx.clone(),
            parts: Arc::new(parts),
            closed: Arc::default(),
            runtime: Handle::current(),
        }
    }

    /// The network that this node takes part in.
    pub fn network_id(&self) -> &NetworkId {
        self.local.network_id()
    }

    /// The settings that this node was built with.
    pub const fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// This node's identity and addresses.
    pub const fn local(&self) -> &LocalNode {
        &self.local
    }

    /// Waits until this node can be reached by some configured means; offline, that is at once.
    pub async fn online(&self) {
        self.local.online().await;
    }

    /// Who else is there, and what this node tells about itself.
    pub const fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Typed publish/subscribe with the other nodes.
    pub const fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Replicated state machines, shared with the other nodes.
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The stores of collections that are open here.
    pub(crate) const fn stores(&self) -> &Stores {
        &self.stores
    }

    /// What the transport has done, refused and dropped since it was opened, counted by kind.
    pub fn stats(&self) -> TransportStats {
        self.parts.transport.stats()
    }

    /// Leaves: flushes, says goodbye to the peers, ends all tasks and closes all connections.
    ///
    /// The node is closed when this returns, whatever the result; calling it again gives the same
    /// result. A future that is dropped half way is finished by the next call or by `Drop`.
    ///
    /// # Errors
    /// [`ShutdownError::DeadlineExceeded`] names what was cut off.
    pub async fn shutdown(&self, deadline: Duration) -> Result<ShutdownReport, ShutdownError> {
        self.closed
            .get_or_init(|| self.parts.close(deadline))
            .await
            .clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.closed.initialized() {
            return;
        }
        let (parts, closed) = (Arc::clone(&self.parts), Arc::clone(&self.closed));
        // Not one of the node's own tasks: it ends those. Without a runtime it is dropped, and peers
        // find out by themselves.
        self.runtime.spawn(async move {
            closed.get_or_init(|| parts.close(DROP_DEADLINE)).await;
        });
    }
}
