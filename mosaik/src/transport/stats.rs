//! What the transport has done and refused, counted by kind.

use std::sync::atomic::{AtomicU64, Ordering};

use super::protocol::Lane;

/// One figure that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, n: u64) {
        // Relaxed: a figure for people, it orders nothing.
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A snapshot of what a transport has counted since it was bound.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct TransportStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Count,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> TransportStats {
                TransportStats { $($name: self.$name.value(),)* }
            }
        }
    };
}

counters! {
    /// Connections that this node dialled and that were admitted.
    connections_dialled,
    /// Connections that this node accepted and admitted.
    connections_accepted,
    /// Connections, dialled or accepted, that have ended.
    connections_ended,
    /// Dials that failed, for whatever reason.
    dials_failed,
    /// Connections set aside because a simultaneous dial won.
    connections_superseded,
    /// Handshakes answered with a request to prove the address.
    handshakes_retried,
    /// Handshakes refused because their address sent too many.
    handshakes_refused_rate,
    /// Handshakes refused because too many were in progress.
    handshakes_refused_busy,
    /// Handshakes refused because they asked for an application protocol that is not ours.
    handshakes_refused_alpn,
    /// Handshakes refused because this node has as many connections as it takes.
    handshakes_refused_connections,
    /// Handshakes that failed or did not complete in time.
    handshakes_failed,
    /// Connections closed because the allow or deny list says so.
    peers_denied,
    /// Connections closed because the peer did not say hello in time.
    hellos_missing,
    /// Connections closed because the hello could not be read.
    hellos_malformed,
    /// Connections closed because the peer belongs to another network.
    networks_different,
    /// Streams that this node opened and the peer accepted.
    streams_opened,
    /// Streams that this node opened and the peer rejected.
    streams_rejected_by_peer,
    /// Streams that this node accepted.
    streams_accepted,
    /// Streams that a handler of this node rejected.
    streams_rejected,
    /// Streams dropped because their header did not come in time.
    headers_missing,
    /// Streams dropped because their header could not be read.
    headers_malformed,
    /// Streams rejected because nobody serves their protocol.
    protocols_unknown,
    /// Streams rejected because their protocol is served in another version, or on the other lane.
    protocols_mismatched,
    /// Streams rejected because the peer has too many of their protocol.
    streams_over_cap,
    /// Streams that a handler left without an answer, or in a panic.
    streams_unanswered,
    /// Frames that announced more than their protocol allows.
    frames_oversize,
    /// Streams that ended inside a frame.
    frames_truncated,
    /// Frames sent.
    messages_sent,
    /// Frames received.
    messages_received,
    /// Bytes written to streams, prefixes included.
    bytes_sent,
    /// Bytes read from streams, prefixes included.
    bytes_received,
    /// Of the bytes written, those in frames on data connections.
    data_bytes_sent,
    /// Of the bytes read, those in frames on data connections.
    data_bytes_received,
    /// Addresses that were not learnt, because they make no sense or the book is full.
    addresses_refused,
}

impl Counters {
    /// Frames of a link on this lane were written.
    pub(crate) fn sent_on(&self, lane: Lane, bytes: usize) {
        self.sent(bytes);
        if lane == Lane::Data {
            self.data_bytes_sent.add(bytes as u64);
        }
    }

    /// Frames of a link on this lane were read.
    pub(crate) fn received_on(&self, lane: Lane, bytes: usize) {
        self.received(bytes);
        if lane == Lane::Data {
            self.data_bytes_received.add(bytes as u64);
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_sent.add(bytes as u64);
        metrics::counter!("mosaik.network.egress.bytes").increment(bytes as u64);
    }

    fn received(&self, bytes: usize) {
        self.bytes_received.add(bytes as u64);
        metrics::counter!("mosaik.network.ingress.bytes").increment(bytes as u64);
    }

    pub(crate) fn opened(&self, dialled: bool) {
        if dialled {
            self.connections_dialled.one();
        } else {
            self.connections_accepted.one();
        }
        metrics::counter!("mosaik.network.connections.opened").increment(1);
    }
}

impl TransportStats {
    /// Everything refused or dropped because a peer broke a rule or a limit was reached.
    pub fn refusals(&self) -> u64 {
        self.handshakes_refused_rate
            + self.handshakes_refused_busy
            + self.handshakes_refused_alpn
            + self.handshakes_refused_connections
            + self.peers_denied
            + self.hellos_missing
            + self.hellos_malformed
            + self.networks_different
            + self.headers_missing
            + self.headers_malformed
            + self.protocols_unknown
            + self.protocols_mismatched
            + self.streams_over_cap
            + self.frames_oversize
            + self.frames_truncated
            + self.addresses_refused
    }
}
