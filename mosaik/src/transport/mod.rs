//! Everything between this node and one peer: endpoint, connections, framed streams.
//!
//! A pair of peers has two connections, *control* and *data*, each shared by all protocols of its lane. A stream opens with
//! a header that names its protocol and a request, and is answered before anything else flows. Whoever is served or
//! refused here has proved its id and belongs to the same network; what it may do is for the layers above.
//!
//! *Invariant:* every wait has a deadline, every table a bound, every refusal a counter. *Invariant:* nothing here awaits a
//! relay. Knows nothing of catalogs, entries, tickets, groups and datums.

mod endpoint;
pub(crate) use endpoint::{Transport, WeakTransport};

mod config;
pub(crate) use config::{LaneSettings, Limits, TransportConfig};

mod protocol;
pub(crate) use protocol::{Lane, Protocol, REQUEST_BYTES_MAX};

mod incoming;
pub(crate) use incoming::Incoming;

mod link;
pub(crate) use link::{Link, LinkReceiver, LinkSender};

mod frame;
pub use frame::FrameError;
pub(crate) use frame::{FrameBatch, Frames};

mod close;
pub use close::{CloseCode, CloseReason, ConnectionEnd};

mod error;
pub use error::{BindError, LinkError, OpenError};

mod table;
pub(crate) use table::PeerEvent;

mod address_book;
pub(crate) use address_book::AddressBook;

mod admission;
pub(crate) use admission::PeerFilter;

mod stats;
pub use stats::TransportStats;

mod backend;
pub use backend::PathKind;

mod accept;
mod dial;
mod hello;
mod quic;
mod session;
mod wire;

#[cfg(feature = "test-util")]
mod memory;
#[cfg(feature = "test-util")]
pub use memory::{Conditions, MemoryNet};

// What the fuzz targets decode.
#[cfg(feature = "fuzzing")]
pub(crate) use {
    frame::FrameBuffer,
    wire::{Answer, Header, Hello},
};

#[cfg(feature = "test-util")]
#[doc(hidden)]
pub mod bench;

#[cfg(test)]
mod tests;

pub use iroh::{Endpoint, RelayMode, endpoint::InvalidSocketAddr};
