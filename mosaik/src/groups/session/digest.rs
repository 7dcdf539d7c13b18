//! A running digest of everything that was applied, so that replicas can compare.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::groups::cursor::Index;
use crate::primitives::{Bytes, Digest};

/// What a replica has applied and answered, in one digest. Two replicas that have applied the same entries and differ
/// here have diverged: a state machine is not deterministic, or memory has failed.
///
/// One hash for each batch of commands, over the bytes that it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateDigest(Digest);

impl Default for StateDigest {
    fn default() -> Self {
        Self(Digest::zero())
    }
}

impl StateDigest {
    /// The digest now.
    pub(crate) const fn value(&self) -> Digest {
        self.0
    }

    /// Begins the next entry: its position in the log, and its bytes as they stand there.
    pub(crate) fn entry(&self, log_index: u64, batch: &[u8]) -> EntryDigest {
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_bytes());
        hasher.update(log_index.to_be_bytes());
        hasher.update((batch.len() as u64).to_be_bytes());
        hasher.update(batch);
        EntryDigest { hasher }
    }
}

/// A digest while an entry is applied.
pub(crate) struct EntryDigest {
    hasher: Sha256,
}

impl EntryDigest {
    /// A command was applied and has returned something. Those that return nothing need not be named: that they were
    /// applied shows in [`EntryDigest::finish`].
    pub(crate) fn response(&mut self, index: Index, response: &Bytes) {
        if !response.is_empty() {
            self.hasher.update(index.0.to_be_bytes());
            self.hasher.update((response.len() as u64).to_be_bytes());
            self.hasher.update(response);
        }
    }

    /// The digest after the entry, and after the command at `last` as the last one that was ever applied.
    pub(crate) fn finish(mut self, last: Index) -> StateDigest {
        self.hasher.update(last.0.to_be_bytes());
        StateDigest(Digest::from_bytes(self.hasher.finalize().into()))
    }
}
