//! Everything between this node and one peer: endpoint, connections, framed streams.
//!
//! A pair of peers has two connections, *control* and *data*, each shared by all protocols of its lane. A stream opens with
//! a header that names its protocol and a request, and is answered before anything else flows. Whoever is served or
//! refused here has proved its id and belongs to the same network; what it may do is for the layers above.
//!
//! *Invariant:* every wait has a deadline, every table a bound, every refusal a counter. *Invariant:* nothing here awaits a
//! relay. Knows nothing of catalogs, entries, tickets, groups and datums.

#![cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "bonds, snapshots and calls are not there yet; tests hold what they will use to its contract"
    )
)]

mod endpoint;
pub(crate) use endpoint::{Transport, WeakTransport};

mod config;
pub(crate) use config::TransportConfig;

mod protocol;
pub(crate) use protocol::Protocol;

mod incoming;
pub(crate) use incoming::Incoming;

mod link;
pub(crate) use link::{Link, LinkReceiver, LinkSender};

mod close;
pub use close::{CloseCode, CloseReason, ConnectionEnd};

mod error;
pub(crate) use error::LinkError;
pub use error::{BindError, OpenError};

mod stats;
pub use stats::TransportStats;

mod accept;
mod address_book;
mod admission;
mod backend;
mod dial;
mod frame;
mod hello;
mod quic;
mod session;
mod table;
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

pub use iroh::RelayMode;
pub(crate) use iroh::endpoint::ApplicationClose;
pub(crate) use iroh::{Endpoint, endpoint::InvalidSocketAddr};
