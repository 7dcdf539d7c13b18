//! Writes that take effect together.

use core::marker::PhantomData;

use bytes::Bytes;
use serde::Serialize;

use super::wire;
use crate::primitives::encode;
use crate::primitives::encoding::EncodeError;

/// Writes that take effect together or not at all: nobody ever sees some of them without the others.
///
/// Filled in the closure of `update`. They are encoded as they are added; the first that has no encoding fails the whole batch.
pub struct Batch<S> {
    operations: Vec<Bytes>,
    failed: Option<String>,
    structure: PhantomData<fn() -> S>,
}

impl<S> Batch<S> {
    pub(super) const fn new() -> Self {
        Self {
            operations: Vec::new(),
            failed: None,
            structure: PhantomData,
        }
    }

    /// How many writes there are.
    pub const fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn add(&mut self, operation: &impl Serialize) -> &mut Self {
        match encode(operation) {
            Ok(bytes) => self.operations.push(bytes),
            Err(error) => _ = self.failed.get_or_insert_with(|| error.to_string()),
        }
        self
    }

    pub(super) fn command(&self) -> Result<Bytes, EncodeError> {
        match &self.failed {
            Some(reason) => Err(EncodeError::Unsupported(reason.clone())),
            None => wire::together(&self.operations),
        }
    }
}

impl<S> core::fmt::Debug for Batch<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
