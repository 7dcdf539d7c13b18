//! Replicated data with the methods of std's collections.
//!
//! Every collection is one small data structure (`keyed`, `elements`, `slot`, `ranking`) and the one replica that all of
//! them share: a state machine in a group (`machine`), a view that readers look at (`view`), the latest
//! changes (`history`), snapshots in chunks (`checkpoint`). A handle (`map`, `vec`, …) says how its operations are called.
//!
//! Collections do not know how peers are found, how a group agrees, or how bytes travel.

mod bound;
pub use bound::{Key, OrderedKey, Value};

mod map;
pub use map::{Map, MapReader, MapWriter};

mod ordered_map;
pub use ordered_map::{OrderedMap, OrderedMapReader, OrderedMapWriter};

mod set;
pub use set::{Set, SetReader, SetWriter};

mod vec;
pub use vec::{Vec, VecReader, VecWriter};

mod cell;
pub use cell::{Cell, CellReader, CellWriter};

mod once;
pub use once::{Once, OnceReader, OnceWriter};

mod priority_queue;
pub use priority_queue::{
    BoundedPriorityQueue, PriorityQueue, PriorityQueueReader, PriorityQueueWriter,
    UnboundedPriorityQueue,
};

mod version;
pub use version::{Exchange, Returned, Version};

mod error;
pub use error::Error;

mod when;
pub use when::When;

mod status;
pub use status::Status;

mod config;
pub use config::{CollectionConfig, SyncConfig};

mod def;
#[doc(hidden)]
pub use def::Opened;
pub use def::{
    CollectionDef, CollectionFromDef, CollectionReader, CollectionWriter, ReaderDef, ReaderOf,
    WriterDef, WriterOf,
};

mod view;
pub use view::Snapshot;

mod history;
pub use history::{Changes, Event};

mod batch;
pub use batch::Batch;

mod structure;
pub use structure::Refusal;
#[doc(hidden)]
pub use structure::{Effects, Reply, Structure};

mod keyed;
pub use keyed::MapChange;

mod elements;
pub use elements::VecChange;

mod slot;
pub use slot::CellChange;

mod ranking;
pub use ranking::QueueChange;

pub use crate::primitives::StoreId;

mod checkpoint;
mod digest;
mod directory;
mod handle;
mod machine;
mod metrics;
mod replica;
mod shards;
mod stores;
pub(crate) use stores::Stores;
mod wire;

#[cfg(test)]
mod model_tests;
