//! The encoded form of an entry. The order of the fields is the order on the wire.
//!
//! A signature is over these bytes, so an entry has exactly one encoding: sets are in order, what
//! follows from other fields is left out, and a decoder knows every field or refuses.

use core::fmt;
use core::marker::PhantomData;
use core::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EndpointAddr, PeerEntry, PeerEntryVersion, PeerId, Signature, TransportAddr};
use crate::primitives::digest::{Digest, NetworkId};
use crate::primitives::limits::{
    ADDRESS_BYTES_MAX, ENTRY_ADDRESSES_MAX, ENTRY_GROUPS_MAX, ENTRY_STREAMS_MAX, ENTRY_TAGS_MAX,
    ENTRY_TICKETS_MAX, PROTOCOL_VERSION_BYTES_MAX,
};
use crate::primitives::ticket::Ticket;

/// Changes with every change of [`Entry`].
const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    format: Format,
    protocol: ProtocolVersion<'a>,
    network: NetworkId,
    version: PeerEntryVersion,
    id: Id,
    addresses: Bounded<Address, ENTRY_ADDRESSES_MAX>,
    tags: Bounded<Digest, ENTRY_TAGS_MAX>,
    streams: Bounded<Digest, ENTRY_STREAMS_MAX>,
    groups: Bounded<Digest, ENTRY_GROUPS_MAX>,
    tickets: Bounded<Ticket, ENTRY_TICKETS_MAX>,
}

impl<'a> From<&'a PeerEntry> for Entry<'a> {
    fn from(entry: &'a PeerEntry) -> Self {
        Self {
            format: Format,
            protocol: ProtocolVersion(Cow::Borrowed(&entry.protocol)),
            network: entry.network,
            version: entry.version,
            id: Id(*entry.id()),
            addresses: Bounded(
                entry
                    .address
                    .addrs
                    .iter()
                    .cloned()
                    .filter_map(Address::encodable)
                    .collect(),
            ),
            tags: Bounded(entry.tags.iter().copied().collect()),
            streams: Bounded(entry.streams.iter().copied().collect()),
            groups: Bounded(entry.groups.iter().copied().collect()),
            tickets: Bounded(entry.tickets.values().cloned().collect()),
        }
    }
}

impl Entry<'_> {
    pub(super) fn into_entry(self) -> PeerEntry {
        let addresses = self.addresses.0.into_iter().map(|address| address.0);
        let tickets = self
            .tickets
            .0
            .into_iter()
            .map(|ticket| (ticket.id(), ticket));
        PeerEntry {
            protocol: self.protocol.0.into_owned(),
            network: self.network,
            version: self.version,
            address: EndpointAddr::from_parts(self.id.0, addresses),
            tags: BTreeSet::from_iter(self.tags.0),
            streams: BTreeSet::from_iter(self.streams.0),
            groups: BTreeSet::from_iter(self.groups.0),
            tickets: BTreeMap::from_iter(tickets),
        }
    }
}

struct Format;

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(FORMAT)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            FORMAT => Ok(Self),
            other => Err(de::Error::custom(format_args!(
                "entry has format {other}, this node reads format {FORMAT}"
            ))),
        }
    }
}

struct ProtocolVersion<'a>(Cow<'a, Version>);

impl Serialize for ProtocolVersion<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProtocolVersion<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_str(BoundedText::<PROTOCOL_VERSION_BYTES_MAX>)?;
        let version = text.parse().map_err(de::Error::custom)?;
        Ok(Self(Cow::Owned(version)))
    }
}

struct BoundedText<const MAX: usize>;

impl<const MAX: usize> Visitor<'_> for BoundedText<MAX> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of at most {MAX} bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        if text.len() > MAX {
            return Err(E::invalid_length(text.len(), &self));
        }
        Ok(text.to_owned())
    }
}

/// A key as its bytes, which serde does not do for arrays.
struct Id(PeerId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Digest::from_bytes(*self.0.as_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Digest::deserialize(deserializer)?;
        PeerId::from_bytes(bytes.as_bytes())
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// At most `MAX` items, counted while they are read.
struct Bounded<T, const MAX: usize>(Vec<T>);

impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedVisitor::<T, MAX>(PhantomData))
    }
}

struct BoundedVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for BoundedVisitor<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() == MAX {
                return Err(de::Error::invalid_length(MAX + 1, &self));
            }
            items.push(item);
        }
        Ok(Bounded(items))
    }
}

/// An address as a kind and bytes, or as text in formats for people.
struct Address(TransportAddr);

/// A relay, by its URL.
const RELAY: u8 = 0;
/// 4 bytes and a port, or 16 bytes and a port, or that and flow and scope; all big-endian.
const IP: u8 = 1;
/// What iroh calls a custom address, in its text form.
const CUSTOM: u8 = 2;

impl Address {
    /// Leaves out what a decoder would refuse: kinds that iroh may add, and oversized ones.
    fn encodable(address: TransportAddr) -> Option<Self> {
        let address = Self(address);
        address
            .parts()
            .filter(|(_, bytes)| bytes.len() <= ADDRESS_BYTES_MAX)?;
        Some(address)
    }

    fn parts(&self) -> Option<(u8, Vec<u8>)> {
        match &self.0 {
            TransportAddr::Relay(url) => Some((RELAY, url.as_str().as_bytes().to_vec())),
            TransportAddr::Ip(address) => Some((IP, ip_bytes(*address))),
            TransportAddr::Custom(address) => Some((CUSTOM, address.to_string().into_bytes())),
            _ => None,
        }
    }

    fn from_parts(kind: u8, bytes: &[u8]) -> Option<Self> {
        if bytes.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let text = core::str::from_utf8(bytes);
        Some(Self(match kind {
            RELAY => TransportAddr::Relay(text.ok()?.parse().ok()?),
            IP => TransportAddr::Ip(ip_from_bytes(bytes)?),
            CUSTOM => TransportAddr::Custom(text.ok()?.parse().ok()?),
            _ => return None,
        }))
    }
}

fn ip_bytes(address: SocketAddr) -> Vec<u8> {
    let mut bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes.extend_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V6(v6) if (v6.flowinfo(), v6.scope_id()) != (0, 0) => {
            bytes.extend_from_slice(&v6.flowinfo().to_be_bytes());
            bytes.extend_from_slice(&v6.scope_id().to_be_bytes());
        }
        _ => {}
    }
    bytes
}

fn ip_from_bytes(bytes: &[u8]) -> Option<SocketAddr> {
    let port = |bytes: &[u8]| bytes.try_into().ok().map(u16::from_be_bytes);
    let word = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_be_bytes);
    if let Some((ip, rest)) = bytes.split_first_chunk::<16>() {
        let (flow, scope) = match rest.len() {
            2 => (0, 0),
            10 => (word(&rest[2..6])?, word(&rest[6..])?),
            _ => return None,
        };
        let v6 = SocketAddrV6::new((*ip).into(), port(&rest[..2])?, flow, scope);
        return Some(SocketAddr::V6(v6));
    }
    let (ip, rest) = bytes.split_first_chunk::<4>()?;
    Some(SocketAddr::new(IpAddr::from(*ip), port(rest)?))
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let (kind, bytes) = self
            .parts()
            .ok_or_else(|| serde::ser::Error::custom("address of a kind without an encoding"))?;
        (kind, bytes::Bytes::from(bytes)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return TransportAddr::deserialize(deserializer).map(Self);
        }
        let (kind, bytes) = <(u8, bytes::Bytes)>::deserialize(deserializer)?;
        Self::from_parts(kind, &bytes)
            .ok_or_else(|| de::Error::custom(format_args!("no transport address of kind {kind}")))
    }
}

/// A signature as its 64 bytes, or as hex digits in formats for people.
pub(super) struct SignatureBytes(pub(super) Signature);

impl Serialize for SignatureBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes::Bytes::copy_from_slice(&self.0.to_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SignatureBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = bytes::Bytes::deserialize(deserializer)?;
        let bytes: [u8; Signature::LENGTH] = bytes
            .as_ref()
            .try_into()
            .map_err(|_| de::Error::invalid_length(bytes.len(), &"64 bytes"))?;
        Ok(Self(Signature::from_bytes(&bytes)))
    }
}
