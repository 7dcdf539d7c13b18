//! How a member that comes late gets the state: by replaying every command, or from a snapshot.

use core::{fmt, marker::PhantomData, num::NonZero, time::Duration};

use bytes::Bytes;

use super::{StateMachine, store::sealed::Sealed};
use crate::primitives::{UniqueId, schema::stable_type_name};

/// The choice of a state machine: [`LogReplaySync`] or [`SnapshotSync`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a way for late members to get the state",
    note = "use `LogReplaySync<Self>`, or `SnapshotSync<Self>` for a machine that is a `SnapshotMachine`"
)]
pub trait StateSync: Sealed + Send + 'static {
    /// The machine.
    type Machine: StateMachine;

    /// Part of the group's id: members must agree on it.
    fn signature(&self) -> UniqueId;

    /// How snapshots are made, if they are.
    #[doc(hidden)]
    fn snapshots(&self) -> Option<Snapshots<Self::Machine>>;
}

/// A machine whose state can be handed to a late member as it is, without the commands that led to it.
///
/// A checkpoint is taken between two commands and read while later ones are applied, so it should be a cheap handle:
/// a persistent map, an `Arc`, or a clone of something small.
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no snapshots",
    note = "implement `mosaik::groups::SnapshotMachine`, or choose `LogReplaySync<Self>`"
)]
pub trait SnapshotMachine: StateMachine {
    /// The state at one position.
    type Checkpoint: Checkpoint;

    /// The state as it is now.
    fn checkpoint(&self) -> Self::Checkpoint;

    /// Replaces the state by what the chunks of a checkpoint hold, all of it or, on an error, nothing.
    ///
    /// # Errors
    /// The chunks are not those of a checkpoint of this machine. They come from another member, which may be at
    /// fault: no chunk may cause a panic.
    fn restore(&mut self, chunks: &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError>;
}

/// The state of a machine at one position, read in pieces.
pub trait Checkpoint: Send + 'static {
    /// The next piece, of at most [`CHECKPOINT_CHUNK_BYTES_MAX`] bytes; `None` after the last.
    fn next_chunk(&mut self) -> Option<Bytes>;
}

/// The most that one piece of a [`Checkpoint`] holds, in bytes.
pub const CHECKPOINT_CHUNK_BYTES_MAX: usize = 256 * 1024;

impl Checkpoint for Box<dyn Checkpoint> {
    fn next_chunk(&mut self) -> Option<Bytes> {
        (**self).next_chunk()
    }
}

/// Why a checkpoint could not be restored. The machine is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("snapshot cannot be restored: {reason}")]
pub struct RestoreError {
    reason: String,
}

impl RestoreError {
    /// With the reason in words.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
        }
    }

    /// Whether the same chunks may be restored later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing changed: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// How the checkpoints of a machine are made and restored.
#[doc(hidden)]
pub struct Snapshots<M> {
    pub(in crate::groups) checkpoint: fn(&M) -> Box<dyn Checkpoint>,
    pub(in crate::groups) restore: RestoreFn<M>,
}

/// As [`SnapshotMachine::restore`].
type RestoreFn<M> = fn(&mut M, &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError>;

impl<M: SnapshotMachine> Snapshots<M> {
    fn of_machine() -> Self {
        Self {
            checkpoint: |machine| Box::new(machine.checkpoint()),
            restore: M::restore,
        }
    }
}

impl<M> Clone for Snapshots<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Snapshots<M> {}

impl<M> fmt::Debug for Snapshots<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshots")
    }
}

/// A late member applies every command from the first: for any machine, with a log that is kept whole.
pub struct LogReplaySync<M: StateMachine> {
    batch_size: NonZero<u64>,
    fetch_timeout: Duration,
    machine: PhantomData<fn() -> M>,
}

impl<M: StateMachine> LogReplaySync<M> {
    /// How many commands are asked for at a time. Default: 2,000.
    #[must_use]
    pub const fn with_batch_size(mut self, batch_size: NonZero<u64>) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// How long to wait for them. Default: 25 s.
    #[must_use]
    pub const fn with_fetch_timeout(mut self, fetch_timeout: Duration) -> Self {
        self.fetch_timeout = fetch_timeout;
        self
    }
}

impl<M: StateMachine> Default for LogReplaySync<M> {
    fn default() -> Self {
        Self {
            batch_size: NonZero::new(2_000).expect("invariant: 2,000 is not zero"),
            fetch_timeout: Duration::from_secs(25),
            machine: PhantomData,
        }
    }
}

impl<M: StateMachine> fmt::Debug for LogReplaySync<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReplaySync")
            .field("batch_size", &self.batch_size)
            .field("fetch_timeout", &self.fetch_timeout)
            .finish()
    }
}

impl<M: StateMachine> Sealed for LogReplaySync<M> {}

impl<M: StateMachine> StateSync for LogReplaySync<M> {
    type Machine = M;

    fn signature(&self) -> UniqueId {
        UniqueId::from("mosaik_log_replay_sync")
            .derive(stable_type_name::<M>())
            .derive(self.batch_size.get().to_le_bytes())
            .derive(self.fetch_timeout.as_millis().to_le_bytes())
    }

    fn snapshots(&self) -> Option<Snapshots<M>> {
        None
    }
}

/// A late member gets the state as it is, and the commands since: the log is cut behind snapshots.
pub struct SnapshotSync<M: SnapshotMachine> {
    fetch_batch_size: u64,
    snapshot_ttl: Duration,
    snapshot_request_timeout: Duration,
    fetch_timeout: Duration,
    machine: PhantomData<fn() -> M>,
}

impl<M: SnapshotMachine> SnapshotSync<M> {
    /// How many items travel together. Default: 2,000.
    #[must_use]
    pub const fn with_fetch_batch_size(mut self, fetch_batch_size: u64) -> Self {
        self.fetch_batch_size = fetch_batch_size;
        self
    }

    /// How long a snapshot is kept that nobody reads. Default: 10 s.
    #[must_use]
    pub const fn with_snapshot_ttl(mut self, snapshot_ttl: Duration) -> Self {
        self.snapshot_ttl = snapshot_ttl;
        self
    }

    /// How long to wait for a snapshot to begin. Default: 15 s.
    #[must_use]
    pub const fn with_snapshot_request_timeout(mut self, timeout: Duration) -> Self {
        self.snapshot_request_timeout = timeout;
        self
    }

    /// How long to wait for the next piece. Default: 5 s.
    #[must_use]
    pub const fn with_fetch_timeout(mut self, fetch_timeout: Duration) -> Self {
        self.fetch_timeout = fetch_timeout;
        self
    }
}

impl<M: SnapshotMachine> Default for SnapshotSync<M> {
    fn default() -> Self {
        Self {
            fetch_batch_size: 2_000,
            snapshot_ttl: Duration::from_secs(10),
            snapshot_request_timeout: Duration::from_secs(15),
            fetch_timeout: Duration::from_secs(5),
            machine: PhantomData,
        }
    }
}

impl<M: SnapshotMachine> Clone for SnapshotSync<M> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<M: SnapshotMachine> fmt::Debug for SnapshotSync<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotSync")
            .field("fetch_batch_size", &self.fetch_batch_size)
            .field("snapshot_ttl", &self.snapshot_ttl)
            .field("snapshot_request_timeout", &self.snapshot_request_timeout)
            .field("fetch_timeout", &self.fetch_timeout)
            .finish()
    }
}

impl<M: SnapshotMachine> Sealed for SnapshotSync<M> {}

impl<M: SnapshotMachine> StateSync for SnapshotSync<M> {
    type Machine = M;

    fn signature(&self) -> UniqueId {
        UniqueId::from("mosaik_collections_snapshot_sync")
            .derive(stable_type_name::<M>())
            .derive(self.fetch_batch_size.to_le_bytes())
            .derive(self.snapshot_ttl.as_millis().to_le_bytes())
            .derive(self.snapshot_request_timeout.as_millis().to_le_bytes())
            .derive(self.fetch_timeout.as_millis().to_le_bytes())
    }

    fn snapshots(&self) -> Option<Snapshots<M>> {
        Some(Snapshots::of_machine())
    }
}

#[cfg(test)]
mod tests {
    use super::super::NoOp;
    use super::*;

    #[test]
    fn settings_are_identity() {
        let sync = LogReplaySync::<NoOp>::default;
        let base = sync().signature();
        assert_eq!(base, sync().signature());
        let batches = NonZero::new(7).unwrap();
        assert_ne!(base, sync().with_batch_size(batches).signature());
        let timeout = Duration::from_millis(25_001);
        assert_ne!(base, sync().with_fetch_timeout(timeout).signature());
        assert!(sync().snapshots().is_none());
    }
}
