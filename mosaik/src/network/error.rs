//! Why a network could not be opened or closed.

pub use crate::transport::{BindError, CloseCode, CloseReason, ConnectionEnd, OpenError};

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    discovery, groups,
    primitives::{NetworkId, PeerId},
    streams,
    transport::InvalidSocketAddr,
};

/// Why [`NetworkBuilder::build`](super::NetworkBuilder::build) failed. Nothing was left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The builder was made without a network id.
    #[error("missing network id; give one with `Network::builder` or `with_network_id`")]
    MissingNetworkId,

    /// The transport could not be opened.
    #[error(transparent)]
    Bind(BindError),

    /// Another program has the UDP port.
    #[error("address {address} is in use; stop what listens there, or choose another port")]
    AddressInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },

    /// An address that cannot be listened on.
    #[error("invalid address: {0}")]
    InvalidAddress(InvalidSocketAddr),

    /// The settings of discovery make no sense.
    #[error("invalid discovery settings: {0}")]
    DiscoveryConfig(discovery::ConfigBuilderError),

    /// The settings of streams make no sense.
    #[error("invalid streams settings: {0}")]
    StreamsConfig(streams::ConfigBuilderError),

    /// The settings of groups make no sense.
    #[error("invalid groups settings: {0}")]
    GroupsConfig(groups::ConfigBuilderError),

    /// This node's own entry is more than entries may hold; it has too many tags, for one.
    #[error(transparent)]
    Discovery(discovery::Error),

    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(DataDirError),
}

impl Error {
    /// Whether the same call may succeed later without a change of settings.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::AddressInUse { .. } => true,
            Self::Bind(error) => error.is_retryable(),
            Self::DataDir(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether it is certain that no node was started: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        match error {
            BindError::AddressInUse { address } => Self::AddressInUse { address },
            BindError::Addresses(error) => Self::InvalidAddress(error),
            error => Self::Bind(error),
        }
    }
}

impl From<InvalidSocketAddr> for Error {
    fn from(error: InvalidSocketAddr) -> Self {
        Self::InvalidAddress(error)
    }
}

impl From<streams::ConfigBuilderError> for Error {
    fn from(error: streams::ConfigBuilderError) -> Self {
        Self::StreamsConfig(error)
    }
}

impl From<groups::ConfigBuilderError> for Error {
    fn from(error: groups::ConfigBuilderError) -> Self {
        Self::GroupsConfig(error)
    }
}

impl From<discovery::ConfigBuilderError> for Error {
    fn from(error: discovery::ConfigBuilderError) -> Self {
        Self::DiscoveryConfig(error)
    }
}

impl From<DataDirError> for Error {
    fn from(error: DataDirError) -> Self {
        Self::DataDir(error)
    }
}

/// Why a data directory was refused. Nothing in it was changed but its lock file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another network of this or another process has the directory open.
    #[error("data directory {} is in use{}; stop it or use another directory", .path.display(), by_process(*.process))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that has it open, if it says.
        process: Option<u32>,
    },

    /// A file or the directory itself cannot be made, read or written.
    #[error("cannot use {}: {reason}; make it writable for this user or use another data directory", .path.display())]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },

    /// The key file is there and cannot be read.
    #[error("cannot read the key file {}: {reason}; make it readable for this user", .path.display())]
    UnreadableKey {
        /// The key file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },

    /// The key file holds something else than a key.
    #[error("the key file {} is not 64 hex digits; restore it, or move it and its directory away for a new identity", .path.display())]
    MalformedKey {
        /// The key file.
        path: PathBuf,
    },

    /// Other users can read the key file.
    #[error("the key file {} is open to other users (mode {mode:o}); chmod 600 it", .path.display())]
    KeyPermissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// The directory belongs to a peer whose key file is gone.
    #[error("the key file {} is missing; restore the key of peer {peer}, or use another data directory", .path.display())]
    MissingKey {
        /// Where the key should be.
        path: PathBuf,
        /// The peer that the directory belongs to.
        peer: PeerId,
    },

    /// The directory belongs to another peer than the given secret key.
    #[error("data directory {} belongs to peer {found}, not to {expected}; give its key or use another directory", .path.display())]
    OtherKey {
        /// The directory.
        path: PathBuf,
        /// The peer of the key in use.
        expected: PeerId,
        /// The peer that the directory belongs to.
        found: PeerId,
    },

    /// The directory belongs to another network.
    #[error("data directory {} belongs to network {found}, not to {expected}; use another directory", .path.display())]
    OtherNetwork {
        /// The directory.
        path: PathBuf,
        /// The network that was asked for.
        expected: NetworkId,
        /// The network that the directory belongs to.
        found: NetworkId,
    },

    /// The file that says what the directory belongs to is damaged.
    #[error("{} is damaged; restore it or use another data directory", .path.display())]
    MalformedIdentity {
        /// The damaged file.
        path: PathBuf,
    },
}

impl DataDirError {
    /// Whether the same call may succeed later without a change by a person.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }

    /// Whether it is certain that nothing was written to the directory: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

fn by_process(process: Option<u32>) -> String {
    process
        .map(|id| format!(" by process {id}"))
        .unwrap_or_default()
}

/// Why [`Network::shutdown`](super::Network::shutdown) was not clean. The network is closed all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// Something took longer than it was given, and was cut off.
    #[error("shutdown took longer than {deadline:?}: {unfinished} was cut off")]
    DeadlineExceeded {
        /// The time that was given.
        deadline: Duration,
        /// The step that was under way.
        unfinished: &'static str,
    },
}

impl ShutdownError {
    /// Whether calling again may end better: no, the network is closed.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was lost: no.
    pub const fn is_definite(&self) -> bool {
        false
    }
}
