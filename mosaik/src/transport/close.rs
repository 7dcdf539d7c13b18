//! Why a connection or a stream ended: one table of codes for the whole crate.

use std::fmt;

use iroh::endpoint::{ApplicationClose, VarInt};

/// The reason code of a closed connection, a reset stream or a rejected request.
///
/// Two codes are equal when their numbers are. Codes 0 to 199 belong to mosaik; a name is only for people.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u32);

impl CloseCode {
    /// Dropped without a reason. What QUIC says when nobody gave a code.
    pub const DROPPED: Self = Self(0);
    /// The accepting side expected another application protocol.
    pub const INVALID_ALPN: Self = Self(100);
    /// The handshake named another network.
    pub const DIFFERENT_NETWORK: Self = Self(101);
    /// The local side gave up.
    pub const CANCELLED: Self = Self(102);
    /// The peer's stream ended where it must not.
    pub const UNEXPECTED_CLOSE: Self = Self(103);
    /// A limit on connections, handshakes or memory is reached; try later.
    pub const OVERLOADED: Self = Self(104);
    /// Another connection between the same two peers is kept instead.
    pub const DUPLICATE: Self = Self(105);
    /// Nobody had used the connection for a while.
    pub const IDLE: Self = Self(106);
    /// The peer has started anew, and this connection belongs to its former life.
    pub const RESTARTED: Self = Self(107);
    /// The peer opened a connection or a stream and said nothing.
    pub const SILENT: Self = Self(108);
    /// No such protocol is served here.
    pub const UNKNOWN_PROTOCOL: Self = Self(109);
    /// The protocol is served in another version.
    pub const UNSUPPORTED_VERSION: Self = Self(110);
    /// The peer has too many streams of this protocol open.
    pub const TOO_MANY_STREAMS: Self = Self(111);
    /// A frame is longer than its protocol allows.
    pub const FRAME_TOO_LARGE: Self = Self(112);
    /// The handler of the stream failed.
    pub const HANDLER_FAILED: Self = Self(113);
    /// The handler ended without accepting or rejecting.
    pub const UNANSWERED: Self = Self(114);
    /// The protocol ran to its end.
    pub const SUCCESS: Self = Self(200);
    /// The node or the producer is going away.
    pub const GRACEFUL_SHUTDOWN: Self = Self(204);
    /// A message could not be decoded or came out of turn.
    pub const PROTOCOL_VIOLATION: Self = Self(400);
    /// The dialler is not known to the acceptor: sync catalogs and retry.
    pub const UNKNOWN_PEER: Self = Self(401);
    /// The subscription is refused.
    pub const NOT_ALLOWED: Self = Self(10_403);
    /// No such stream is produced here.
    pub const STREAM_NOT_FOUND: Self = Self(10_404);
    /// The two ends of a stream have different schemas for its datums.
    pub const SCHEMA_MISMATCH: Self = Self(10_409);
    /// The consumer lagged behind.
    pub const TOO_SLOW: Self = Self(10_413);
    /// The producer cannot evaluate the consumer's filter.
    pub const FILTER_UNSUPPORTED: Self = Self(10_422);
    /// The producer has as many consumers as it takes.
    pub const NO_CAPACITY: Self = Self(10_509);

    /// The introduction to a bond makes no sense.
    pub const INVALID_HANDSHAKE: Self = Self(30_400);
    /// A ticket that members of the group need is missing, or has run out.
    pub const MEMBER_NOT_ALLOWED: Self = Self(30_403);
    /// The node is not in the group.
    pub const GROUP_NOT_FOUND: Self = Self(30_404);
    /// The peer does not know the group's key.
    pub const INVALID_PROOF: Self = Self(30_405);
    /// The member was silent for too long.
    pub const MEMBER_TIMEOUT: Self = Self(30_408);
    /// There is a bond between the two members already.
    pub const ALREADY_BONDED: Self = Self(30_429);

    /// A code of one's own. Stay above 199, and out of the table of this type.
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// The number on the wire.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The name in the table, or `None` for a code that is not in it.
    pub fn name(self) -> Option<&'static str> {
        let index = TABLE
            .binary_search_by_key(&self.0, |(code, _)| code.0)
            .ok()?;
        Some(TABLE[index].1)
    }

    /// Whether the code is one of those that mosaik keeps for itself.
    pub const fn is_reserved(self) -> bool {
        self.0 < 200
    }

    pub(crate) fn from_wire(code: VarInt) -> Self {
        Self(u32::try_from(code.into_inner()).unwrap_or(u32::MAX))
    }

    pub(crate) fn to_wire(self) -> VarInt {
        VarInt::from_u32(self.0)
    }
}

/// Every named code, in ascending order.
const TABLE: &[(CloseCode, &str)] = &[
    (CloseCode::DROPPED, "Dropped"),
    (CloseCode::INVALID_ALPN, "InvalidAlpn"),
    (CloseCode::DIFFERENT_NETWORK, "DifferentNetwork"),
    (CloseCode::CANCELLED, "Cancelled"),
    (CloseCode::UNEXPECTED_CLOSE, "UnexpectedClose"),
    (CloseCode::OVERLOADED, "Overloaded"),
    (CloseCode::DUPLICATE, "Duplicate"),
    (CloseCode::IDLE, "Idle"),
    (CloseCode::RESTARTED, "Restarted"),
    (CloseCode::SILENT, "Silent"),
    (CloseCode::UNKNOWN_PROTOCOL, "UnknownProtocol"),
    (CloseCode::UNSUPPORTED_VERSION, "UnsupportedVersion"),
    (CloseCode::TOO_MANY_STREAMS, "TooManyStreams"),
    (CloseCode::FRAME_TOO_LARGE, "FrameTooLarge"),
    (CloseCode::HANDLER_FAILED, "HandlerFailed"),
    (CloseCode::UNANSWERED, "Unanswered"),
    (CloseCode::SUCCESS, "Success"),
    (CloseCode::GRACEFUL_SHUTDOWN, "GracefulShutdown"),
    (CloseCode::PROTOCOL_VIOLATION, "ProtocolViolation"),
    (CloseCode::UNKNOWN_PEER, "UnknownPeer"),
    (CloseCode::NOT_ALLOWED, "NotAllowed"),
    (CloseCode::STREAM_NOT_FOUND, "StreamNotFound"),
    (CloseCode::SCHEMA_MISMATCH, "SchemaMismatch"),
    (CloseCode::TOO_SLOW, "TooSlow"),
    (CloseCode::FILTER_UNSUPPORTED, "FilterUnsupported"),
    (CloseCode::NO_CAPACITY, "NoCapacity"),
    (CloseCode::INVALID_HANDSHAKE, "InvalidHandshake"),
    (CloseCode::MEMBER_NOT_ALLOWED, "NotAllowed"),
    (CloseCode::GROUP_NOT_FOUND, "GroupNotFound"),
    (CloseCode::INVALID_PROOF, "InvalidProof"),
    (CloseCode::MEMBER_TIMEOUT, "Timeout"),
    (CloseCode::ALREADY_BONDED, "AlreadyBonded"),
];

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}({})", self.0),
            None => write!(f, "CloseCode({})", self.0),
        }
    }
}

impl std::error::Error for CloseCode {}

impl From<u32> for CloseCode {
    fn from(code: u32) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u32 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl From<CloseCode> for VarInt {
    fn from(code: CloseCode) -> Self {
        code.to_wire()
    }
}

impl From<CloseCode> for ApplicationClose {
    fn from(code: CloseCode) -> Self {
        Self {
            error_code: code.to_wire(),
            reason: code.to_string().into(),
        }
    }
}

impl From<&ApplicationClose> for CloseCode {
    fn from(close: &ApplicationClose) -> Self {
        Self::from_wire(close.error_code)
    }
}

impl PartialEq<ApplicationClose> for CloseCode {
    fn eq(&self, close: &ApplicationClose) -> bool {
        self.to_wire() == close.error_code
    }
}

/// A reason that travels when a connection is closed.
///
/// [`CloseCode`] is one. Equality with what came over the wire compares the code only.
pub trait CloseReason:
    std::error::Error
    + Into<ApplicationClose>
    + PartialEq<ApplicationClose>
    + Clone
    + Sized
    + Send
    + Sync
    + 'static
{
}

impl CloseReason for CloseCode {}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionEnd {
    /// The peer closed it and said why.
    ByPeer(CloseCode),
    /// This node closed it.
    ByUs(CloseCode),
    /// The peer was silent for longer than the lane allows.
    TimedOut,
    /// The QUIC layer gave up: a reset, a violation, or a handshake that failed.
    Failed,
}

impl ConnectionEnd {
    /// The code that the closing side gave, if there was one.
    pub fn code(self) -> Option<CloseCode> {
        match self {
            Self::ByPeer(code) | Self::ByUs(code) => Some(code),
            Self::TimedOut | Self::Failed => None,
        }
    }

    /// Whether the connection was set aside for another one or for want of use, which says nothing about the peer.
    pub(crate) fn is_housekeeping(self) -> bool {
        matches!(self.code(), Some(CloseCode::DUPLICATE | CloseCode::IDLE))
    }
}

impl fmt::Display for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByPeer(code) => write!(f, "closed by the peer ({code})"),
            Self::ByUs(code) => write!(f, "closed by this node ({code})"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_without_repetition() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{:?} before {:?}", pair[0], pair[1]);
        }
    }

    #[test]
    fn codes_of_the_specification_keep_their_numbers() {
        for (code, number, name) in [
            (CloseCode::INVALID_ALPN, 100, "InvalidAlpn"),
            (CloseCode::DIFFERENT_NETWORK, 101, "DifferentNetwork"),
            (CloseCode::CANCELLED, 102, "Cancelled"),
            (CloseCode::UNEXPECTED_CLOSE, 103, "UnexpectedClose"),
            (CloseCode::SUCCESS, 200, "Success"),
            (CloseCode::GRACEFUL_SHUTDOWN, 204, "GracefulShutdown"),
            (CloseCode::PROTOCOL_VIOLATION, 400, "ProtocolViolation"),
            (CloseCode::UNKNOWN_PEER, 401, "UnknownPeer"),
            (CloseCode::NOT_ALLOWED, 10_403, "NotAllowed"),
            (CloseCode::STREAM_NOT_FOUND, 10_404, "StreamNotFound"),
            (CloseCode::TOO_SLOW, 10_413, "TooSlow"),
            (CloseCode::NO_CAPACITY, 10_509, "NoCapacity"),
            (CloseCode::INVALID_HANDSHAKE, 30_400, "InvalidHandshake"),
            (CloseCode::MEMBER_NOT_ALLOWED, 30_403, "NotAllowed"),
            (CloseCode::GROUP_NOT_FOUND, 30_404, "GroupNotFound"),
            (CloseCode::INVALID_PROOF, 30_405, "InvalidProof"),
            (CloseCode::MEMBER_TIMEOUT, 30_408, "Timeout"),
            (CloseCode::ALREADY_BONDED, 30_429, "AlreadyBonded"),
        ] {
            assert_eq!(code.value(), number);
            assert_eq!(code.to_string(), name);
        }
        assert_eq!(CloseCode::new(7_777).to_string(), "code 7777");
    }

    #[test]
    fn equality_with_the_wire_is_by_code() {
        let close = ApplicationClose {
            error_code: VarInt::from_u32(10_404),
            reason: "anything".into(),
        };
        assert_eq!(CloseCode::STREAM_NOT_FOUND, close);
        assert_ne!(CloseCode::TOO_SLOW, close);
        assert_eq!(CloseCode::from_wire(VarInt::MAX).value(), u32::MAX);
    }
}
