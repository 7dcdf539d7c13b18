//! Consuming: the handle, its queue, and the receivers that fill it.

mod builder;
pub use builder::{Builder, ConsumerConfig};

mod handle;
pub use handle::Consumer;

mod inbox;

mod intake;

mod receiver;
pub(crate) use receiver::difference;

mod roster;
pub(crate) use roster::Outcome;

mod shared;
pub(crate) use shared::Shared;

mod worker;
pub(crate) use worker::ConsumerActor;
