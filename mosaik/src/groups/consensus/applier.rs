//! What a replica asks of the state that it replicates.

use bytes::Bytes;

use crate::groups::{Checkpoint, RestoreError};

/// The state behind a replica: takes committed batches, one by one, in the order of the log.
///
/// Called from one task, never at the same time. What it does must follow from the batches alone,
/// or replicas of one group differ. A panic ends the replica with
/// [`Fatal::Panicked`](super::Fatal::Panicked).
pub(in crate::groups) trait Applier: Send + 'static {
    /// Takes the batch that the group agreed to put at this position.
    fn apply(&mut self, at: Position, batch: &[u8]);

    /// Called after each run of [`apply`](Applier::apply), before those who proposed its batches
    /// or wait for its positions go on; and after a restore.
    fn end_of_run(&mut self) {}

    /// A handle on the state as it is now. Cheap: it is taken between two batches, and read beside
    /// the batches that follow.
    fn checkpoint(&self) -> Box<dyn Checkpoint>;

    /// Replaces the state by that of a checkpoint, wholly or not at all.
    ///
    /// # Errors
    /// The chunks are not those of a checkpoint of this kind of state.
    fn restore(&mut self, chunks: &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError>;

    /// Whether checkpoints may replace the log. If not, the log is kept from its beginning.
    fn snapshots(&self) -> bool;
}

/// Where in the log of this lineage a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::groups) struct Position {
    /// Index of the entry. Entries without a batch count too.
    pub(in crate::groups) log_index: u64,
    /// Term of the leader that proposed it.
    pub(in crate::groups) term: u64,
}
