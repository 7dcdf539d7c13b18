//! Collections as constants and declared types.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;

use super::{CollectionConfig, StoreId, When};
use crate::network::Network;

/// A kind of collection that a definition can open: all of them.
pub trait CollectionFromDef {
    /// What reads it.
    type Reader;
    /// What reads and changes it.
    type Writer;

    /// Opens a store for reading, with default settings.
    fn reader(network: &Network, store_id: StoreId) -> Self::Reader {
        Self::reader_with_config(network, store_id, CollectionConfig::default())
    }

    /// Opens a store for writing, with default settings.
    fn writer(network: &Network, store_id: StoreId) -> Self::Writer {
        Self::writer_with_config(network, store_id, CollectionConfig::default())
    }

    /// Opens a store for reading.
    fn reader_with_config(
        network: &Network,
        store_id: StoreId,
        config: CollectionConfig,
    ) -> Self::Reader;

    /// Opens a store for writing.
    fn writer_with_config(
        network: &Network,
        store_id: StoreId,
        config: CollectionConfig,
    ) -> Self::Writer;
}

/// A handle on an open collection, for generated code.
#[doc(hidden)]
pub trait Opened: Send + Sync + 'static {
    /// Waiting for what happens to the collection here.
    fn when(&self) -> &When;
}

/// A collection that can be read: what [`collection!`](crate::collection!) declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection that can be read here",
    note = "declare it with `collection!`, and without `writer`"
)]
pub trait CollectionReader {
    /// What reads it.
    type Reader;

    /// Opens it for reading.
    fn reader(network: &Network) -> Self::Reader;

    /// Opens it for reading at once, and waits until it is up to date.
    fn online_reader(
        network: &Network,
    ) -> impl Future<Output = Self::Reader> + Send + Sync + 'static;
}

/// A collection that can be changed: what [`collection!`](crate::collection!) declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection that can be written here",
    note = "declare it with `collection!`, and without `reader`"
)]
pub trait CollectionWriter {
    /// What reads and changes it.
    type Writer;

    /// Opens it for writing.
    fn writer(network: &Network) -> Self::Writer;

    /// Opens it for writing at once, and waits until writes can be expected to work.
    fn online_writer(
        network: &Network,
    ) -> impl Future<Output = Self::Writer> + Send + Sync + 'static;
}

/// What reads a declared collection.
pub type ReaderOf<C> = <C as CollectionReader>::Reader;

/// What reads and changes a declared collection.
pub type WriterOf<C> = <C as CollectionWriter>::Writer;

/// Writes a definition down: an id, and how to get the settings.
macro_rules! definition {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<C> {
            /// The store.
            pub store_id: StoreId,
            config: Option<fn() -> CollectionConfig>,
            collection: PhantomData<fn(&C)>,
        }

        impl<C> $name<C> {
            /// The collection in a store, with default settings.
            pub const fn new(store_id: StoreId) -> Self {
                Self {
                    store_id,
                    config: None,
                    collection: PhantomData,
                }
            }

            /// With settings, which are made whenever it is opened.
            #[must_use]
            pub const fn with_config(mut self, config: fn() -> CollectionConfig) -> Self {
                self.config = Some(config);
                self
            }
        }

        // Derived, they would want collections that are copied.
        impl<C> Clone for $name<C> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<C> Copy for $name<C> {}

        impl<C> fmt::Debug for $name<C> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("store_id", &self.store_id)
                    .finish_non_exhaustive()
            }
        }
    };
}

definition! {
    /// A collection as a constant, to be opened for reading or writing.
    ///
    /// ```
    /// use mosaik::{Network, collections::{CollectionDef, Map}, unique_id};
    ///
    /// const SCORES: CollectionDef<Map<String, u64>> = CollectionDef::new(unique_id!("scores"));
    ///
    /// # fn example(network: &Network) {
    /// let scores = SCORES.writer(network);
    /// # }
    /// ```
    CollectionDef
}

definition! {
    /// A collection as a constant, to be opened for reading.
    ReaderDef
}

definition! {
    /// A collection as a constant, to be opened for writing.
    WriterDef
}

impl<C> CollectionDef<C> {
    /// The collection that a reader's definition is of.
    pub const fn from_reader(reader: &ReaderDef<C>) -> Self {
        Self {
            store_id: reader.store_id,
            config: reader.config,
            collection: PhantomData,
        }
    }

    /// The collection that a writer's definition is of.
    pub const fn from_writer(writer: &WriterDef<C>) -> Self {
        Self {
            store_id: writer.store_id,
            config: writer.config,
            collection: PhantomData,
        }
    }

    /// The same, for reading only.
    pub const fn as_reader(&self) -> ReaderDef<C> {
        ReaderDef {
            store_id: self.store_id,
            config: self.config,
            collection: PhantomData,
        }
    }

    /// The same, for writing only.
    pub const fn as_writer(&self) -> WriterDef<C> {
        WriterDef {
            store_id: self.store_id,
            config: self.config,
            collection: PhantomData,
        }
    }
}

impl<C: CollectionFromDef> CollectionDef<C> {
    /// Opens it for reading.
    pub fn reader(&self, network: &Network) -> C::Reader {
        self.as_reader().open(network)
    }

    /// Opens it for writing.
    pub fn writer(&self, network: &Network) -> C::Writer {
        self.as_writer().open(network)
    }
}

impl<C: CollectionFromDef> ReaderDef<C> {
    /// Opens it for reading.
    pub fn open(&self, network: &Network) -> C::Reader {
        C::reader_with_config(network, self.store_id, made(self.config))
    }
}

impl<C: CollectionFromDef> WriterDef<C> {
    /// Opens it for writing.
    pub fn open(&self, network: &Network) -> C::Writer {
        C::writer_with_config(network, self.store_id, made(self.config))
    }
}

fn made(config: Option<fn() -> CollectionConfig>) -> CollectionConfig {
    config.map_or_else(CollectionConfig::default, |config| config())
}
