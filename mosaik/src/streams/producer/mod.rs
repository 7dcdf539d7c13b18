//! Producing: handles, their one fan-out, and the channels to consumers.

mod builder;
pub(crate) use builder::ProducerParts;
pub use builder::{Builder, BuilderError, ProducerConfig};

mod error;
pub use error::Error;

mod handle;
pub(crate) use handle::Owner;
pub use handle::Producer;

mod undelivered;
pub use undelivered::UndeliveredSink;

mod core;
pub(crate) use core::{ChannelEnd, Core, End, Opening};

mod members;
pub(crate) use members::{Application, Stop};

mod serve;
pub(crate) use serve::serve;
