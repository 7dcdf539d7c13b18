//! What can go wrong, by operation. Every error tells whether a retry makes sense and whether it happened at all.

use std::{io, net::SocketAddr, time::Duration};

use crate::primitives::{NetworkId, PeerId};

use super::{
    close::{CloseCode, ConnectionEnd},
    frame::FrameError,
};

/// A transport could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another socket has the address.
    #[error("address {address} is in use: choose another port, or stop what listens there")]
    AddressInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address is not one of this host, or not one that this process may use.
    #[error("cannot bind {address}")]
    Address {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A set of addresses that cannot be bound together.
    #[error("cannot bind the given addresses together")]
    Addresses(#[source] iroh::endpoint::InvalidSocketAddr),
    /// Everything else that the endpoint refuses.
    #[error("cannot bind the endpoint")]
    Endpoint(#[source] iroh::endpoint::BindError),
    /// The identity is already bound in this in-memory network.
    #[error("peer {peer} is already bound here")]
    IdentityInUse {
        /// The identity.
        peer: PeerId,
    },
}

impl BindError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::AddressInUse { .. })
    }

    /// Always: nothing is bound.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// A handshake that did not come about.
#[derive(Clone, Debug)]
pub(crate) enum DialError {
    NoAddress,
    Refused,
    Unreachable(String),
}

/// A stream to a peer could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A node does not dial itself; serve local calls in process.
    #[error("cannot open a stream to oneself")]
    ToOneself,
    /// Nothing says where the peer is.
    #[error("no address is known for peer {peer}")]
    NoAddress {
        /// The peer.
        peer: PeerId,
    },
    /// The peer did not complete a handshake in time.
    #[error("peer {peer} did not answer the dial within {after:?}")]
    DialTimedOut {
        /// The peer.
        peer: PeerId,
        /// The deadline.
        after: Duration,
    },
    /// The peer refused the handshake, most likely because it is busy.
    #[error("peer {peer} refused the connection")]
    Refused {
        /// The peer.
        peer: PeerId,
    },
    /// The peer cannot be reached.
    #[error("peer {peer} cannot be reached: {detail}")]
    Unreachable {
        /// The peer.
        peer: PeerId,
        /// What the QUIC layer says.
        detail: String,
    },
    /// This node's own lists keep the peer out.
    #[error("peer {peer} is denied here")]
    Denied {
        /// The peer.
        peer: PeerId,
    },
    /// The peer belongs to another network.
    #[error("peer is on network {remote}, this node is on {local}")]
    DifferentNetwork {
        /// Our network.
        local: NetworkId,
        /// The peer's network.
        remote: NetworkId,
    },
    /// The peer turned the stream away.
    #[error("peer {peer} rejected {protocol}: {code}{}", Detail(reason))]
    Rejected {
        /// The peer.
        peer: PeerId,
        /// The protocol's name.
        protocol: &'static str,
        /// Why, for programs.
        code: CloseCode,
        /// Why, for people. The peer's words, not to be trusted.
        reason: String,
    },
    /// The peer did not answer the stream's header in time.
    #[error("peer {peer} did not answer {protocol} within {after:?}")]
    NoAnswer {
        /// The peer.
        peer: PeerId,
        /// The protocol's name.
        protocol: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The connection ended before the answer.
    #[error("connection to {peer} {end}")]
    ConnectionEnded {
        /// The peer.
        peer: PeerId,
        /// How it ended.
        end: ConnectionEnd,
    },
    /// The peer's answer makes no sense.
    #[error("peer {peer} answered {protocol} with something else")]
    Violation {
        /// The peer.
        peer: PeerId,
        /// The protocol's name.
        protocol: &'static str,
    },
    /// The request is longer than its protocol allows.
    #[error("request of {bytes} bytes exceeds the limit of {limit} bytes of protocol {protocol}")]
    RequestTooLarge {
        /// The length of the request.
        bytes: usize,
        /// The protocol's limit.
        limit: usize,
        /// The protocol's name.
        protocol: &'static str,
    },
    /// This transport is closed.
    #[error("the transport is closed")]
    Closed,
}

impl OpenError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoAddress { .. }
            | Self::DialTimedOut { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::NoAnswer { .. } => true,
            Self::ConnectionEnded { end, .. } => end.code() != Some(CloseCode::NOT_ALLOWED),
            Self::Rejected { code, .. } => matches!(
                *code,
                CloseCode::OVERLOADED
                    | CloseCode::TOO_MANY_STREAMS
                    | CloseCode::NO_CAPACITY
                    | CloseCode::UNKNOWN_PEER
                    | CloseCode::UNKNOWN_PROTOCOL
                    | CloseCode::STREAM_NOT_FOUND
                    | CloseCode::CANCELLED
                    | CloseCode::UNANSWERED
                    | CloseCode::HANDLER_FAILED
            ),
            Self::ToOneself
            | Self::Denied { .. }
            | Self::DifferentNetwork { .. }
            | Self::Violation { .. }
            | Self::RequestTooLarge { .. }
            | Self::Closed => false,
        }
    }

    /// Whether the peer's handler has certainly not seen the request.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::ConnectionEnded { .. } | Self::Violation { .. } => false,
            Self::Rejected { code, .. } => {
                !matches!(*code, CloseCode::HANDLER_FAILED | CloseCode::UNANSWERED)
            }
            _ => true,
        }
    }
}

/// A reason in parentheses, if there is one.
struct Detail<'a>(&'a str);

impl std::fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.0)
    }
}

/// An established stream failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LinkError {
    /// The peer abandoned what it was sending.
    #[error("stream reset by the peer: {0}")]
    Reset(CloseCode),
    /// The peer does not want to receive any more.
    #[error("stream stopped by the peer: {0}")]
    Stopped(CloseCode),
    /// The connection underneath has ended.
    #[error("connection {0}")]
    ConnectionEnded(ConnectionEnd),
    /// The peer announced a frame that its protocol does not allow. The stream is stopped.
    #[error("peer announced a frame of {bytes} bytes, the limit of protocol {protocol} is {limit}")]
    FrameTooLarge {
        /// The announced length.
        bytes: usize,
        /// The protocol's limit.
        limit: usize,
        /// The protocol's name.
        protocol: &'static str,
    },
    /// A frame was refused before it was sent.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The stream ended in the middle of a frame.
    #[error("stream ended inside a frame")]
    Truncated,
    /// The peer did not acknowledge the end of the stream in time.
    #[error("end of stream was not acknowledged within {after:?}")]
    NotAcknowledged {
        /// The deadline.
        after: Duration,
    },
    /// This end has closed the stream already.
    #[error("stream is closed")]
    Closed,
}

impl LinkError {
    /// The peer's code, if it gave one.
    pub(crate) fn code(&self) -> Option<CloseCode> {
        match self {
            Self::Reset(code) | Self::Stopped(code) => Some(*code),
            Self::ConnectionEnded(end) => end.code(),
            _ => None,
        }
    }

    /// Whether a new stream to the same peer may do better.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::ConnectionEnded(_) | Self::Truncated | Self::NotAcknowledged { .. } => true,
            Self::Reset(code) | Self::Stopped(code) => !matches!(
                *code,
                CloseCode::NOT_ALLOWED | CloseCode::PROTOCOL_VIOLATION | CloseCode::FRAME_TOO_LARGE
            ),
            Self::FrameTooLarge { .. } | Self::Frame(_) | Self::Closed => false,
        }
    }

    /// Whether the peer has certainly not received what the failed call sent.
    pub(crate) fn is_definite(&self) -> bool {
        matches!(self, Self::Frame(_) | Self::Closed)
    }
}
