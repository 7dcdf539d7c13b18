//! MessagePack, compact (structs are arrays), with bounds: the only place that knows the format.
//!
//! Untrusted bytes must neither overflow the stack nor reserve what a length announces: nesting is
//! bounded, every announced item must have its byte in the input, and all lengths together promise
//! visitors no more items than the input has bytes.
//!
//! Every serde value comes back as it was, which takes two extensions of the format: a `Some` around
//! a nil is not a nil, and a field that `skip_serializing_if` left out keeps its place.

use std::io;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::NESTING_DEPTH_MAX;

mod decoder;
use decoder::Decoder;

mod encoder;
use encoder::Encoder;

mod marker;

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

impl serde::ser::Error for EncodeError {
    fn custom<T: core::fmt::Display>(message: T) -> Self {
        Self::Unsupported(message.to_string())
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: core::fmt::Display>(message: T) -> Self {
        Self::Mismatch(message.to_string())
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
    let result = value.serialize(&mut Encoder::new(out));
    if result.is_err() {
        out.truncate(start);
    }
    result
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
    let mut decoder = Decoder::new(input);
    let value = T::deserialize(&mut decoder)?;
    Ok((value, decoder.offset()))
}

#[cfg(test)]
mod tests;
