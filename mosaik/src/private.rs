//! What generated code names. Not public interface.

pub use mosaik_derive::__unique_id_impl;

pub use crate::primitives::Digest;
pub use crate::primitives::schema::Declared;
pub use inventory;
