//! The 32-byte value that every id is.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// 32 bytes that identify something: a network, a stream, a group, a tag.
///
/// Made from a name, it is the SHA-256 of that name, so everybody who knows the name knows the id;
/// made from 64 hex digits, it is those bytes, so that an id survives being printed and read back.
/// [`unique_id!`](crate::unique_id) does the same at compile time.
///
/// `Display` and `Debug` print all 64 hex digits, in lower case;
/// [`Short`](crate::primitives::Short) prints the first 10. In formats for people (JSON) it is
/// the 64 digits, in binary formats the 32 bytes.
///
/// ```
/// use mosaik::{Digest, unique_id};
///
/// const ORDERS: Digest = unique_id!("orders.v1");
/// assert_eq!(ORDERS, Digest::from("orders.v1"));
/// assert_eq!(Digest::from(ORDERS.to_string().as_str()), ORDERS);
/// ```
// No `Borrow` but the reflexive one: with another, `set.contains(&"name".into())` is ambiguous.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; Digest::LENGTH]);

/// An id of anything.
pub type UniqueId = Digest;
/// A label that a peer puts on itself.
pub type Tag = UniqueId;
/// The id of a network: peers of different networks never speak.
pub type NetworkId = Digest;
/// The id of a stream.
pub type StreamId = Digest;
/// The id of a group.
pub type GroupId = Digest;
/// The id of a collection.
pub type StoreId = UniqueId;
/// The kind of a ticket: which rule can judge it.
pub type TicketClass = UniqueId;

impl Digest {
    const LENGTH: usize = 32;

    /// 32 zero bytes.
    pub const fn zero() -> Self {
        Self([0; Self::LENGTH])
    }

    /// These bytes, as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of `bytes`.
    pub fn hash(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The SHA-256 of all parts, one after the other.
    ///
    /// The parts are not separated: `["ab", "c"]` and `["a", "bc"]` give the same digest.
    pub fn from_parts(parts: &[impl AsRef<[u8]>]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part.as_ref());
        }
        Self(hasher.finalize().into())
    }

    /// 32 bytes from the operating system's source of randomness.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Always 32.
    #[expect(clippy::len_without_is_empty, reason = "a digest is never empty")]
    pub const fn len(&self) -> usize {
        Self::LENGTH
    }

    /// An id that belongs to this one: the SHA-256 of these bytes followed by `info`.
    #[must_use]
    pub fn derive(&self, info: impl AsRef<[u8]>) -> Self {
        Self::from_parts(&[&self.0[..], info.as_ref()])
    }

    /// The SHA-256 of these bytes.
    #[must_use]
    pub fn hashed(&self) -> Self {
        Self::hash(&self.0)
    }

    /// The rule for text, everywhere: 64 hex digits of any case are the bytes, all else is hashed.
    fn from_text(text: &[u8]) -> Self {
        parse_hex(text).map_or_else(|| Self::hash(text), Self)
    }
}

macro_rules! from_integers {
    ($($name:ident: $integer:ty),* $(,)?) => {
        impl Digest {
            $(
                #[doc = concat!(
                    "The little-endian bytes of a `", stringify!($integer),
                    "`, after zeros; not hashed."
                )]
                pub const fn $name(value: $integer) -> Self {
                    let bytes = value.to_le_bytes();
                    let mut digest = [0; Self::LENGTH];
                    let start = Self::LENGTH - bytes.len();
                    let mut index = 0;
                    while index < bytes.len() {
                        digest[start + index] = bytes[index];
                        index += 1;
                    }
                    Self(digest)
                }
            )*
        }
    };
}

from_integers! {
    from_u8: u8, from_u16: u16, from_u32: u32, from_u64: u64, from_u128: u128, from_usize: usize,
    from_i8: i8, from_i16: i16, from_i32: i32, from_i64: i64, from_i128: i128, from_isize: isize,
}

impl From<&str> for Digest {
    fn from(text: &str) -> Self {
        Self::from_text(text.as_bytes())
    }
}

/// Bytes are taken as text: 32 raw bytes are hashed. For raw bytes use [`Digest::from_bytes`].
impl From<&[u8]> for Digest {
    fn from(text: &[u8]) -> Self {
        Self::from_text(text)
    }
}

impl FromStr for Digest {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl From<Digest> for [u8; 32] {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl From<&Digest> for [u8; 32] {
    fn from(digest: &Digest) -> Self {
        digest.0
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<&Digest> for Digest {
    fn eq(&self, other: &&Digest) -> bool {
        self == *other
    }
}

impl PartialEq<Digest> for &Digest {
    fn eq(&self, other: &Digest) -> bool {
        *self == other
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 2 * Self::LENGTH];
        f.pad(write_hex(&self.0, &mut digits))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let mut digits = [0; 2 * Self::LENGTH];
            serializer.serialize_str(write_hex(&self.0, &mut digits))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(HexVisitor)
        } else {
            deserializer.deserialize_bytes(BytesVisitor)
        }
    }
}

struct HexVisitor;

impl Visitor<'_> for HexVisitor {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("64 hex digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
        parse_hex(text.as_bytes())
            .map(Digest)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Digest, E> {
        let bytes = bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Digest(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Digest, A::Error> {
        let mut bytes = [0; Digest::LENGTH];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = items
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(index, &self))?;
        }
        Ok(Digest(bytes))
    }
}

fn parse_hex(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 2 * Digest::LENGTH {
        return None;
    }
    let mut bytes = [0; Digest::LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// Writes lower-case hex into `digits`, which has room for two digits a byte.
pub(super) fn write_hex<'a>(bytes: &[u8], digits: &'a mut [u8]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    core::str::from_utf8(&digits[..2 * bytes.len()]).expect("invariant: hex digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{decode, encode};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_case_of_the_table_shared_with_the_macro() {
        let cases: Vec<_> = include_str!("../../../mosaik-derive/id-cases.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once(' ').expect("a digest, a space, a text"))
            .collect();
        assert!(cases.len() >= 25);
        for (expected, text) in cases {
            assert_eq!(Digest::from(text).to_string(), expected, "{text:?}");
            assert_eq!(
                Digest::from(text.as_bytes()).to_string(),
                expected,
                "{text:?}"
            );
            assert_eq!(
                text.parse::<Digest>().unwrap().to_string(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_macros_agree_with_run_time() {
        const NAMED: Digest = crate::unique_id!("named.stream");
        const SHORT: Digest = crate::id!("named.stream");
        assert_eq!(NAMED, Digest::from("named.stream"));
        assert_eq!(NAMED, SHORT);
    }

    #[test]
    fn integers_end_the_digest_in_little_endian_order() {
        let digest = Digest::from_u64(0x0102);
        assert!(digest.to_string().ends_with("000201000000000000"));
        const ONE: Digest = Digest::from_u8(1);
        assert_eq!(ONE.as_bytes()[31], 1);
        assert_eq!(Digest::from_i8(-1).as_bytes()[31], 0xff);
        assert_eq!(Digest::from_i8(-1).as_bytes()[30], 0);
        assert_eq!(Digest::from_u128(7).as_bytes()[16], 7);
        assert_eq!(Digest::from_usize(7), Digest::from_u64(7));
        assert_eq!(Digest::from_isize(7), Digest::from_i64(7));
    }

    #[test]
    fn derivation_is_a_hash_of_the_concatenation() {
        let id = Digest::from("a");
        assert_eq!(id.derive("x"), Digest::from_parts(&[id.as_ref(), b"x"]));
        assert_eq!(id.derive(id), Digest::from_parts(&[id, id]));
        assert_eq!(id.hashed(), Digest::hash(id.as_bytes()));
        assert_eq!(Digest::zero().len(), 32);
        assert_ne!(Digest::random(), Digest::random());
    }

    #[test]
    fn raw_bytes_are_text() {
        let raw = [7u8; 32];
        assert_eq!(Digest::from(&raw[..]), Digest::hash(&raw));
    }

    #[test]
    fn facts_that_callers_infer_types_by() {
        let tags: BTreeSet<Tag> = [Tag::from("trusted")].into();
        assert!(tags.contains(&"trusted".into()));
        const ID: StreamId = crate::unique_id!("s");
        let reference: &StreamId = &ID;
        assert_eq!(reference, crate::unique_id!("s"));
        assert_eq!(reference, &ID);
        assert_eq!(ID, reference);
    }

    #[test]
    fn formats() {
        let digest = Digest::from("abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(format!("{digest}"), hex);
        assert_eq!(format!("{digest:?}"), hex);
        assert_eq!(
            serde_json::to_string(&digest).unwrap(),
            format!("\"{hex}\"")
        );
        let upper = format!("\"{}\"", hex.to_uppercase());
        assert_eq!(serde_json::from_str::<Digest>(&upper).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"abc\"").is_err());
        assert!(serde_json::from_str::<Digest>(&format!("\"{}\"", &hex[1..])).is_err());
    }

    #[test]
    fn golden_bytes() {
        let bytes = encode(&Digest::from_u8(1)).unwrap();
        let mut expected = vec![0xc4, 32];
        expected.extend_from_slice(Digest::from_u8(1).as_bytes());
        assert_eq!(bytes, expected);
        assert!(decode::<Digest>(&bytes[..20]).is_err());
        assert!(decode::<Digest>(&[0xc4, 1, 0]).is_err());
    }

    proptest! {
        #[test]
        fn survives_text_and_wire(bytes: [u8; 32]) {
            let digest = Digest::from_bytes(bytes);
            prop_assert_eq!(Digest::from(digest.to_string().as_str()), digest);
            prop_assert_eq!(decode::<Digest>(&encode(&digest).unwrap()).unwrap(), digest);
            let json = serde_json::to_string(&digest).unwrap();
            prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }
    }
}
