//! Operations as bytes: encoded once, by the writer, and never again.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::primitives::encoding::EncodeError;
use crate::primitives::{self, Datum};

/// The first byte of every command: the version of this format.
const FORMAT: u8 = 1;

/// The second byte: what follows.
const TELL: u8 = 0;
const ASK: u8 = 1;
const TOGETHER: u8 = 2;

/// Encodes in a buffer that was used before: many short commands take no memory of their own.
fn with_buffer<R>(fill: impl FnOnce(&mut BytesMut) -> R) -> R {
    // A value inside another one needs a buffer of its own.
    let mut buffers = BUFFERS.take();
    let mut buffer = buffers.pop().unwrap_or_default();
    BUFFERS.set(buffers);
    buffer.clear();
    let outcome = fill(&mut buffer);
    if buffer.capacity() <= BUFFER_BYTES_KEPT_MAX {
        let mut buffers = BUFFERS.take();
        if buffers.len() < BUFFERS_KEPT_MAX {
            buffers.push(buffer);
        }
        BUFFERS.set(buffers);
    }
    outcome
}

std::thread_local! {
    static BUFFERS: Cell<Vec<BytesMut>> = const { Cell::new(Vec::new()) };
}

/// A command, and a value in it.
const BUFFERS_KEPT_MAX: usize = 2;

/// Buffers that a long value has made larger are not kept.
const BUFFER_BYTES_KEPT_MAX: usize = 16 * 1024;

/// A datum that is written: the bytes that [`Held`] reads.
#[derive(Debug)]
pub(super) struct Wire<'a, T>(pub(super) &'a T);

impl<T: Datum> Serialize for Wire<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_buffer(|buffer| {
            self.0.encode_into(buffer).map_err(S::Error::custom)?;
            serializer.serialize_bytes(buffer)
        })
    }
}

/// A datum that was read.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Held<T>(pub(super) T);

impl<T: Datum> Serialize for Held<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire(&self.0).serialize(serializer)
    }
}

impl<'de, T: Datum> Deserialize<'de> for Held<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(DatumBytes(PhantomData))
    }
}

struct DatumBytes<T>(PhantomData<T>);

impl<T: Datum> Visitor<'_> for DatumBytes<T> {
    type Value = Held<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a datum")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Held<T>, E> {
        T::decode(bytes).map(Held).map_err(E::custom)
    }
}

/// The bytes of a datum, for comparing: two values are equal if their bytes are.
///
/// A value that has no encoding is equal to none.
pub(super) fn fingerprint<T: Datum>(value: &T) -> Option<Bytes> {
    value.encode().ok()
}

/// The bytes of a value that is expected.
pub(super) fn expectation<T: Datum>(value: Option<&T>) -> Result<Option<Bytes>, EncodeError> {
    value
        .map(|value| value.encode().map_err(EncodeError::custom))
        .transpose()
}

/// One operation; `answers` says that its writer wants to know the outcome.
pub(super) fn command(operation: &impl Serialize, answers: bool) -> Result<Bytes, EncodeError> {
    with_buffer(|buffer| {
        buffer.put_slice(&[FORMAT, if answers { ASK } else { TELL }]);
        primitives::encode_into(operation, buffer)?;
        Ok(Bytes::copy_from_slice(buffer))
    })
}

/// Operations that take effect together or not at all.
pub(super) fn together(operations: &[Bytes]) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::new();
    out.put_slice(&[FORMAT, TOGETHER]);
    primitives::encode_into(operations, &mut out)?;
    Ok(out.freeze())
}

/// A command as it is applied.
pub(super) enum Received<O> {
    /// By itself.
    One {
        operation: O,
        /// Somebody waits for the outcome.
        answers: bool,
    },
    /// All or none.
    Together(Vec<O>),
}

/// Reads a command; the error is for the one who wrote it.
pub(super) fn receive<O: DeserializeOwned>(command: &[u8]) -> Result<Received<O>, String> {
    let decode = |bytes: &[u8]| primitives::decode(bytes).map_err(|error| error.to_string());
    match command {
        [FORMAT, kind @ (TELL | ASK), operation @ ..] => Ok(Received::One {
            operation: decode(operation)?,
            answers: *kind == ASK,
        }),
        [FORMAT, TOGETHER, operations @ ..] => {
            let operations: Vec<Bytes> =
                primitives::decode(operations).map_err(|error| error.to_string())?;
            let operations: Result<Vec<O>, String> =
                operations.iter().map(|bytes| decode(bytes)).collect();
            operations.map(Received::Together)
        }
        [FORMAT, kind, ..] => Err(format!("unknown kind of command {kind}")),
        [format, ..] => Err(format!(
            "format {format} of commands, and this replica knows {FORMAT}"
        )),
        [] => Err("empty command".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Operation<T> {
        Put(T),
        Clear,
    }

    fn received(bytes: &[u8]) -> Result<(Vec<Operation<u8>>, bool), String> {
        Ok(match receive::<Operation<Held<u8>>>(bytes)? {
            Received::One { operation, answers } => (vec![plain(operation)], answers),
            Received::Together(operations) => (operations.into_iter().map(plain).collect(), false),
        })
    }

    fn plain(operation: Operation<Held<u8>>) -> Operation<u8> {
        match operation {
            Operation::Put(value) => Operation::Put(value.0),
            Operation::Clear => Operation::Clear,
        }
    }

    #[test]
    fn golden_bytes() {
        let put = command(&Operation::Put(Wire(&5u8)), false).unwrap();
        assert_eq!(put, &b"\x01\x00\x81\xa3Put\xc4\x01\x05"[..]);
        assert_eq!(received(&put), Ok((vec![Operation::Put(5)], false)));
        let clear = command(&Operation::<Wire<'_, u8>>::Clear, true).unwrap();
        assert_eq!(received(&clear), Ok((vec![Operation::Clear], true)));
        let both = together(&[put.slice(2..), clear.slice(2..)]).unwrap();
        assert_eq!(
            received(&both),
            Ok((vec![Operation::Put(5), Operation::Clear], false))
        );
    }

    #[test]
    fn what_is_not_a_command_has_a_reason() {
        let table: [(&[u8], &str); 5] = [
            (b"", "empty command"),
            (b"\x02", "format 2 of commands, and this replica knows 1"),
            (b"\x01\x09", "unknown kind of command 9"),
            (b"\x01\x00\xc1", "not MessagePack"),
            (b"\x01\x02\x91\xc4\x01\xc1", "not MessagePack"),
        ];
        for (bytes, reason) in table {
            let error = received(bytes).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
