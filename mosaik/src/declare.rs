//! Declarations as Rust items.
//!
//! [`stream!`](crate::stream!) declares a typed stream, [`Schema`] names a type,
//! [`unique_id!`](crate::unique_id!) computes an id at compile time.

mod definition;
pub use definition::{
    ConsumerDef, ConsumerOf, ProducerDef, ProducerOf, StreamConsumer, StreamProducer,
};

#[doc(hidden)]
pub mod stream;

pub use crate::stream;

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

/// Declares a stream: its name, the type of its datums, its id and its rules, in one place.
///
/// ```
/// use mosaik::{Network, StreamConsumer, StreamProducer};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// pub struct Trade { price: u64, amount: u64 }
///
/// mosaik::stream! {
///     /// Every trade of the market.
///     pub Trades = Trade, "market.trades.v1",
///     max_consumers: 100,
///     consumer require: |peer| !peer.tags().is_empty(),
/// }
///
/// # async fn example(network: &Network) {
/// let producer = Trades::producer(network);
/// let consumer = Trades::online_consumer(network).await;
/// # }
/// ```
///
/// The macro declares a struct of that name, which implements [`StreamProducer`] and
/// [`StreamConsumer`]. Names, attributes, visibility and type parameters (with bounds, and a `where`
/// clause before the `=`) are as in Rust.
///
/// # Grammar
///
/// ```text
/// stream!( attributes visibility side Name<generics> = Type, id, entries )
/// side    = `producer` | `consumer`           declares only that side
/// id      = a text, or an expression that gives a `StreamId` or a `&str`
/// entries = side key: value, …
/// ```
///
/// A text of 64 hex digits is the id itself, any other text is hashed. Without an id the stream has
/// that of its type.
///
/// # Keys
///
#[doc = mosaik_derive::__stream_documentation!()]
///
/// A prefix before `require` or `require_ticket` names **who must satisfy it**; the other side checks
/// it. So `consumer require: …` guards what the producer gives away, and without a prefix each side
/// checks the other. Before every other key the prefix names the side that takes it.
///
/// `require` and `require_ticket` may be repeated: all of them must hold. Of every other key the last
/// one counts.
///
/// [`StreamProducer`]: crate::streams::StreamProducer
/// [`StreamConsumer`]: crate::streams::StreamConsumer
#[macro_export]
macro_rules! stream {
    ($($declaration:tt)*) => { $crate::__private::__stream_impl! { $crate; $($declaration)* } };
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

/// Uses the paths of keys that are still being typed, for rust-analyzer to complete.
#[cfg(rust_analyzer)]
#[doc(hidden)]
#[macro_export]
macro_rules! __complete {
    ($($key:path)*) => { const _: () = { $($key;)* }; };
}

/// Nothing, for the compiler: keys that are still being typed do not exist.
#[cfg(not(rust_analyzer))]
#[doc(hidden)]
#[macro_export]
macro_rules! __complete {
    ($($key:tt)*) => {};
}
