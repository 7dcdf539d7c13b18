//! What a collection is opened with.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::groups::{ConsensusConfig, Formation};
use crate::tickets::TicketValidator;

/// Changes that are kept for those who follow, or come back.
const HISTORY_CHANGES_DEFAULT: usize = 4096;

/// What a collection is opened with. Every member needs the same, but for the history and the formation.
#[derive(Clone)]
pub struct CollectionConfig {
    pub(super) sync: SyncConfig,
    pub(super) auth: Vec<Arc<dyn TicketValidator>>,
    pub(super) consensus: Option<ConsensusConfig>,
    pub(super) formation: Formation,
    pub(super) history_changes_max: usize,
}

impl CollectionConfig {
    /// How snapshots travel.
    #[must_use]
    pub const fn with_sync(mut self, sync: SyncConfig) -> Self {
        self.sync = sync;
        self
    }

    /// Lets only peers in that have a ticket which this validator accepts. Repeatable: all must accept, and their order
    /// is part of the collection's identity.
    #[must_use]
    pub fn require_ticket(mut self, validator: impl TicketValidator) -> Self {
        self.auth.push(Arc::new(validator));
        self
    }

    /// How fast the members notice, elect and give up.
    #[must_use]
    pub fn with_consensus(mut self, consensus: ConsensusConfig) -> Self {
        self.consensus = Some(consensus);
        self
    }

    /// Which writers found the history of the collection. Readers never do.
    #[must_use]
    pub fn with_formation(mut self, formation: Formation) -> Self {
        self.formation = formation;
        self
    }

    /// How many changes this node keeps for those who follow them, or come back. Default: 4,096. They are kept from
    /// the first call of `changes` or `changes_since` on.
    #[must_use]
    pub const fn with_history(mut self, changes_max: usize) -> Self {
        self.history_changes_max = changes_max;
        self
    }
}

impl Default for CollectionConfig {
    fn default() -> Self {
        Self {
            sync: SyncConfig::default(),
            auth: Vec::new(),
            consensus: None,
            formation: Formation::default(),
            history_changes_max: HISTORY_CHANGES_DEFAULT,
        }
    }
}

impl From<SyncConfig> for CollectionConfig {
    fn from(sync: SyncConfig) -> Self {
        Self::default().with_sync(sync)
    }
}

impl fmt::Debug for CollectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectionConfig")
            .field("sync", &self.sync)
            .field("auth_count", &self.auth.len())
            .field("formation", &self.formation)
            .field("history_changes_max", &self.history_changes_max)
            .finish_non_exhaustive()
    }
}

/// How snapshots travel. Part of the collection's identity: every member needs the same.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    pub(super) fetch_batch_size: u64,
    pub(super) snapshot_ttl: Duration,
    pub(super) snapshot_request_timeout: Duration,
    pub(super) fetch_timeout: Duration,
}

impl SyncConfig {
    /// How many items should travel together. Default: 2,000.
    ///
    /// Part of the collection's identity and nothing else: snapshots travel in pieces of 256 KiB, however many items
    /// that is, since one round for each hundred items would be slow.
    #[must_use]
    pub const fn with_fetch_batch_size(mut self, items: u64) -> Self {
        self.fetch_batch_size = items;
        self
    }

    /// How long a snapshot is kept that nobody reads. Default: 10 s.
    #[must_use]
    pub const fn with_snapshot_ttl(mut self, ttl: Duration) -> Self {
        self.snapshot_ttl = ttl;
        self
    }

    /// How long to wait for a snapshot to begin. Default: 15 s.
    #[must_use]
    pub const fn with_snapshot_request_timeout(mut self, timeout: Duration) -> Self {
        self.snapshot_request_timeout = timeout;
        self
    }

    /// How long to wait for the next items. Default: 5 s.
    #[must_use]
    pub const fn with_fetch_timeout(mut self, timeout: Duration) -> Self {
        self.fetch_timeout = timeout;
        self
    }
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            fetch_batch_size: 2_000,
            snapshot_ttl: Duration::from_secs(10),
            snapshot_request_timeout: Duration::from_secs(15),
            fetch_timeout: Duration::from_secs(5),
        }
    }
}
