//! What generated code names. Not public interface.

pub use inventory;
pub use mosaik_derive::__unique_id_impl;

pub use crate::declare::Schema;
pub use crate::primitives::schema::Declared;
pub use crate::primitives::{Datum, Digest};

#[cfg(feature = "test-util")]
pub use crate::transport::bench;
