//! Who is out there: a signed, gossiped catalog of peers.
//!
//! All rules are in `core`, which does no I/O; it is driven from outside with events and the time. Around it:
//! `handle` is what the application holds, `shell` is what all tasks of a node share, `actor` owns its
//! timers, `links` carries messages to and from peers, and `bootstrap` finds the first of them.
//!
//! *Invariant:* no task waits for a peer while it holds anything that another peer needs.

mod handle;
pub(crate) use handle::Setup;
pub use handle::{Discovery, SyncFuture};

mod renewing;
pub use renewing::RenewedTicket;

mod config;
pub use config::{Config, ConfigBuilderError};
#[doc(hidden)]
pub use config::{ConfigBuilder, IntoConfig};

mod event;
pub use event::{AnnounceEvent, Event};

mod catalog;
pub use catalog::Catalog;

mod error;
pub use error::Error;

mod stats;
pub use stats::{Health, Stats};

mod entry;

mod bootstrap;
#[cfg(feature = "dht")]
pub use bootstrap::dht;
pub(crate) use bootstrap::{DhtMode, Sources};

mod actor;
mod links;
mod shell;
mod waiting;

mod core;
pub(crate) use core::{
    Core, CoreConfig, DialFailure, HangupReason, Input, LocalChange, Now, Output, Source,
    SyncFailure,
};

mod message;
#[cfg(feature = "fuzzing")]
pub(crate) use message::MESSAGE_BYTES_MAX;
pub(crate) use message::{Message, MessageError};

mod counters;
pub(crate) use counters::{Counters, Refusal};

mod budget;
mod graves;
mod overlay;
mod probe;
mod sync;

use crate::primitives::PeerId;
pub use crate::primitives::{PeerEntry, PeerEntryVersion, PeerInfo, SignedPeerEntry};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
