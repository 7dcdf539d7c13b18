//! What `#[state_machine]` expands to. The macro only names these items, so that its expansion stays
//! the same where groups change.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize, Serializer};

use crate::groups::{SnapshotMachine, SnapshotSync};
use crate::primitives::{UniqueId, encode, schema::stable_type_name};

mod call;
pub use call::{Asking, Executing, ask, execute};

mod message;
pub use message::{Message, Variant, Writer, fields, unknown};

mod snapshot;
pub use snapshot::{Snapshot, checkpoint, restore};

/// The functions behind the words of `#[state_machine]`, for the pointer over them and for completion.
pub mod keys {
    use super::NamesMachine;
    use crate::primitives::UniqueId;

    /// The machine's identity: groups of machines with different ids do not meet.
    #[inline]
    pub fn id(id: impl NamesMachine) -> UniqueId {
        id.into()
    }

    /// Marks a method that changes the state: it is applied on every member, in one order.
    pub const fn command() {}

    /// Marks a method that reads the state: it is answered by one member.
    pub const fn query() {}
}

/// The identity of a machine without an id: the name of its type, wherever that lives.
pub fn identity<M>() -> UniqueId {
    UniqueId::from("mosaik.state-machine.v1").derive(stable_type_name::<M>())
}

/// What a command returned, for its caller. Nothing if it cannot be written, which the caller is told.
pub fn respond<R: Returned>(result: &R) -> Bytes {
    encode(result).unwrap_or_default()
}

/// How a machine that the macro writes is copied to a late member.
pub fn sync<M: SnapshotMachine>() -> SnapshotSync<M> {
    SnapshotSync::default()
}

/// As the macro's implementation of `Serialize`.
pub fn write<M: Message, S: Serializer>(message: &M, serializer: S) -> Result<S::Ok, S::Error> {
    message.write(Writer::new(serializer))
}

/// As the macro's implementation of `Deserialize`.
pub fn read<'de, M: Message, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
    message::read(deserializer)
}

/// What can be written as the id of a machine.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a state machine",
    label = "not an id",
    note = "an id is a text, as in `#[state_machine(id = \"bank.v1\")]`, or an expression that gives a \
            `UniqueId` or a `&str`"
)]
pub trait NamesMachine: Into<UniqueId> {}

#[diagnostic::do_not_recommend]
impl<T: Into<UniqueId>> NamesMachine for T {}

/// A state: it is written into snapshots and read from them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a machine",
    label = "not a state that can be copied to other members",
    note = "a new member gets the state from another one: write `#[derive(serde::Serialize, \
            serde::Deserialize)]` on `{Self}`",
    note = "it must be `Send` and `Sync` and own its data"
)]
pub trait State: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> State for T {}

/// An argument of a command or a query.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a command or a query",
    label = "not a value that can be sent to other members",
    note = "write `#[derive(Clone, serde::Serialize, serde::Deserialize)]` on the type",
    note = "it must be `Send` and `Sync` and own its data"
)]
pub trait Argument: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Argument for T {}

/// What a command returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a command",
    label = "not a value that can be kept for the caller",
    note = "write `#[derive(serde::Serialize, serde::Deserialize)]` on the type, and on the types inside",
    note = "it must be `Send` and own its data"
)]
pub trait Returned: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Returned for T {}

/// What a query returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a query",
    label = "not a value that can be sent to other members",
    note = "write `#[derive(Clone, serde::Serialize, serde::Deserialize)]` on the type, and on the types \
            inside",
    note = "it must be `Send` and `Sync` and own its data"
)]
pub trait Answer: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Answer for T {}

/// Whether a type is a state, as a constant that does not compile if it is not.
pub const fn state<T: State>() {}

/// Whether a type can be an argument.
pub const fn argument<T: Argument>() {}

/// Whether a type can be returned by a command.
pub const fn returned<T: Returned>() {}

/// Whether a type can be returned by a query.
pub const fn answer<T: Answer>() {}

#[cfg(test)]
mod tests;
