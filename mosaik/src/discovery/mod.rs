//! Who is out there: a signed, gossiped catalog of peers.
//!
//! All rules are in [`core`], which does no I/O; it is driven from outside with events and the time.

mod config;
pub use config::{Config, ConfigBuilderError};
#[doc(hidden)]
pub use config::{ConfigBuilder, IntoConfig};

mod event;
pub use event::{AnnounceEvent, Event};

mod catalog;
pub use catalog::Catalog;

mod core;
pub(crate) use core::{
    Core, CoreConfig, DialFailure, HangupReason, Input, LocalChange, Now, Output, Source,
    SyncFailure,
};

mod message;
pub(crate) use message::{MESSAGE_BYTES_MAX, Message, MessageError};

mod counters;
pub(crate) use counters::{Counters, Refusal};

mod budget;
mod graves;
mod overlay;
mod probe;
mod sync;

pub use crate::primitives::{PeerEntry, PeerEntryVersion, PeerInfo, SignedPeerEntry};
