//! Self-organizing, leaderless distributed systems.
//!
//! The modules are layers; see `docs/ARCHITECTURE.md` for what each one knows and does not know.

pub mod primitives;

mod runtime;

pub mod tickets;

#[cfg(feature = "tee")]
pub mod tee;
#[cfg(feature = "tdx")]
pub use tee::tdx;

mod transport;

pub mod discovery;

pub mod streams;

pub mod groups;

pub mod collections;

pub mod network;

pub mod declare;
pub use declare::{Schema, state_machine};
pub use mosaik_derive::Schema;

#[cfg(feature = "test-util")]
pub mod testing;

pub use bytes::{Bytes, BytesMut};
pub use collections::{
    CollectionConfig, CollectionReader, CollectionWriter, ReaderOf, StoreId, WriterOf,
};
pub use futures;
pub use groups::{
    Consistency::{self, Strong, Weak},
    Group, GroupId, GroupKey,
};
pub use iroh;
#[cfg(feature = "tdx")]
pub use network::NetworkTdxExt;
pub use network::{Network, NetworkId, PeerId};
pub use primitives::{Datum, Digest, SecretKey, Signature, Tag, UniqueId};
pub use streams::{ConsumerOf, Criteria, ProducerOf, StreamConsumer, StreamId, StreamProducer};

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
#[path = "fuzz.rs"]
pub mod __fuzz;

// What the README shows is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
