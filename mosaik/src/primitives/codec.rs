//! MessagePack, compact (structs are arrays), with bounds: the only place that knows the format.
//!
//! A decoder of untrusted bytes must neither overflow its stack nor reserve what a length announces.
//! So the structure is checked before any value is built: every announced element is really there
//! (each takes at least a byte), and nothing nests deeper than [`NESTING_DEPTH_MAX`].

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::NESTING_DEPTH_MAX;

/// Bytes reserved before anything is known about the value: most messages fit.
const ENCODE_BYTES_RESERVED: usize = 128;

/// Why a value has no encoding. It would fail again: the value or its type has to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The type's `Serialize` refused, or does something MessagePack cannot express.
    #[error("value cannot be encoded: {0}")]
    Unsupported(String),
    /// Values inside values beyond the limit of the decoder.
    #[error("value nests deeper than {NESTING_DEPTH_MAX} levels")]
    TooDeep,
    /// The writer failed.
    #[error("cannot write the encoding")]
    Write(#[source] io::Error),
}

impl EncodeError {
    /// Whether the same call may succeed later: only a failed write may.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Write(_))
    }

    /// Whether it is certain that nothing was written.
    pub const fn is_definite(&self) -> bool {
        !matches!(self, Self::Write(_))
    }
}

/// Why bytes are not an encoding of the wanted type. The same bytes fail again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A value, or the elements that a length announces, go beyond the end of the input.
    #[error("input ends inside a value, {input_bytes} bytes long")]
    Truncated {
        /// Length of the whole input.
        input_bytes: usize,
    },
    /// Values inside values beyond the limit.
    #[error("input nests deeper than {NESTING_DEPTH_MAX} levels")]
    TooDeep,
    /// A byte that MessagePack never uses.
    #[error("not MessagePack: reserved byte at offset {offset}")]
    Reserved {
        /// Where in the input.
        offset: usize,
    },
    /// The input is whole, but not of the wanted type.
    #[error("input is of another type: {0}")]
    Mismatch(String),
    /// A value, and then more bytes.
    #[error("{trailing_bytes} bytes after the end of the value")]
    Trailing {
        /// How many.
        trailing_bytes: usize,
    },
}

impl DecodeError {
    /// Whether the same call may succeed later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that no value was built: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// The encoding of `value`.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::with_capacity(ENCODE_BYTES_RESERVED);
    encode_into(value, &mut out)?;
    Ok(out.freeze())
}

/// Appends the encoding of `value`; on an error `out` is as it was.
pub(crate) fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let start = out.len();
    let result = encode_to_writer(value, &mut (&mut *out).writer())
        // What no peer would decode must not leave.
        .and_then(|()| {
            check(&out[start..])
                .map(drop)
                .map_err(|_| EncodeError::TooDeep)
        });
    if result.is_err() {
        out.truncate(start);
    }
    result
}

pub(super) fn encode_to_writer<T: Serialize + ?Sized>(
    value: &T,
    writer: &mut impl io::Write,
) -> Result<(), EncodeError> {
    use rmp_serde::encode::Error;
    value
        .serialize(&mut rmp_serde::Serializer::new(writer))
        .map_err(|error| match error {
            Error::InvalidValueWrite(error) => EncodeError::Write(error.into()),
            Error::DepthLimitExceeded => EncodeError::TooDeep,
            other => EncodeError::Unsupported(other.to_string()),
        })
}

/// Decodes exactly one value: bytes after it are an error.
pub(crate) fn decode<T: DeserializeOwned>(input: &[u8]) -> Result<T, DecodeError> {
    let (value, length) = decode_prefix(input)?;
    match input.len() - length {
        0 => Ok(value),
        trailing_bytes => Err(DecodeError::Trailing { trailing_bytes }),
    }
}

/// Decodes the value at the beginning of the input, and tells how many bytes it takes.
pub(crate) fn decode_prefix<T: DeserializeOwned>(input: &[u8]) -> Result<(T, usize), DecodeError> {
    let length = check(input)?;
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(&input[..length]);
    // Checked above for all kinds of nesting; the library counts only some.
    deserializer.set_max_depth(2 * NESTING_DEPTH_MAX);
    match T::deserialize(&mut deserializer) {
        Ok(value) => Ok((value, length)),
        Err(error) => Err(DecodeError::Mismatch(error.to_string())),
    }
}

/// Walks the structure of the first value without building it and returns its length in bytes.
///
/// Constant stack, no allocation, and byte strings are skipped, not read.
fn check(input: &[u8]) -> Result<usize, DecodeError> {
    let truncated = DecodeError::Truncated {
        input_bytes: input.len(),
    };
    let mut reader = Reader { input, offset: 0 };
    // How many values are still missing on each open level, the outermost first.
    let mut missing = [0_usize; NESTING_DEPTH_MAX];
    let mut depth = 0;
    loop {
        let offset = reader.offset;
        let children = match reader.value() {
            Ok(children) => children,
            Err(Malformed::Truncated) => return Err(truncated),
            Err(Malformed::Reserved) => return Err(DecodeError::Reserved { offset }),
        };
        if children > 0 {
            if children > input.len() - reader.offset {
                return Err(truncated);
            }
            if depth == NESTING_DEPTH_MAX {
                return Err(DecodeError::TooDeep);
            }
            missing[depth] = children;
            depth += 1;
            continue;
        }
        loop {
            if depth == 0 {
                return Ok(reader.offset);
            }
            missing[depth - 1] -= 1;
            if missing[depth - 1] > 0 {
                break;
            }
            depth -= 1;
        }
    }
}

enum Malformed {
    Truncated,
    Reserved,
}

struct Reader<'a> {
    input: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    /// Passes over one value's head and its own bytes; returns how many values are inside it.
    fn value(&mut self) -> Result<usize, Malformed> {
        let marker = self.length(1)? as u8;
        match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Ok(0),
            0x80..=0x8f => Ok(2 * usize::from(marker & 0x0f)),
            0x90..=0x9f => Ok(usize::from(marker & 0x0f)),
            0xa0..=0xbf => self.skip(usize::from(marker & 0x1f)),
            0xc1 => Err(Malformed::Reserved),
            0xc4 | 0xd9 => self.sized(1, 0),
            0xc5 | 0xda => self.sized(2, 0),
            0xc6 | 0xdb => self.sized(4, 0),
            0xc7 => self.sized(1, 1),
            0xc8 => self.sized(2, 1),
            0xc9 => self.sized(4, 1),
            0xca | 0xce | 0xd2 => self.skip(4),
            0xcb | 0xcf | 0xd3 => self.skip(8),
            0xcc | 0xd0 => self.skip(1),
            0xcd | 0xd1 => self.skip(2),
            0xd4..=0xd8 => self.skip(1 + (1 << (marker - 0xd4))),
            0xdc => self.length(2),
            0xdd => self.length(4),
            0xde => Ok(self.length(2)?.saturating_mul(2)),
            0xdf => Ok(self.length(4)?.saturating_mul(2)),
        }
    }

    fn sized(&mut self, length_bytes: usize, extra_bytes: usize) -> Result<usize, Malformed> {
        let bytes = self.length(length_bytes)?;
        self.skip(bytes.saturating_add(extra_bytes))
    }

    fn skip(&mut self, bytes: usize) -> Result<usize, Malformed> {
        if bytes > self.input.len() - self.offset {
            return Err(Malformed::Truncated);
        }
        self.offset += bytes;
        Ok(0)
    }

    /// Reads a big-endian number of at most four bytes.
    fn length(&mut self, bytes: usize) -> Result<usize, Malformed> {
        let start = self.offset;
        self.skip(bytes)?;
        Ok(self.input[start..self.offset]
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Side {
        Buy,
        Sell(u32),
        Stop { at: i64, note: Option<String> },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Order {
        side: Side,
        price: u64,
        tags: Vec<String>,
        by_name: BTreeMap<String, i32>,
        raw: Bytes,
        pair: (bool, f64),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum List {
        End,
        Cons(Box<List>),
    }

    fn list(length: usize) -> List {
        (0..length).fold(List::End, |list, _| List::Cons(Box::new(list)))
    }

    #[test]
    fn golden_bytes() {
        let order = Order {
            side: Side::Sell(7),
            price: 300,
            tags: vec!["a".into()],
            by_name: BTreeMap::from([("x".into(), -1)]),
            raw: Bytes::from_static(&[1, 2]),
            pair: (true, 0.5),
        };
        let expected = [
            0x96, // six fields
            0x81, 0xa4, b'S', b'e', b'l', b'l', 7, // a variant is its name and its content
            0xcd, 0x01, 0x2c, // 300
            0x91, 0xa1, b'a', //
            0x81, 0xa1, b'x', 0xff, //
            0xc4, 2, 1, 2, //
            0x92, 0xc3, 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(encode(&order).unwrap(), expected[..]);
        assert_eq!(decode::<Order>(&expected).unwrap(), order);
    }

    #[test]
    fn hostile_input_is_an_error() {
        let truncated = |bytes: &[u8]| DecodeError::Truncated {
            input_bytes: bytes.len(),
        };
        let table: &[&[u8]] = &[
            &[],
            &[0xdd, 0xff, 0xff, 0xff, 0xff],       // 4 G elements
            &[0xdf, 0xff, 0xff, 0xff, 0xff, 0, 0], // 4 G pairs
            &[0xc6, 0xff, 0xff, 0xff, 0xff, 0],    // 4 GiB of bytes
            &[0xdb, 0x00, 0x00, 0x00, 0x05, b'a'], // a longer text
            &[0xc9, 0xff, 0xff, 0xff, 0xff, 1],    // an extension
            &[0xd8, 1, 0],                         // a fixed extension
            &[0xcb, 0, 0],                         // half a float
            &[0x92, 1],                            // an element missing
        ];
        for bytes in table {
            assert_eq!(
                decode::<serde::de::IgnoredAny>(bytes).err(),
                Some(truncated(bytes))
            );
        }
        assert_eq!(
            decode::<Vec<u8>>(&[0x91, 0xc1]),
            Err(DecodeError::Reserved { offset: 1 })
        );
        assert!(matches!(
            decode::<u8>(&[0xa1, b'a']),
            Err(DecodeError::Mismatch(_))
        ));
    }

    #[test]
    fn depth_is_bounded_on_both_sides() {
        let deep = vec![0x91; 1_000_000];
        assert_eq!(decode::<List>(&deep), Err(DecodeError::TooDeep));
        let mut cons = Vec::new();
        for _ in 0..1_000_000 {
            cons.extend_from_slice(&[0x81, 0xa4, b'C', b'o', b'n', b's']);
        }
        cons.extend_from_slice(&[0xa3, b'E', b'n', b'd']);
        assert_eq!(decode::<List>(&cons), Err(DecodeError::TooDeep));

        let deepest = encode(&list(NESTING_DEPTH_MAX)).unwrap();
        assert_eq!(decode::<List>(&deepest).unwrap(), list(NESTING_DEPTH_MAX));
        let mut out = BytesMut::from(&b"kept"[..]);
        let result = encode_into(&list(NESTING_DEPTH_MAX + 1), &mut out);
        assert!(matches!(result, Err(EncodeError::TooDeep)));
        assert_eq!(out, b"kept"[..]);
    }

    #[test]
    fn trailing_bytes() {
        assert_eq!(
            decode::<u8>(&[1, 2]),
            Err(DecodeError::Trailing { trailing_bytes: 1 })
        );
        assert_eq!(decode_prefix::<u8>(&[1, 2]).unwrap(), (1, 1));
    }

    fn side() -> impl Strategy<Value = Side> {
        prop_oneof![
            Just(Side::Buy),
            any::<u32>().prop_map(Side::Sell),
            any::<(i64, Option<String>)>().prop_map(|(at, note)| Side::Stop { at, note }),
        ]
    }

    fn order() -> impl Strategy<Value = Order> {
        (
            side(),
            any::<u64>(),
            any::<Vec<String>>(),
            any::<BTreeMap<String, i32>>(),
            any::<Vec<u8>>(),
            (any::<bool>(), -1e300..1e300),
        )
            .prop_map(|(side, price, tags, by_name, raw, pair)| Order {
                side,
                price,
                tags,
                by_name,
                raw: raw.into(),
                pair,
            })
    }

    proptest! {
        #[test]
        fn every_value_survives(order in order()) {
            let bytes = encode(&order).unwrap();
            prop_assert_eq!(decode::<Order>(&bytes).unwrap(), order);
        }

        #[test]
        fn no_prefix_decodes(order in order(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&order).unwrap();
            let cut = cut.index(bytes.len());
            let truncated = matches!(
                decode::<Order>(&bytes[..cut]),
                Err(DecodeError::Truncated { .. })
            );
            prop_assert!(truncated);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            drop(decode::<Order>(&bytes));
            drop(decode::<Vec<Side>>(&bytes));
            drop(decode::<BTreeMap<String, Vec<Option<u8>>>>(&bytes));
            if let Ok(length) = check(&bytes) {
                prop_assert!(length <= bytes.len());
                prop_assert!(decode::<serde::de::IgnoredAny>(&bytes[..length]).is_ok());
            }
        }

        #[test]
        fn a_changed_byte_never_panics(order in order(), at in any::<prop::sample::Index>(), to: u8) {
            let mut bytes = encode(&order).unwrap().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = to;
            drop(decode::<Order>(&bytes));
        }
    }
}
