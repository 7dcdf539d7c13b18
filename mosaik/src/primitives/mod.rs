//! Values: digests, ids, encodings, limits. Knows nothing of time, tasks or peers on a wire.
//!
//! The values that describe a peer ([`crate::discovery::PeerEntry`] and what belongs to it) live
//! here because tickets and discovery both speak of them; their public paths are in those modules.

mod digest;
pub use digest::{Digest, Tag, UniqueId};
#[doc(hidden)]
pub use digest::{GroupId, NetworkId, StoreId, StreamId, TicketClass};

pub mod datum;
pub use datum::{Datum, Encoded};

mod codec;
pub mod encoding;
pub(crate) use codec::{decode, decode_prefix, encode, encode_into};

pub mod schema;
pub use schema::Schema;

mod fmt;
pub use fmt::{
    Abbreviated, FmtIter, Pretty, PrettyFmtExt, Redacted, RedactedFmtExt, Short, ShortFmtExt,
};

mod one_or_many;
#[doc(hidden)]
pub use one_or_many::{IntoIterOrSingle, Variant};

pub(crate) mod limits;

mod settings;
pub(crate) use settings::config_builder_error;

pub mod backoff;
pub use backoff::BackoffFactory;

mod peer;
pub(crate) use peer::wall_clock;
#[doc(hidden)]
pub use peer::{
    EndpointAddr, EntryError, PeerEntry, PeerEntryVersion, PeerId, PeerInfo, RelayUrl, SecretKey,
    Signature, SignedPeerEntry, TransportAddr,
};

mod ticket;
#[doc(hidden)]
pub use ticket::Ticket;

pub use bytes::{self, Bytes, BytesMut};
