//! What travels on streams.

use core::error::Error;
use core::ops::{Deref, DerefMut};

use bytes::{Bytes, BytesMut};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digest::StreamId;
use super::schema::{self, Schema};
use super::{codec, encoding};

/// A value that streams carry.
///
/// Every type that serde can write and read is one. A type may also bring its own encoding; then
/// it must not implement both `Serialize` and `Deserialize`.
///
/// ```
/// use mosaik::Datum;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Price { cents: u64 }
///
/// let bytes = Price { cents: 5 }.encode().unwrap();
/// assert_eq!(Price::decode(&bytes).unwrap().cents, 5);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a datum of a stream",
    label = "not a datum",
    note = "a datum is sent to other processes: derive `serde::Serialize` and `serde::Deserialize` \
            for it, or implement `Datum` by hand",
    note = "it must be `Send` and own its data"
)]
pub trait Datum: Sized + Send + 'static {
    /// Why a value could not be encoded.
    type EncodeError: Error + Send + Sync + 'static;
    /// Why bytes could not be decoded.
    type DecodeError: Error + Send + Sync + 'static;

    /// The id of a stream of this type that has no id of its own.
    ///
    /// It depends on the type's name without its path, or on the name and version declared with
    /// `#[derive(Schema)]`: moving a type to another module changes nothing.
    fn derived_stream_id() -> StreamId {
        StreamId::from(schema::stable_type_name::<Self>().as_str())
    }

    /// The bytes of this value.
    fn encode(&self) -> Result<Bytes, Self::EncodeError>;

    /// The value of these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, Self::DecodeError>;

    /// Appends the bytes of this value; on an error `out` is as it was.
    #[doc(hidden)]
    fn encode_into(&self, out: &mut BytesMut) -> Result<(), Self::EncodeError> {
        out.extend_from_slice(&self.encode()?);
        Ok(())
    }

    /// The shape of the type, compared when two ends meet.
    #[doc(hidden)]
    fn schema() -> Schema {
        Schema::opaque_of::<Self>()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Datum for T {
    type EncodeError = encoding::EncodeError;
    type DecodeError = encoding::DecodeError;

    fn encode(&self) -> Result<Bytes, Self::EncodeError> {
        codec::encode(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, Self::DecodeError> {
        codec::decode(bytes)
    }

    fn encode_into(&self, out: &mut BytesMut) -> Result<(), Self::EncodeError> {
        codec::encode_into(self, out)
    }

    fn schema() -> Schema {
        Schema::of::<T>()
    }
}

/// A datum inside a serde value: written as the bytes of its own encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoded<T>(pub T);

impl<T: Datum> From<T> for Encoded<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Encoded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Encoded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Datum> Serialize for Encoded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.encode().map_err(serde::ser::Error::custom)?;
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T: Datum> Deserialize<'de> for Encoded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        T::decode(&bytes).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{decode, encode};
    use core::convert::Infallible;
    use std::string::FromUtf8Error;

    /// Neither serde, nor `Debug`, nor `Clone`, nor `Sync`.
    struct Line(
        #[expect(dead_code, reason = "only makes the type not `Sync`")] core::cell::Cell<usize>,
        String,
    );

    impl Datum for Line {
        type EncodeError = Infallible;
        type DecodeError = FromUtf8Error;

        fn encode(&self) -> Result<Bytes, Infallible> {
            Ok(Bytes::from(self.1.clone()))
        }

        fn decode(bytes: &[u8]) -> Result<Self, FromUtf8Error> {
            String::from_utf8(bytes.to_vec()).map(|text| Self(Default::default(), text))
        }
    }

    fn datum<D: Datum>() {}

    #[test]
    fn hand_written_datums_need_no_serde() {
        let line = Line(Default::default(), "hello".to_owned());
        let bytes = encode(&Encoded(line)).unwrap();
        assert_eq!(bytes, &b"\xc4\x05hello"[..]);
        assert_eq!(decode::<Encoded<Line>>(&bytes).unwrap().1, "hello");
        assert!(decode::<Encoded<Line>>(b"\xc4\x01\xff").is_err());
        let mut out = BytesMut::new();
        Line(Default::default(), "x".to_owned())
            .encode_into(&mut out)
            .unwrap();
        assert_eq!(out, b"x"[..]);
    }

    #[test]
    fn serde_types_are_datums() {
        datum::<String>();
        datum::<Vec<u8>>();
        datum::<core::cell::Cell<u8>>();
        datum::<Encoded<Line>>();
        assert_eq!(u32::decode(&7u32.encode().unwrap()).unwrap(), 7);
    }

    #[test]
    fn s14_derived_ids_ignore_paths() {
        mod elsewhere {
            #[derive(serde::Serialize, serde::Deserialize)]
            pub(super) struct Price(u64);
        }
        assert_eq!(
            elsewhere::Price::derived_stream_id(),
            StreamId::from("Price")
        );
        assert_eq!(
            Vec::<elsewhere::Price>::derived_stream_id(),
            StreamId::from("Vec<Price>")
        );
        assert_eq!(Line::derived_stream_id(), StreamId::from("Line"));
    }
}
