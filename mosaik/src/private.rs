//! What generated code names. Not public interface.

pub use mosaik_derive::__unique_id_impl;
