//! What `collection!` expands to. The macro only names these items, so that its expansion stays the
//! same where collections change. Not public interface.

pub use crate::collections::{
    CollectionConfig, CollectionFromDef, CollectionReader, CollectionWriter,
};

use crate::collections::{Opened, StoreId};

/// The functions behind the keys of `collection!`, as the table in `mosaik-derive` has them.
#[rustfmt::skip]
pub mod keys;

/// A type that can be declared: one of the collections.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection",
    label = "not a collection",
    note = "a declared collection is one of `mosaik::collections`: `Map`, `OrderedMap`, `Set`, `Vec`, \
            `Cell`, `Once`, `PriorityQueue`; without an import write `mosaik::collections::Vec<…>`"
)]
pub trait Collection: CollectionFromDef<Reader: Opened, Writer: Opened> {}

#[diagnostic::do_not_recommend]
impl<C: CollectionFromDef<Reader: Opened, Writer: Opened>> Collection for C {}

/// Whether a type is a collection, as a constant that does not compile if it is not.
pub const fn collection<C: Collection>() {}

/// The settings that a declaration begins with.
pub fn config() -> CollectionConfig {
    CollectionConfig::default()
}

/// The id of a declaration that is written as an expression.
pub fn id(id: impl NamesStore) -> StoreId {
    id.into()
}

/// Waits with a handle until the collection is online.
pub async fn online<H: Opened>(handle: H) -> H {
    handle.when().online().await;
    handle
}

/// What can be written as the id of a collection.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a collection",
    label = "not a store id",
    note = "an id is a text, as in `collection!(Name = Map<String, u64>, \"my-app.name\")`, or an \
            expression that gives a `StoreId` or a `&str`"
)]
pub trait NamesStore: Into<StoreId> {}

#[diagnostic::do_not_recommend]
impl<T: Into<StoreId>> NamesStore for T {}
