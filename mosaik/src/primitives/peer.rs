//! What a peer says about itself, signed.

use core::fmt;
use core::ops::Deref;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};

pub use iroh::{EndpointAddr, EndpointId as PeerId, RelayUrl, SecretKey, Signature, TransportAddr};

use super::codec;
use super::digest::{Digest, GroupId, NetworkId, StreamId, Tag, TicketClass, UniqueId};
use super::limits::{
    ENTRY_ADDRESSES_MAX, ENTRY_BYTES_MAX, ENTRY_GROUPS_MAX, ENTRY_STREAMS_MAX, ENTRY_TAGS_MAX,
    ENTRY_TICKETS_MAX,
};
use super::one_or_many::IntoIterOrSingle;
use super::ticket::Ticket;

mod info;
pub use info::PeerInfo;

mod print;

mod version;
pub use version::PeerEntryVersion;

mod wire;

/// The time of the system's clock, for conveniences that take no time from their caller.
///
/// Rules take the time as an argument; this is the one place of this layer that reads a clock.
#[expect(
    clippy::disallowed_methods,
    reason = "public conveniences such as `PeerEntry::add_tags` have no argument for the time"
)]
pub(crate) fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}

/// Why an entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Only a peer itself can sign its entry.
    #[error("entry of {expected} cannot be signed with the key of {actual}")]
    SecretKeyMismatch {
        /// The peer that the entry describes.
        expected: PeerId,
        /// The peer that the key belongs to.
        actual: PeerId,
    },
    /// An entry describes one peer for ever.
    #[error("entry of {expected} cannot take an address of {actual}")]
    PeerIdChanged {
        /// The peer that the entry describes.
        expected: PeerId,
        /// The peer that the address belongs to.
        actual: PeerId,
    },
    /// The signature is not one of this entry by its peer.
    #[error("signature of the entry of {peer} is invalid")]
    SignatureInvalid {
        /// The peer that the entry describes.
        peer: PeerId,
    },
    /// More of something than an entry may hold.
    #[error("entry holds {actual} {what}, at most {limit} are allowed")]
    LimitExceeded {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much there may be.
        limit: usize,
    },
}

impl EntryError {
    /// Whether the same call may succeed later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing changed: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// What a peer says about itself: where it is, what it offers, what it may do.
///
/// An entry is a value: each change gives a new entry with a newer
/// [version](PeerEntry::update_version), and changes that change nothing keep the version.
/// The infallible changes are not bounded by themselves; [`sign`](PeerEntry::sign) refuses an entry
/// over the limits (2,048 tags, streams and groups each, 64 tickets, 64 addresses, 256 KiB), and so
/// does decoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerEntry {
    protocol: Version,
    network: NetworkId,
    version: PeerEntryVersion,
    address: EndpointAddr,
    tags: BTreeSet<Tag>,
    streams: BTreeSet<StreamId>,
    groups: BTreeSet<GroupId>,
    tickets: BTreeMap<UniqueId, Ticket>,
}

/// The version of this crate, which entries announce.
static PROTOCOL_VERSION: LazyLock<Version> = LazyLock::new(|| {
    env!("CARGO_PKG_VERSION")
        .parse()
        .expect("invariant: cargo's own package version is a version")
});

impl PeerEntry {
    /// The first entry of a peer that started at `now`.
    pub(crate) fn new_at(network: NetworkId, address: EndpointAddr, now: DateTime<Utc>) -> Self {
        Self {
            protocol: PROTOCOL_VERSION.clone(),
            network,
            version: PeerEntryVersion::starting_at(now),
            address,
            tags: BTreeSet::new(),
            streams: BTreeSet::new(),
            groups: BTreeSet::new(),
            tickets: BTreeMap::new(),
        }
    }

    /// The peer.
    pub const fn id(&self) -> &PeerId {
        &self.address.id
    }

    /// The network that the peer is in.
    pub const fn network_id(&self) -> &NetworkId {
        &self.network
    }

    /// The version of this crate that the peer runs.
    pub const fn protocol_version(&self) -> &Version {
        &self.protocol
    }

    /// Where the peer can be reached.
    pub const fn address(&self) -> &EndpointAddr {
        &self.address
    }

    /// The labels that the peer puts on itself.
    pub const fn tags(&self) -> &BTreeSet<Tag> {
        &self.tags
    }

    /// The streams that the peer produces.
    pub const fn streams(&self) -> &BTreeSet<StreamId> {
        &self.streams
    }

    /// The groups that the peer is in.
    pub const fn groups(&self) -> &BTreeSet<GroupId> {
        &self.groups
    }

    /// The credentials of the peer, by their ids.
    pub const fn tickets(&self) -> &BTreeMap<UniqueId, Ticket> {
        &self.tickets
    }

    /// The tickets of one class.
    pub fn tickets_of(&self, class: TicketClass) -> impl Iterator<Item = &Ticket> {
        self.tickets
            .values()
            .filter(move |ticket| ticket.class == class)
    }

    /// The tickets of one class whose data the validator accepts.
    pub fn valid_tickets(
        &self,
        class: TicketClass,
        validator: impl Fn(&[u8]) -> bool,
    ) -> impl Iterator<Item = &Ticket> {
        self.tickets_of(class)
            .filter(move |ticket| validator(ticket.data()))
    }

    /// Whether the validator accepts a ticket of that class.
    pub fn has_valid_ticket(&self, class: TicketClass, validator: impl Fn(&[u8]) -> bool) -> bool {
        self.valid_tickets(class, validator).next().is_some()
    }

    /// Which of two entries of a peer is newer.
    pub const fn update_version(&self) -> PeerEntryVersion {
        self.version
    }

    /// When the entry last changed, by the peer's clock.
    pub fn updated_at(&self) -> DateTime<Utc> {
        self.version.updated_at()
    }

    /// When the peer started, by its own clock.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.version.started_at()
    }

    /// How long the peer has been up, by its word; zero if it claims to start in the future.
    pub fn uptime(&self) -> Duration {
        self.uptime_at(wall_clock())
    }

    /// [`uptime`](Self::uptime) at a given time.
    pub(crate) fn uptime_at(&self, now: DateTime<Utc>) -> Duration {
        (now - self.started_at()).to_std().unwrap_or_default()
    }

    /// The SHA-256 of the encoded entry: what its signature signs.
    pub fn digest(&self) -> Digest {
        Digest::hash(&self.encoded())
    }

    /// Whether this entry replaces `other`; equal versions do not.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.version > other.version
    }

    /// Replaces the address; always a new version.
    pub(crate) fn with_address_at(
        mut self,
        address: EndpointAddr,
        now: DateTime<Utc>,
    ) -> Result<Self, EntryError> {
        if address.id != self.address.id {
            return Err(EntryError::PeerIdChanged {
                expected: self.address.id,
                actual: address.id,
            });
        }
        self.address = address;
        Ok(self.touched_at(now))
    }

    /// The same content with this version.
    #[must_use]
    pub(crate) const fn with_version(mut self, version: PeerEntryVersion) -> Self {
        self.version = version;
        self
    }

    /// The same content with a newer version, so that peers hear of it again.
    #[must_use]
    pub(crate) fn touched_at(mut self, now: DateTime<Utc>) -> Self {
        self.version = self.version.bumped_at(now);
        self
    }

    /// Adds streams that the peer produces.
    #[must_use]
    pub fn add_streams<V>(self, streams: impl IntoIterOrSingle<StreamId, V>) -> Self {
        self.change_at(wall_clock(), |entry| {
            insert_all(&mut entry.streams, streams)
        })
    }

    /// Removes streams that the peer produces.
    #[must_use]
    pub fn remove_streams<V>(self, streams: impl IntoIterOrSingle<StreamId, V>) -> Self {
        self.change_at(wall_clock(), |entry| {
            remove_all(&mut entry.streams, streams)
        })
    }

    /// Adds groups that the peer is in.
    #[must_use]
    pub fn add_groups<V>(self, groups: impl IntoIterOrSingle<GroupId, V>) -> Self {
        self.change_at(wall_clock(), |entry| insert_all(&mut entry.groups, groups))
    }

    /// Removes groups that the peer is in.
    #[must_use]
    pub fn remove_groups<V>(self, groups: impl IntoIterOrSingle<GroupId, V>) -> Self {
        self.change_at(wall_clock(), |entry| remove_all(&mut entry.groups, groups))
    }

    /// Adds labels.
    #[must_use]
    pub fn add_tags<V>(self, tags: impl IntoIterOrSingle<Tag, V>) -> Self {
        self.change_at(wall_clock(), |entry| insert_all(&mut entry.tags, tags))
    }

    /// Removes labels.
    #[must_use]
    pub fn remove_tags<V>(self, tags: impl IntoIterOrSingle<Tag, V>) -> Self {
        self.change_at(wall_clock(), |entry| remove_all(&mut entry.tags, tags))
    }

    /// Adds a credential; one that is there already changes nothing.
    #[must_use]
    pub fn add_ticket(self, ticket: Ticket) -> Self {
        self.change_at(wall_clock(), |entry| entry.insert_ticket(ticket))
    }

    /// Removes the credential with this id.
    #[must_use]
    pub fn remove_ticket(self, id: UniqueId) -> Self {
        self.change_at(wall_clock(), |entry| entry.tickets.remove(&id).is_some())
    }

    /// Removes all credentials of a class.
    #[must_use]
    pub fn remove_tickets_of(self, class: TicketClass) -> Self {
        self.change_at(wall_clock(), |entry| {
            entry.retain_tickets(|ticket| ticket.class != class)
        })
    }

    /// Puts this credential in the place of all others of its class, as one change.
    #[must_use]
    pub fn replace_ticket(self, ticket: Ticket) -> Self {
        self.change_at(wall_clock(), |entry| {
            let (id, class) = (ticket.id(), ticket.class);
            let removed = entry.retain_tickets(|other| other.class != class || other.id() == id);
            entry.insert_ticket(ticket) || removed
        })
    }

    /// Changes the entry, with a new version if `change` says that it did something.
    ///
    /// What the public changes do with the system's clock, for callers that own the time.
    #[must_use]
    pub(crate) fn change_at(
        mut self,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Self) -> bool,
    ) -> Self {
        if change(&mut self) {
            self.touched_at(now)
        } else {
            self
        }
    }

    pub(crate) fn tags_mut(&mut self) -> &mut BTreeSet<Tag> {
        &mut self.tags
    }

    /// Whether the ticket was not there.
    pub(crate) fn insert_ticket(&mut self, ticket: Ticket) -> bool {
        self.tickets.insert(ticket.id(), ticket).is_none()
    }

    /// Whether a ticket was removed.
    pub(crate) fn retain_tickets(&mut self, keep: impl Fn(&Ticket) -> bool) -> bool {
        let before = self.tickets.len();
        self.tickets.retain(|_, ticket| keep(ticket));
        self.tickets.len() != before
    }

    /// Signs the entry, if it is within the limits and `key` is its peer's.
    pub(crate) fn signed_by(self, key: &SecretKey) -> Result<SignedPeerEntry, EntryError> {
        let (expected, actual) = (self.address.id, key.public());
        if expected != actual {
            return Err(EntryError::SecretKeyMismatch { expected, actual });
        }
        let encoded = self.checked_encoding()?;
        let signature = key.sign(Digest::hash(&encoded).as_bytes());
        Ok(SignedPeerEntry(Arc::new(Signed {
            entry: self,
            signature,
        })))
    }

    fn checked_encoding(&self) -> Result<bytes::Bytes, EntryError> {
        let counts = [
            ("tags", self.tags.len(), ENTRY_TAGS_MAX),
            ("streams", self.streams.len(), ENTRY_STREAMS_MAX),
            ("groups", self.groups.len(), ENTRY_GROUPS_MAX),
            ("tickets", self.tickets.len(), ENTRY_TICKETS_MAX),
            ("addresses", self.address.addrs.len(), ENTRY_ADDRESSES_MAX),
        ];
        for (what, actual, limit) in counts {
            at_most(what, actual, limit)?;
        }
        let encoded = self.encoded();
        at_most("bytes", encoded.len(), ENTRY_BYTES_MAX)?;
        Ok(encoded)
    }

    fn encoded(&self) -> bytes::Bytes {
        codec::encode(self).expect("invariant: an entry is flat and of encodable parts")
    }
}

fn at_most(what: &'static str, actual: usize, limit: usize) -> Result<(), EntryError> {
    if actual <= limit {
        Ok(())
    } else {
        Err(EntryError::LimitExceeded {
            what,
            actual,
            limit,
        })
    }
}

/// Whether a value was not there yet.
pub(crate) fn insert_all<V>(
    set: &mut BTreeSet<Digest>,
    values: impl IntoIterOrSingle<Digest, V>,
) -> bool {
    values.iterator().filter(|value| set.insert(*value)).count() > 0
}

/// Whether a value was there.
pub(crate) fn remove_all<V>(
    set: &mut BTreeSet<Digest>,
    values: impl IntoIterOrSingle<Digest, V>,
) -> bool {
    values.iterator().filter(|value| set.remove(value)).count() > 0
}

impl From<&PeerEntry> for PeerId {
    fn from(entry: &PeerEntry) -> Self {
        *entry.id()
    }
}

impl From<Digest> for SecretKey {
    fn from(digest: Digest) -> Self {
        Self::from_bytes(digest.as_bytes())
    }
}

/// An entry with its peer's signature, which was verified when the value was made.
///
/// Clones share one entry.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedPeerEntry(Arc<Signed>);

#[derive(PartialEq, Eq)]
struct Signed {
    entry: PeerEntry,
    signature: Signature,
}

impl SignedPeerEntry {
    /// Only a valid signature of an entry within the limits makes a value.
    pub(crate) fn verified(entry: PeerEntry, signature: Signature) -> Result<Self, EntryError> {
        let encoded = entry.checked_encoding()?;
        let peer = *entry.id();
        peer.verify(Digest::hash(&encoded).as_bytes(), &signature)
            .map_err(|_| EntryError::SignatureInvalid { peer })?;
        Ok(Self(Arc::new(Signed { entry, signature })))
    }

    /// The entry alone.
    pub fn into_unsigned(self) -> PeerEntry {
        match Arc::try_unwrap(self.0) {
            Ok(signed) => signed.entry,
            Err(shared) => shared.entry.clone(),
        }
    }
}

impl fmt::Debug for SignedPeerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedPeerEntry")
            .field("entry", &self.0.entry)
            .field("signature", &super::fmt::Hex(&self.0.signature.to_bytes()))
            .finish()
    }
}

impl Deref for SignedPeerEntry {
    type Target = PeerEntry;

    fn deref(&self) -> &PeerEntry {
        &self.0.entry
    }
}

impl AsRef<PeerEntry> for SignedPeerEntry {
    fn as_ref(&self) -> &PeerEntry {
        self
    }
}

impl AsRef<Signature> for SignedPeerEntry {
    fn as_ref(&self) -> &Signature {
        &self.0.signature
    }
}

impl From<SignedPeerEntry> for (PeerEntry, Signature) {
    fn from(signed: SignedPeerEntry) -> Self {
        let signature = signed.0.signature;
        (signed.into_unsigned(), signature)
    }
}

impl From<SignedPeerEntry> for PeerEntry {
    fn from(signed: SignedPeerEntry) -> Self {
        signed.into_unsigned()
    }
}

impl From<&SignedPeerEntry> for PeerEntry {
    fn from(signed: &SignedPeerEntry) -> Self {
        signed.0.entry.clone()
    }
}

impl From<&SignedPeerEntry> for PeerId {
    fn from(signed: &SignedPeerEntry) -> Self {
        *signed.id()
    }
}

impl Serialize for PeerEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::Entry::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PeerEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::Entry::deserialize(deserializer).map(wire::Entry::into_entry)
    }
}

impl Serialize for SignedPeerEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.0.entry, wire::SignatureBytes(self.0.signature)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SignedPeerEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (entry, signature) = <(PeerEntry, wire::SignatureBytes)>::deserialize(deserializer)?;
        Self::verified(entry, signature.0).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
