//! Bounds that a peer can observe, each with its reason. Bounds of one module's own are beside it.

/// Arrays, maps and extensions inside each other: deep enough for any hand-written type, shallow
/// enough that decoding fits in the smallest stack we run on (2 MiB, of which this takes under 10 %).
pub(crate) const NESTING_DEPTH_MAX: usize = 96;

/// Bytes of a data frame: one datum, or one chunk of a snapshot.
pub(crate) const DATA_FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of an encoded peer entry: 1,000 nodes with full entries fit in 256 MiB.
pub(crate) const ENTRY_BYTES_MAX: usize = 256 * 1024;

/// Entries over this size travel as "version + fetch", so that one never delays a round of gossip.
pub(crate) const ENTRY_PUSH_BYTES_MAX: usize = 16 * 1024;

/// Tags of one peer.
pub(crate) const ENTRY_TAGS_MAX: usize = 2048;

/// Streams that one peer produces.
pub(crate) const ENTRY_STREAMS_MAX: usize = 2048;

/// Groups that one peer is in.
pub(crate) const ENTRY_GROUPS_MAX: usize = 2048;

/// Tickets of one peer. A TDX quote with its collateral takes about 16 KiB, so bytes bind first.
pub(crate) const ENTRY_TICKETS_MAX: usize = 64;

/// Addresses of one peer: every interface of a busy host, twice over.
pub(crate) const ENTRY_ADDRESSES_MAX: usize = 64;

/// Bytes of one transport address in text (relay URLs are the longest).
pub(crate) const ADDRESS_BYTES_MAX: usize = 512;

/// Bytes of the version that a peer announces for its software.
pub(crate) const PROTOCOL_VERSION_BYTES_MAX: usize = 64;

/// Nodes of a schema: more than any type a person wrote; beyond it the rest is opaque.
pub(crate) const SCHEMA_NODES_MAX: usize = 2048;

/// Levels of a schema; the rest is opaque.
pub(crate) const SCHEMA_DEPTH_MAX: usize = 32;

/// Bytes of an encoded schema in a handshake.
pub(crate) const SCHEMA_BYTES_MAX: usize = 48 * 1024;
