//! Declarations as Rust items.
//!
//! [`stream!`](crate::stream!) declares a typed stream, [`collection!`](crate::collection!) a
//! replicated collection, [`state_machine`] replicates an `impl`, [`Schema`] names a type,
//! [`unique_id!`](crate::unique_id!) computes an id at compile time.

mod definition;
pub use definition::{
    ConsumerDef, ConsumerOf, ProducerDef, ProducerOf, StreamConsumer, StreamProducer,
};

#[doc(hidden)]
pub mod stream;

pub use crate::stream;

#[doc(hidden)]
pub mod collection;

pub use crate::collection;

#[cfg(feature = "tdx")]
#[doc(hidden)]
pub mod measured;

#[doc(hidden)]
pub mod machine;
#[doc(inline)]
pub use machine::{Asking, Executing};

/// Makes a replicated state machine out of a type with ordinary methods.
///
/// Methods marked `#[command]` change the state, on every member of a group and in one order. Methods
/// marked `#[query]` read it. Both can then be called on a [`Group`](crate::Group) of the type, on any
/// member, through the trait that the macro writes beside the `impl`: `BankGroup` for `Bank`.
///
/// ```
/// use mosaik::{Network, groups::ApplyContext};
/// use serde::{Deserialize, Serialize};
/// use std::collections::BTreeMap;
///
/// #[derive(Default, Serialize, Deserialize)]
/// pub struct Bank { accounts: BTreeMap<String, u64> }
///
/// #[derive(Debug, Serialize, Deserialize)]
/// pub struct Insufficient { missing: u64 }
///
/// #[mosaik::state_machine(id = "bank.v1")]
/// impl Bank {
///     /// Returns what is in the account then.
///     #[command]
///     pub fn deposit(&mut self, who: String, amount: u64) -> u64 {
///         let account = self.accounts.entry(who).or_default();
///         *account = account.saturating_add(amount);
///         *account
///     }
///
///     #[command]
///     pub fn withdraw(&mut self, who: String, amount: u64) -> Result<u64, Insufficient> {
///         let account = self.accounts.entry(who).or_default();
///         *account = account.checked_sub(amount).ok_or(Insufficient { missing: amount - *account })?;
///         Ok(*account)
///     }
///
///     /// Gives a random account a bonus.
///     #[command]
///     pub fn raffle(&mut self, ctx: &dyn ApplyContext) -> Option<String> {
///         let number = ctx.random() as usize % self.accounts.len().max(1);
///         let (who, account) = self.accounts.iter_mut().nth(number)?;
///         *account = account.saturating_add(1);
///         Some(who.clone())
///     }
///
///     #[query]
///     pub fn balance(&self, who: String) -> Option<u64> {
///         self.accounts.get(&who).copied()
///     }
/// }
///
/// # async fn example(network: &Network) -> Result<(), Box<dyn std::error::Error>> {
/// let bank = network.groups().with_key("the key").with_state_machine(Bank::default()).join();
/// bank.when().online().await;
///
/// let balance = bank.deposit("ann".into(), 5).await?; // committed, and applied here
/// let refused = bank.withdraw("ann".into(), 50).await?.is_err(); // the method's own result
/// let balance = bank.balance("ann".into()).await?; // with everything acknowledged before
/// let balance = bank.balance("ann".into()).weak().await?; // what this member knows, at once
/// # Ok(())
/// # }
/// ```
///
/// # Options
///
#[doc = mosaik_derive::__state_machine_documentation!()]
///
/// # Commands
///
/// A command takes `&mut self` and arguments that own their data, and returns a value of its own. It is
/// sent when its method is called, in the order of calls; the future ([`Executing`]) resolves when it is
/// committed and applied on this member, to what the method returned here.
///
/// Every member runs it on the same state, so it may depend on its arguments and the state alone. An
/// argument `ctx: &dyn ApplyContext`, which callers do not pass, has what looks like time and chance:
/// `ctx.timestamp()`, `ctx.random()`, `ctx.index()`, `ctx.current_term()`. Clocks, random numbers and
/// hash maps in the body are refused as far as they show; what hides elsewhere shows when members
/// compare their states.
///
/// # Queries
///
/// A query takes `&self` and returns its answer. It is asked when it is awaited ([`Asking`]): first the
/// leader confirms how far the history reaches, then this member answers. With
/// [`.weak()`](Asking::weak) it answers at once.
///
/// # What is written beside the `impl`
///
/// For `Bank`: the implementation of [`StateMachine`](crate::groups::StateMachine), with snapshots by
/// the type's own `Serialize` and `Deserialize`; the enums `BankCommand`, `BankQuery` and `BankAnswer`;
/// and the trait `BankGroup` with the methods, as visible as the most visible of them. Where they are
/// called in another module, that needs `use bank::BankGroup`.
///
/// On the wire a command is the name of its method and its arguments in order. Methods may be added
/// and moved. Members that run different versions of one must not meet: give the new version another id.
pub use mosaik_derive::state_machine;

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
/// # Guest images
///
/// `require_tdx` asks for a ticket that proves, by Intel TDX, which image a peer runs. It stands for
/// `require_ticket: Tdx::new()…` and takes the same prefix. `{ own_image }` asks for the image that this
/// node runs itself; on a machine that is no trust domain it refuses everybody. Otherwise it takes the
/// registers by name, each with 96 hex digits or a constant:
///
/// ```
/// # #[cfg(feature = "tdx")] mod example {
/// # use mosaik::tdx::Measurement;
/// # const FIRMWARE: Measurement = Measurement::new([1; 48]);
/// # const KERNEL: Measurement = Measurement::new([2; 48]);
/// # const FILES: Measurement = Measurement::new([3; 48]);
/// mosaik::stream! {
///     pub Secrets = String, "secrets.v1",
///     consumer require_tdx: { mrtd = FIRMWARE, rtmr1 = KERNEL, rtmr2 = FILES },
/// }
/// # }
/// ```
///
/// The registers are
#[doc = mosaik_derive::__measurements_documentation!()]
/// . Only MRTD, RTMR1 and RTMR2 together identify an image, and less is refused.
///
/// [`StreamProducer`]: crate::streams::StreamProducer
/// [`StreamConsumer`]: crate::streams::StreamConsumer
#[macro_export]
macro_rules! stream {
    ($($declaration:tt)*) => { $crate::__private::__stream_impl! { $crate; $($declaration)* } };
}

/// Declares a replicated collection: its name, its type, its id and its rules, in one place.
///
/// ```
/// use mosaik::{CollectionReader, CollectionWriter, Network, collections::Map};
///
/// mosaik::collection! {
///     /// The best scores.
///     pub Scores = Map<String, u64>, "game.scores.v1",
/// }
///
/// # async fn example(network: &Network) -> Result<(), mosaik::collections::Error<(String, u64)>> {
/// let scores = Scores::online_writer(network).await;
/// scores.insert("ann".into(), 5).await?;
///
/// let reader = Scores::online_reader(network).await;
/// let best = reader.get("ann");
/// # Ok(())
/// # }
/// ```
///
/// The macro declares a struct of that name, which implements [`CollectionReader`] and
/// [`CollectionWriter`]. Names, attributes, visibility and type parameters (with bounds, and a `where`
/// clause before the `=`) are as in Rust.
///
/// # Grammar
///
/// ```text
/// collection!( attributes visibility mode Name<generics> = Type, id, entries )
/// mode    = `reader` | `writer`               implements only that trait
/// id      = a text, or an expression that gives a `StoreId` or a `&str`
/// entries = key: value, …
/// ```
///
/// The type is one of [`collections`](crate::collections). A text of 64 hex digits is the id itself, any
/// other text is hashed. Who knows the id can take part, unless a ticket is asked for.
///
/// With a mode the other side is there for the crate alone: `reader Scores` has the inherent functions
/// `Scores::writer` and `Scores::online_writer`, which are `pub(crate)`.
///
/// # Keys
///
#[doc = mosaik_derive::__collection_documentation!()]
///
/// `require_ticket` and `require_tdx` may be repeated: all of them must hold. Of every other key the
/// last one counts. Values are computed whenever the collection is opened. There is no prefix: what is
/// asked is part of what the collection is, and every member checks every other. For `require_tdx` see
/// [`stream!`](crate::stream!#guest-images).
///
/// # Type parameters
///
/// ```
/// use mosaik::collections::{Key, Map, Value};
///
/// mosaik::collection!(pub Index<K, V> where K: Key, V: Value = Map<K, V>, "index.v1");
/// ```
///
/// [`CollectionReader`]: crate::collections::CollectionReader
/// [`CollectionWriter`]: crate::collections::CollectionWriter
#[macro_export]
macro_rules! collection {
    ($($declaration:tt)*) => { $crate::__private::__collection_impl! { $crate; $($declaration)* } };
}

/// The validator that `require_tdx` stands for.
#[cfg(feature = "tdx")]
#[doc(hidden)]
#[macro_export]
macro_rules! __tdx {
    (own_image) => { $crate::__private::measured::own_image() };
    ($($require:ident = $value:expr),*) => { $crate::__private::measured::Tdx::new()$(.$require($value))* };
}

/// Says what is missing.
#[cfg(not(feature = "tdx"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __tdx {
    ($($any:tt)*) => {
        ::core::compile_error!(
            "`require_tdx` needs the feature `tdx` of mosaik\nhelp: write `mosaik = { version = \"…\", features = [\"tdx\"] }` in `Cargo.toml`"
        )
    };
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
