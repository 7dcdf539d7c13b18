//! What the application is told about the catalog.

use crate::primitives::{PeerEntry, PeerEntryVersion, PeerId, SignedPeerEntry};

/// A change of the set of known peers.
///
/// A peer is discovered once, by whichever way its signed entry came first; it is updated only when
/// the version of its entry advanced. After it departed it can be discovered again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A peer is known now that was not before.
    PeerDiscovered(PeerEntry),
    /// A known peer announced a newer entry.
    PeerUpdated(PeerEntry),
    /// A peer said goodbye, was found dead, or was silent for the whole of `purge_after`.
    PeerDeparted(PeerId),
}

/// What arrives from another peer about a peer.
#[derive(Debug, Clone)]
pub enum AnnounceEvent {
    /// A signed entry.
    PeerEntryReceived(SignedPeerEntry),
    /// A goodbye, with the last version that the peer announced.
    PeerDeparted(PeerId, PeerEntryVersion),
}
