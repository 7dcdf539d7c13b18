//! The encoding of datums, commands and snapshots: MessagePack in its compact form.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use super::codec::{DecodeError, EncodeError};

/// The encoding of `value`.
///
/// # Errors
/// The type's `Serialize` fails, or the value nests too deep to be decoded.
pub fn try_serialize<T: Serialize>(value: &T) -> Result<Bytes, EncodeError> {
    super::encode(value)
}

/// Writes the encoding of `value`.
///
/// # Errors
/// Those of [`try_serialize`], before anything is written, and those of the writer.
pub fn try_serialize_to_writer<T: Serialize>(
    value: &T,
    writer: &mut impl std::io::Write,
) -> Result<(), EncodeError> {
    writer
        .write_all(&try_serialize(value)?)
        .map_err(EncodeError::Write)
}

/// The value at the beginning of `bytes`; what comes after it is ignored.
///
/// Safe on bytes from anywhere: announced lengths reserve nothing, nesting is bounded.
///
/// # Errors
/// The bytes are truncated, nest too deep or are of another type.
pub fn deserialize<T: DeserializeOwned>(bytes: impl AsRef<[u8]>) -> Result<T, DecodeError> {
    super::decode_prefix(bytes.as_ref()).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writer_gets_the_same_bytes() {
        let value = (1u8, "two".to_owned());
        let bytes = try_serialize(&value).unwrap();
        let mut written = Vec::new();
        try_serialize_to_writer(&value, &mut written).unwrap();
        assert_eq!(bytes, written);
    }

    #[test]
    fn trailing_bytes_are_ignored() {
        let mut bytes = try_serialize(&7u32).unwrap().to_vec();
        bytes.extend_from_slice(b"more");
        assert_eq!(deserialize::<u32>(&bytes).unwrap(), 7);
    }
}
