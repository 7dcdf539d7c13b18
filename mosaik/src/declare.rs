//! Declarations as Rust items.
//!
//! [`Schema`] names a type, [`unique_id!`](crate::unique_id!) computes an id at compile time.

mod definition;
pub use definition::{
    ConsumerDef, ConsumerOf, ProducerDef, ProducerOf, StreamConsumer, StreamProducer,
};

/// A type with a name and a version of its own, the same wherever the type lives.
///
/// Streams and machines without an id are found by the name of their type, and two ends compare the
/// shape of what they exchange. A type that is renamed or moved would be another one; a declared
/// name stays.
///
/// ```
/// use mosaik::Schema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Schema)]
/// #[schema(name = "market.order", version = 2)]
/// struct Order { price: u64, amount: u64 }
///
/// assert_eq!((Order::NAME, Order::VERSION), ("market.order", 2));
/// ```
///
/// The keys are `name` (letters, digits and `.`, `-`, `_`, `:`, `/`), `version` (a number from 1,
/// which is the default; ends with different versions do not understand each other) and `crate`, the
/// path of this crate where it goes by another name than `mosaik`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares no schema",
    note = "write `#[derive(Schema)]` and `#[schema(name = \"my-app.name\", version = 1)]` on it"
)]
pub trait Schema {
    /// The declared name.
    const NAME: &'static str;
    /// The declared version.
    const VERSION: u32;
}

/// An id computed at compile time from a string literal.
///
/// 64 hex digits (of any case) are the 32 bytes themselves; any other text is hashed with SHA-256.
/// The same text gives the same id as `UniqueId::from(text)` does at run time.
#[macro_export]
macro_rules! unique_id {
    ($($name:tt)*) => { $crate::__private::__unique_id_impl!($crate; $($name)*) };
}

/// Short for [`unique_id!`](crate::unique_id!).
#[macro_export]
macro_rules! id {
    ($($name:tt)*) => { $crate::__private::__unique_id_impl!($crate; $($name)*) };
}
