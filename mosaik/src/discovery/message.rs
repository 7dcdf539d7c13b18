//! What two discoveries say to each other, and its bytes.
//!
//! A message is a format version, a kind and the kind's fields: three MessagePack values in a row.
//! A kind that this version does not know is an error of its own, so that it can be counted and
//! passed over: newer peers may say more.

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::primitives::limits::ENTRY_BYTES_MAX;
use crate::primitives::{PeerEntryVersion, PeerId, Signature, decode, encode_into};

/// The first byte of every message.
const FORMAT_VERSION: u8 = 1;

/// Bytes of an encoded message: the largest entry with its record around it, or a full list.
pub(crate) const MESSAGE_BYTES_MAX: usize = ENTRY_BYTES_MAX + 64 * 1024;

/// Records of one message: what fits in 32 KiB when each is only a renewal.
pub(crate) const RECORDS_MAX: usize = 256;

/// Bytes of records after which a message is full; one larger record travels alone.
pub(crate) const RECORDS_BYTES_TARGET: usize = 32 * 1024;

/// Element hashes of one message: a whole catalog at its cap of entries.
pub(crate) const HASHES_MAX: usize = 18 * 1024;

/// Obituaries of one message.
pub(crate) const OBITUARIES_MAX: usize = 512;

/// An id as it came: whether it is a key is looked at only when it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RawId(pub(crate) [u8; 32]);

impl From<PeerId> for RawId {
    fn from(id: PeerId) -> Self {
        Self(*id.as_bytes())
    }
}

/// Hashes of (id, version) pairs; eight bytes each on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hashes(pub(crate) Vec<u64>);

/// An entry on its way: looked at without its signature first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Whose entry it is.
    pub(crate) id: RawId,
    /// Its version.
    pub(crate) version: PeerEntryVersion,
    /// Zero: `bytes` are the signed entry. Else: they are the signature of an entry that differs
    /// from the one before only in its version, and this is the fingerprint of all the rest.
    pub(crate) same_as: u64,
    /// See `same_as`.
    pub(crate) bytes: Bytes,
}

impl Record {
    /// Bytes on the wire, about.
    pub(crate) fn size_bytes(&self) -> usize {
        64 + self.bytes.len()
    }
}

/// A goodbye, signed by the peer that leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Departure {
    /// Who leaves.
    pub(crate) id: RawId,
    /// The last version of its entry; entries up to it are void.
    pub(crate) version: PeerEntryVersion,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// 64 bytes over the network, the id, the version and the time.
    pub(crate) signature: Bytes,
}

impl Departure {
    /// The bytes that are signed.
    pub(crate) fn signed_bytes(
        network: &[u8; 32],
        id: &RawId,
        version: PeerEntryVersion,
        at_ms: i64,
    ) -> Vec<u8> {
        let mut bytes = b"mosaik departure v1".to_vec();
        bytes.extend_from_slice(network);
        bytes.extend_from_slice(&id.0);
        for number in [version.start_ms(), version.update_ms(), at_ms] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// Whether the peer itself said this, and to this network.
    pub(crate) fn is_signed_by(&self, peer: &PeerId, network: &[u8; 32]) -> bool {
        let Ok(signature) = Signature::try_from(&self.signature[..]) else {
            return false;
        };
        let bytes = Self::signed_bytes(network, &self.id, self.version, self.at_ms);
        RawId::from(*peer) == self.id && peer.verify(&bytes, &signature).is_ok()
    }
}

/// A claim that a peer is dead. Not proof: the peer refutes it with a newer entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Obituary {
    /// Who.
    pub(crate) id: RawId,
    /// The last version that was known.
    pub(crate) version: PeerEntryVersion,
}

/// Everything that travels on a discovery link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Entries: pushed, or the answer to a [`Message::Want`], whose last part says so.
    Records {
        records: Vec<Record>,
        ends_answer: bool,
    },
    /// Versions that the sender has since a moment ago.
    Have { hashes: Hashes },
    /// Versions that the sender would like to have.
    Want { hashes: Hashes },
    /// Opens an exchange: the sum of a whole catalog, mixed with a salt.
    Compare {
        exchange: u32,
        salt: u64,
        count: u32,
        sum: u64,
    },
    /// Ends an exchange: the catalogs are equal.
    Equal { exchange: u32 },
    /// The sums of `2^bits` ranges of ids, two bytes each, with the salt of the exchange.
    Buckets {
        exchange: u32,
        bits: u8,
        sums: Bytes,
    },
    /// All versions in these ranges (two bytes each) on the side that opened the exchange.
    Ranges {
        exchange: u32,
        bits: u8,
        buckets: Bytes,
        hashes: Hashes,
        last: bool,
    },
    /// Versions in these ranges that the other side did not list.
    Offer {
        exchange: u32,
        hashes: Hashes,
        last: bool,
    },
    /// The opener has everything it wanted.
    Done { exchange: u32 },
    /// So has the other side.
    DoneToo { exchange: u32 },
    /// Are you there?
    Ping { nonce: u32 },
    /// Yes.
    Pong { nonce: u32 },
    /// Whether the sender wants to keep this link.
    Interest { wanted: bool },
    /// The link is about to be closed in good health.
    Closing,
    /// Goodbyes.
    Departures { departures: Vec<Departure> },
    /// Claims of death.
    Obituaries { obituaries: Vec<Obituary> },
    /// Can you reach this peer?
    ProbeRequest { target: RawId, nonce: u32 },
    /// The answer.
    ProbeReport {
        target: RawId,
        nonce: u32,
        alive: bool,
    },
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    /// Said in a format of another version: passed over.
    #[error("message format {0} is not known here")]
    UnknownFormat(u8),
    /// Something that this version cannot say: passed over.
    #[error("message kind {0} is not known here")]
    UnknownKind(u8),
    /// Not a message at all: a violation.
    #[error("malformed message")]
    Malformed,
}

impl MessageError {
    /// Whether the peer broke the protocol, rather than speaks a newer one.
    pub(crate) const fn is_violation(self) -> bool {
        matches!(self, Self::Malformed)
    }
}

impl Message {
    /// The bytes of one frame.
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        out.put_u8(FORMAT_VERSION);
        match self {
            Self::Records {
                records,
                ends_answer,
            } => put(&mut out, 1, &(records, ends_answer)),
            Self::Have { hashes } => put(&mut out, 2, &(hashes,)),
            Self::Want { hashes } => put(&mut out, 3, &(hashes,)),
            Self::Compare {
                exchange,
                salt,
                count,
                sum,
            } => {
                put(&mut out, 4, &(exchange, salt, count, sum));
            }
            Self::Equal { exchange } => put(&mut out, 5, &(exchange,)),
            Self::Buckets {
                exchange,
                bits,
                sums,
            } => put(&mut out, 6, &(exchange, bits, sums)),
            Self::Ranges {
                exchange,
                bits,
                buckets,
                hashes,
                last,
            } => {
                put(&mut out, 7, &(exchange, bits, buckets, hashes, last));
            }
            Self::Offer {
                exchange,
                hashes,
                last,
            } => put(&mut out, 8, &(exchange, hashes, last)),
            Self::Done { exchange } => put(&mut out, 9, &(exchange,)),
            Self::DoneToo { exchange } => put(&mut out, 10, &(exchange,)),
            Self::Ping { nonce } => put(&mut out, 11, &(nonce,)),
            Self::Pong { nonce } => put(&mut out, 12, &(nonce,)),
            Self::Interest { wanted } => put(&mut out, 13, &(wanted,)),
            Self::Closing => put(&mut out, 14, &[(); 0]),
            Self::Departures { departures } => put(&mut out, 15, &(departures,)),
            Self::Obituaries { obituaries } => put(&mut out, 16, &(obituaries,)),
            Self::ProbeRequest { target, nonce } => put(&mut out, 17, &(target, nonce)),
            Self::ProbeReport {
                target,
                nonce,
                alive,
            } => {
                put(&mut out, 18, &(target, nonce, alive));
            }
        }
        out.freeze()
    }

    /// The message in one frame.
    pub(crate) fn decode(frame: &[u8]) -> Result<Self, MessageError> {
        let [format, kind, fields @ ..] = frame else {
            return Err(MessageError::Malformed);
        };
        if *format != FORMAT_VERSION {
            return Err(MessageError::UnknownFormat(*format));
        }
        if frame.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::Malformed);
        }
        Ok(match kind {
            1 => {
                let (records, ends_answer) = take(fields)?;
                Self::Records {
                    records: bounded(records, RECORDS_MAX)?,
                    ends_answer,
                }
            }
            2 => take::<(_,)>(fields).map(|(hashes,)| Self::Have { hashes })?,
            3 => take::<(_,)>(fields).map(|(hashes,)| Self::Want { hashes })?,
            4 => {
                let (exchange, salt, count, sum) = take(fields)?;
                Self::Compare {
                    exchange,
                    salt,
                    count,
                    sum,
                }
            }
            5 => take::<(_,)>(fields).map(|(exchange,)| Self::Equal { exchange })?,
            6 => {
                let (exchange, bits, sums) = take(fields)?;
                Self::Buckets {
                    exchange,
                    bits,
                    sums,
                }
            }
            7 => {
                let (exchange, bits, buckets, hashes, last) = take(fields)?;
                Self::Ranges {
                    exchange,
                    bits,
                    buckets,
                    hashes,
                    last,
                }
            }
            8 => {
                let (exchange, hashes, last) = take(fields)?;
                Self::Offer {
                    exchange,
                    hashes,
                    last,
                }
            }
            9 => take::<(_,)>(fields).map(|(exchange,)| Self::Done { exchange })?,
            10 => take::<(_,)>(fields).map(|(exchange,)| Self::DoneToo { exchange })?,
            11 => take::<(_,)>(fields).map(|(nonce,)| Self::Ping { nonce })?,
            12 => take::<(_,)>(fields).map(|(nonce,)| Self::Pong { nonce })?,
            13 => take::<(_,)>(fields).map(|(wanted,)| Self::Interest { wanted })?,
            14 => take::<[(); 0]>(fields).map(|_| Self::Closing)?,
            15 => {
                let (departures,) = take(fields)?;
                Self::Departures {
                    departures: bounded(departures, OBITUARIES_MAX)?,
                }
            }
            16 => {
                let (obituaries,) = take(fields)?;
                Self::Obituaries {
                    obituaries: bounded(obituaries, OBITUARIES_MAX)?,
                }
            }
            17 => {
                let (target, nonce) = take(fields)?;
                Self::ProbeRequest { target, nonce }
            }
            18 => {
                let (target, nonce, alive) = take(fields)?;
                Self::ProbeReport {
                    target,
                    nonce,
                    alive,
                }
            }
            kind => return Err(MessageError::UnknownKind(*kind)),
        })
    }
}

fn put<T: Serialize>(out: &mut BytesMut, kind: u8, fields: &T) {
    out.put_u8(kind);
    encode_into(fields, out).expect("plain data always has an encoding");
}

fn take<T: DeserializeOwned>(fields: &[u8]) -> Result<T, MessageError> {
    decode(fields).map_err(|_| MessageError::Malformed)
}

fn bounded<T>(items: Vec<T>, items_max: usize) -> Result<Vec<T>, MessageError> {
    if items.len() > items_max {
        Err(MessageError::Malformed)
    } else {
        Ok(items)
    }
}

impl Serialize for RawId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for RawId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        let id = bytes[..].try_into();
        id.map(Self)
            .map_err(|_| de::Error::invalid_length(bytes.len(), &"32 bytes"))
    }
}

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|hash| hash.to_be_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HashesVisitor;

        impl Visitor<'_> for HashesVisitor {
            type Value = Hashes;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "at most {HASHES_MAX} hashes of eight bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Hashes, E> {
                let (hashes, rest) = bytes.as_chunks::<8>();
                if !rest.is_empty() || hashes.len() > HASHES_MAX {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                Ok(Hashes(
                    hashes
                        .iter()
                        .map(|hash| u64::from_be_bytes(*hash))
                        .collect(),
                ))
            }
        }

        deserializer.deserialize_bytes(HashesVisitor)
    }
}

#[cfg(test)]
mod tests;
