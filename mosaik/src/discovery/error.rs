//! What can go wrong in discovery.

use crate::{
    primitives::{EntryError, NetworkId, PeerId},
    transport::OpenError,
};

/// Why an operation of discovery failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An entry can be signed only with the key of the peer that it describes (expected, actual).
    #[error("peer id does not match the secret key: expected {0}, got {1}")]
    InvalidSecretKey(PeerId, PeerId),

    /// The peer belongs to another network. Nothing was exchanged.
    #[error("peer is on a different network: ours is {local_network}, theirs is {remote_network}")]
    DifferentNetwork {
        /// The network of this node.
        local_network: NetworkId,
        /// The network of the peer.
        remote_network: NetworkId,
    },

    /// The signature of an entry is not one of its peer.
    #[error("signature is invalid")]
    InvalidSignature,

    /// An entry describes one peer for ever (expected, actual).
    #[error("an entry of {0} cannot take an address of {1}")]
    PeerIdChanged(PeerId, PeerId),

    /// An entry is larger than entries may be.
    #[error("entry holds {actual} {what}, at most {limit} are allowed")]
    EntryTooLarge {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much there may be.
        limit: usize,
    },

    /// The peer could not be reached.
    #[error("no link to the peer")]
    Link(#[source] OpenError),

    /// The peer is there, but what it said on the link is not of this protocol.
    #[error("peer {0} does not speak this protocol")]
    NotUnderstood(PeerId),

    /// The peer could not be reached, or the link to it was lost.
    #[error("peer {0} cannot be reached")]
    Unreachable(PeerId),

    /// The peer did not finish the exchange in time.
    #[error("sync with {0} did not finish in time")]
    SyncTimeout(PeerId),

    /// This node is leaving its network.
    #[error("operation cancelled: the node is shutting down")]
    Cancelled,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Link(_) | Self::Unreachable(_) | Self::SyncTimeout(_)
        )
    }

    /// Whether it is certain that nothing changed. A sync that did not finish may have merged a part.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable(_) | Self::SyncTimeout(_) | Self::Cancelled
        )
    }

    pub(super) fn of_failed_dial(error: OpenError) -> Self {
        match error {
            OpenError::DifferentNetwork { local, remote } => Self::DifferentNetwork {
                local_network: local,
                remote_network: remote,
            },
            error => Self::Link(error),
        }
    }
}

impl From<EntryError> for Error {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::SecretKeyMismatch { expected, actual } => {
                Self::InvalidSecretKey(expected, actual)
            }
            EntryError::PeerIdChanged { expected, actual } => Self::PeerIdChanged(expected, actual),
            EntryError::SignatureInvalid { .. } => Self::InvalidSignature,
            EntryError::LimitExceeded {
                what,
                actual,
                limit,
            } => Self::EntryTooLarge {
                what,
                actual,
                limit,
            },
        }
    }
}
