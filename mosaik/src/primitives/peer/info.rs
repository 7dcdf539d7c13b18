//! An entry with what this node knows about its peer.

use core::ops::Deref;
use core::time::Duration;
use std::sync::Arc;

use super::PeerEntry;

/// A peer's entry, and how far away the peer is.
///
/// Dereferences to the entry.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    entry: Arc<PeerEntry>,
    rtt: Option<Duration>,
}

impl PeerInfo {
    pub(crate) fn new(entry: impl Into<Arc<PeerEntry>>, rtt: Option<Duration>) -> Self {
        Self {
            entry: entry.into(),
            rtt,
        }
    }

    /// The smoothed round-trip time; `None` while it has not been measured.
    pub const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Whether the round-trip time is below `limit`; true while it has not been measured.
    pub fn rtt_below(&self, limit: Duration) -> bool {
        self.rtt.is_none_or(|rtt| rtt < limit)
    }

    /// The entry alone.
    pub fn into_entry(self) -> PeerEntry {
        Arc::unwrap_or_clone(self.entry)
    }
}

impl Deref for PeerInfo {
    type Target = PeerEntry;

    fn deref(&self) -> &PeerEntry {
        &self.entry
    }
}

impl AsRef<PeerEntry> for PeerInfo {
    fn as_ref(&self) -> &PeerEntry {
        self
    }
}

impl From<PeerInfo> for PeerEntry {
    fn from(info: PeerInfo) -> Self {
        info.into_entry()
    }
}
