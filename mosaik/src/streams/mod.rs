//! Typed publish/subscribe that finds its own ends.
//!
//! A [`Producer`] encodes each datum once, into a segment that all its consumers share (`segment`, `fanout`,
//! `outbox`). A [`Consumer`] looks for the producers of its stream in the catalog (`roster`), opens one long-lived
//! link to each (`wire`), and grants credit as the application takes datums (`credit`), so that a slow consumer
//! slows its producer, or loses what the producer's policy says and is told so (`sequence`).
//!
//! Streams know neither how peers are found nor how bytes travel; they do not know groups.

mod node;
pub use node::Streams;
pub(crate) use node::StreamsParts;

mod config;
#[doc(hidden)]
pub use config::ConfigBuilder;
pub use config::{Config, ConfigBuilderError};

mod def;
pub use def::StreamDef;

pub mod producer;
pub use producer::Producer;

pub mod consumer;
pub use consumer::Consumer;

mod criteria;
pub use criteria::{Criteria, FILTER_RANGES_MAX, Filter, IndexKey};

mod back_pressure;
pub use back_pressure::BackPressure;

mod sequence;
pub use sequence::{Gap, GapReason};

mod event;
pub use event::ConsumerEvent;

pub mod status;

pub use crate::{
    declare::{ConsumerDef, ConsumerOf, ProducerDef, ProducerOf, StreamConsumer, StreamProducer},
    primitives::{StreamId, backoff},
};

mod admission;
mod board;
mod codes;
mod credit;
mod directory;
mod explain;
mod fanout;
mod meter;
mod outbox;
mod registry;
mod segment;
mod stats;
mod wire;
