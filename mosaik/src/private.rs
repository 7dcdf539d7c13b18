//! What generated code names. Not public interface.

pub use core::future::Future;
pub use core::marker::{PhantomData, Send, Sync};

pub use inventory;
pub use mosaik_derive::{__stream_impl, __unique_id_impl};

pub use crate::__complete;
pub use crate::declare::{Schema, StreamConsumer, StreamProducer, stream};
pub use crate::network::Network;
pub use crate::primitives::schema::Declared;
pub use crate::primitives::{Datum, Digest};
pub use crate::streams::{Consumer, Producer};

#[cfg(feature = "test-util")]
pub use crate::transport::bench;
