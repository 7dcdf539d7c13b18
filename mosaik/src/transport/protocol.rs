//! The protocols that share a connection, and the two lanes that they share it on.

use std::fmt;

/// Which of the two connections between a pair of peers a protocol uses.
///
/// Bulk on the same connection gives a ping a p99 of milliseconds whatever its priority; on its own connection it keeps
/// the median of an idle link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Small, urgent traffic: discovery, bonds, consensus. Keep-alive and time-outs are short.
    Control,
    /// Bulk: streams and snapshots.
    Data,
}

impl Lane {
    /// Both lanes.
    pub(crate) const ALL: [Self; 2] = [Self::Control, Self::Data];

    /// The application protocol that the lane's connections negotiate; it carries the major version.
    pub(crate) const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Control => b"mosaik/1/control",
            Self::Data => b"mosaik/1/data",
        }
    }

    /// The lane of an application protocol, if it is one of ours.
    pub(crate) fn from_alpn(alpn: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.alpn() == alpn)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Data => "data",
        })
    }
}

/// What travels on a stream: its number on the wire and its limits.
///
/// The limits bind both ends before they spend memory on what the other announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    /// The number in a stream's header.
    pub(crate) id: u16,
    /// For logs, errors and counters.
    pub(crate) name: &'static str,
    /// Both ends must speak the same version.
    pub(crate) version: u16,
    /// The connection that its streams use.
    pub(crate) lane: Lane,
    /// The longest frame, in bytes without the length prefix.
    pub(crate) frame_bytes_max: usize,
    /// The longest opening request, and the longest reply to it; at most [`REQUEST_BYTES_MAX`].
    pub(crate) request_bytes_max: usize,
    /// How many streams one peer may have open with us at a time.
    pub(crate) streams_per_peer_max: usize,
}

/// The longest request and reply of any protocol: what a peer may send before anybody has looked at who it is.
pub(crate) const REQUEST_BYTES_MAX: usize = 64 * 1024;

impl Protocol {
    /// The catalog between two peers: one long stream, plus short ones for syncs and pings.
    pub(crate) const DISCOVERY: Self = Self {
        id: 1,
        name: "discovery",
        version: 1,
        lane: Lane::Control,
        // A page of catalog entries; an entry is far smaller, and control reads stay short.
        frame_bytes_max: 1024 * 1024,
        request_bytes_max: REQUEST_BYTES_MAX,
        // One in each direction, and some for syncs and pings that overlap a reconnect.
        streams_per_peer_max: 16,
    };

    /// One subscription: a consumer opens it, the producer answers.
    pub(crate) const STREAMS: Self = Self {
        id: 2,
        name: "streams",
        version: 1,
        lane: Lane::Data,
        // The documented limit on one datum, and room for its batch header.
        frame_bytes_max: 16 * 1024 * 1024 + 1024,
        request_bytes_max: REQUEST_BYTES_MAX,
        // As many as the lane's connection carries.
        streams_per_peer_max: 256,
    };

    /// The session between two members of a group.
    pub(crate) const BOND: Self = Self {
        id: 3,
        name: "bond",
        version: 1,
        lane: Lane::Control,
        // The longest command, and its envelope.
        frame_bytes_max: 8 * 1024 * 1024 + 64 * 1024,
        request_bytes_max: REQUEST_BYTES_MAX,
        // Groups that two peers share, with room for a reconnect each.
        streams_per_peer_max: 192,
    };

    /// The state of a group, in chunks.
    pub(crate) const SNAPSHOT: Self = Self {
        id: 4,
        name: "snapshot",
        version: 1,
        lane: Lane::Data,
        frame_bytes_max: 1024 * 1024,
        request_bytes_max: REQUEST_BYTES_MAX,
        streams_per_peer_max: 32,
    };

    /// One call of a function on a peer.
    pub(crate) const CALL: Self = Self {
        id: 5,
        name: "call",
        version: 1,
        lane: Lane::Data,
        frame_bytes_max: 16 * 1024 * 1024 + 1024,
        request_bytes_max: REQUEST_BYTES_MAX,
        streams_per_peer_max: 128,
    };

    /// A number for the peer's hardware to sign, and the quote that signs it.
    pub(crate) const ATTEST: Self = Self {
        id: 6,
        name: "attest",
        version: 1,
        lane: Lane::Control,
        // Nothing flows after the reply.
        frame_bytes_max: 1024,
        request_bytes_max: REQUEST_BYTES_MAX,
        // Rules with different roots ask at the same time.
        streams_per_peer_max: 4,
    };

    /// The protocols of this crate.
    pub(crate) const ALL: [Self; 6] = [
        Self::DISCOVERY,
        Self::STREAMS,
        Self::BOND,
        Self::SNAPSHOT,
        Self::CALL,
        Self::ATTEST,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_distinct_numbers_and_sane_limits() {
        for (index, one) in Protocol::ALL.iter().enumerate() {
            assert!(one.request_bytes_max <= REQUEST_BYTES_MAX);
            assert!(one.frame_bytes_max <= 64 * 1024 * 1024);
            for other in &Protocol::ALL[index + 1..] {
                assert_ne!(one.id, other.id);
                assert_ne!(one.name, other.name);
            }
        }
    }

    #[test]
    fn lanes_are_known_by_their_alpn() {
        assert_eq!(Lane::from_alpn(b"mosaik/1/control"), Some(Lane::Control));
        assert_eq!(Lane::from_alpn(b"mosaik/1/data"), Some(Lane::Data));
        assert_eq!(Lane::from_alpn(b"iroh-gossip/0"), None);
    }
}
