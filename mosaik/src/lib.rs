//! Self-organizing, leaderless distributed systems.
//!
//! The modules are layers; see `docs/ARCHITECTURE.md` for what each one knows and does not know.
//!
//! A build script that packs its program as a guest image needs none of them: with `default-features = false` and
//! the feature `tdx-builder` this crate is `tdx::build` and nothing else, and compiles in seconds.

#[cfg(not(any(feature = "runtime", feature = "tdx-builder")))]
compile_error!(
    "mosaik without default features is empty: add the feature `runtime` for networks, streams, groups and collections, or \
     `tdx-builder` for guest images in a build script"
);

#[cfg(feature = "runtime")]
pub mod primitives;

#[cfg(feature = "runtime")]
mod runtime;

#[cfg(feature = "runtime")]
pub mod tickets;

#[cfg(feature = "tee")]
pub mod tee;
#[cfg(feature = "tdx")]
pub use tee::tdx;

/// Guest images, for build scripts: what there is of TDX without the feature `tdx`.
#[cfg(all(feature = "tdx-builder", not(feature = "tdx")))]
pub mod tdx {
    pub use build_support::image as build;
    pub use build_support::{include_measurements, measure};
}

#[cfg(feature = "runtime")]
mod transport;

#[cfg(feature = "runtime")]
pub mod discovery;

#[cfg(feature = "runtime")]
pub mod streams;

#[cfg(feature = "runtime")]
pub mod groups;

#[cfg(feature = "runtime")]
pub mod collections;

#[cfg(feature = "runtime")]
pub mod network;

#[cfg(feature = "runtime")]
pub mod declare;
#[cfg(feature = "runtime")]
pub use declare::{Schema, state_machine};
#[cfg(feature = "runtime")]
pub use mosaik_derive::Schema;

#[cfg(feature = "test-util")]
pub mod testing;

#[cfg(feature = "runtime")]
pub use bytes::{Bytes, BytesMut};
#[cfg(feature = "runtime")]
pub use collections::{
    CollectionConfig, CollectionReader, CollectionWriter, ReaderOf, StoreId, WriterOf,
};
#[cfg(feature = "runtime")]
pub use futures;
#[cfg(feature = "runtime")]
pub use groups::{
    Consistency::{self, Strong, Weak},
    Group, GroupId, GroupKey,
};
#[cfg(feature = "runtime")]
pub use iroh;
#[cfg(feature = "tdx")]
pub use network::NetworkTdxExt;
#[cfg(feature = "runtime")]
pub use network::{Network, NetworkId, PeerId};
#[cfg(feature = "runtime")]
pub use primitives::{Datum, Digest, SecretKey, Signature, Tag, UniqueId};
#[cfg(feature = "runtime")]
pub use streams::{ConsumerOf, Criteria, ProducerOf, StreamConsumer, StreamId, StreamProducer};

#[cfg(feature = "runtime")]
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
#[path = "fuzz.rs"]
pub mod __fuzz;

// What the README shows is a test.
#[cfg(all(doctest, feature = "runtime"))]
#[doc = include_str!("../../README.md")]
mod readme {}
