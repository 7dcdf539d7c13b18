//! Snapshots of a state that serde writes: its encoding, cut into chunks.
//!
//! The state is encoded whole when the snapshot is taken, which keeps commands waiting for as long as
//! that takes. A machine whose state is too large for it implements `SnapshotMachine` by hand.

use bytes::{Bytes, BytesMut};

use super::State;
use crate::groups::{CHECKPOINT_CHUNK_BYTES_MAX, Checkpoint, RestoreError};
use crate::primitives::{decode, encode};

/// The encoding of a state, of which nothing or a part has been given out.
#[derive(Debug)]
pub struct Snapshot {
    rest: Bytes,
}

impl Checkpoint for Snapshot {
    fn next_chunk(&mut self) -> Option<Bytes> {
        let length = self.rest.len().min(CHECKPOINT_CHUNK_BYTES_MAX);
        (length > 0).then(|| self.rest.split_to(length))
    }
}

/// The state as it is now. One that cannot be written has no chunk, and cannot be restored.
pub fn checkpoint<M: State>(state: &M) -> Snapshot {
    Snapshot {
        rest: encode(state).unwrap_or_default(),
    }
}

/// Replaces the state by that of a snapshot.
///
/// # Errors
/// The chunks are not the encoding of a state of this type. Nothing has changed then.
pub fn restore<M: State>(
    state: &mut M,
    chunks: &mut dyn Iterator<Item = Bytes>,
) -> Result<(), RestoreError> {
    let mut encoded = BytesMut::new();
    for chunk in chunks {
        encoded.extend_from_slice(&chunk);
    }
    *state = decode(&encoded).map_err(RestoreError::new)?;
    Ok(())
}
