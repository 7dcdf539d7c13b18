//! What generated code names. Not public interface.

pub use core::clone::Clone;
pub use core::fmt;
pub use core::future::Future;
pub use core::iter::Iterator;
pub use core::marker::{PhantomData, Send, Sync};
pub use core::option::Option::{None, Some};
pub use core::result::Result::{self, Ok};

pub use bytes::Bytes;
pub use inventory;
pub use mosaik_derive::{__collection_impl, __stream_impl, __unique_id_impl};

pub use serde;

#[cfg(feature = "tdx")]
pub use crate::declare::measured;
pub use crate::declare::{Schema, StreamConsumer, StreamProducer, collection, machine, stream};
pub use crate::groups::{
    ApplyContext, Group, RestoreError, SnapshotMachine, SnapshotSync, StateMachine,
};
pub use crate::network::Network;
pub use crate::primitives::schema::Declared;
pub use crate::primitives::{Datum, Digest};
pub use crate::streams::{Consumer, Producer};
pub use crate::{__complete, __tdx};

#[cfg(feature = "test-util")]
pub use crate::transport::bench;
