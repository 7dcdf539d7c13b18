//! From serde values to MessagePack.

use bytes::{BufMut as _, BytesMut};
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::marker::{
    ARRAY_16, ARRAY_32, BYTES_8, BYTES_16, BYTES_32, F32, F64, FALSE, FIX_ARRAY, FIX_MAP,
    FIX_NEGATIVE_MIN, FIX_POSITIVE_MAX, FIX_TEXT, I8, I16, I32, I64, MAP_16, MAP_32, NIL, SKIPPED,
    SOME_NIL, TEXT_8, TEXT_16, TEXT_32, TRUE, U8, U16, U32, U64,
};
use super::{EncodeError, NESTING_DEPTH_MAX};

/// Appends values to a buffer.
pub(super) struct Encoder<'b> {
    out: &'b mut BytesMut,
    /// How many arrays and maps may still be opened inside of those that are open.
    depth_left: usize,
}

impl<'b> Encoder<'b> {
    pub(super) fn new(out: &'b mut BytesMut) -> Self {
        Self {
            out,
            depth_left: NESTING_DEPTH_MAX,
        }
    }

    fn unsigned(&mut self, value: u64) {
        if value <= u64::from(FIX_POSITIVE_MAX) {
            self.out.put_u8(value as u8);
        } else if let Ok(value) = u8::try_from(value) {
            self.out.put_slice(&[U8, value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.head(U16, value.to_be_bytes());
        } else if let Ok(value) = u32::try_from(value) {
            self.head(U32, value.to_be_bytes());
        } else {
            self.head(U64, value.to_be_bytes());
        }
    }

    fn signed(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            self.unsigned(value);
        } else if value >= i64::from(FIX_NEGATIVE_MIN as i8) {
            self.out.put_i8(value as i8);
        } else if let Ok(value) = i8::try_from(value) {
            self.head(I8, value.to_be_bytes());
        } else if let Ok(value) = i16::try_from(value) {
            self.head(I16, value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.head(I32, value.to_be_bytes());
        } else {
            self.head(I64, value.to_be_bytes());
        }
    }

    /// A marker and its number, in one write.
    fn head<const N: usize>(&mut self, marker: u8, number: [u8; N]) {
        let mut head = [0; 9];
        head[0] = marker;
        head[1..=N].copy_from_slice(&number);
        self.out.put_slice(&head[..=N]);
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        let length = length(text.len())?;
        match length {
            0..32 => self.out.put_u8(FIX_TEXT | length as u8),
            32..0x100 => self.head(TEXT_8, [length as u8]),
            0x100..0x1_0000 => self.head(TEXT_16, (length as u16).to_be_bytes()),
            _ => self.head(TEXT_32, length.to_be_bytes()),
        }
        self.out.put_slice(text.as_bytes());
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let length = length(bytes.len())?;
        match length {
            0..0x100 => self.head(BYTES_8, [length as u8]),
            0x100..0x1_0000 => self.head(BYTES_16, (length as u16).to_be_bytes()),
            _ => self.head(BYTES_32, length.to_be_bytes()),
        }
        self.out.put_slice(bytes);
        Ok(())
    }

    fn open(&mut self, kind: Kind, announced: usize) -> Result<Open, EncodeError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(EncodeError::TooDeep)?;
        let open = Open {
            kind,
            at: self.out.len(),
            announced: length(announced)?,
            count: 0,
        };
        let (head, size) = kind.head(open.announced);
        self.out.put_slice(&head[..size]);
        Ok(open)
    }

    /// Corrects the announced length if another number of items came.
    fn close(&mut self, open: &Open) {
        self.depth_left += 1;
        if open.count == open.announced {
            return;
        }
        let (_, old_size) = open.kind.head(open.announced);
        let (head, size) = open.kind.head(open.count);
        let content = open.at + old_size..self.out.len();
        let start = open.at + size;
        let end = start + content.len();
        self.out.resize(self.out.len().max(end), 0);
        self.out.copy_within(content, start);
        self.out.truncate(end);
        self.out[open.at..start].copy_from_slice(&head[..size]);
    }

    /// A map of one entry, from the name of the variant to its content.
    fn open_variant(&mut self, name: &str) -> Result<(), EncodeError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(EncodeError::TooDeep)?;
        self.out.put_u8(FIX_MAP | 1);
        self.text(name)
    }

    fn close_variant(&mut self) {
        self.depth_left += 1;
    }
}

fn length(length: usize) -> Result<u32, EncodeError> {
    u32::try_from(length)
        .map_err(|_| EncodeError::Unsupported(format!("{length} items or bytes in one value")))
}

#[derive(Clone, Copy)]
enum Kind {
    Array,
    Map,
}

impl Kind {
    fn head(self, length: u32) -> ([u8; 5], usize) {
        let (fix, two, four) = match self {
            Self::Array => (FIX_ARRAY, ARRAY_16, ARRAY_32),
            Self::Map => (FIX_MAP, MAP_16, MAP_32),
        };
        let [a, b, c, d] = length.to_be_bytes();
        match length {
            0..16 => ([fix | d, 0, 0, 0, 0], 1),
            16..0x1_0000 => ([two, c, d, 0, 0], 3),
            _ => ([four, a, b, c, d], 5),
        }
    }
}

/// An array or a map whose items are coming.
struct Open {
    kind: Kind,
    at: usize,
    announced: u32,
    count: u32,
}

impl<'e, 'b> Serializer for &'e mut Encoder<'b> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Items<'e, 'b>;
    type SerializeTuple = Items<'e, 'b>;
    type SerializeTupleStruct = Items<'e, 'b>;
    type SerializeTupleVariant = Items<'e, 'b>;
    type SerializeMap = Items<'e, 'b>;
    type SerializeStruct = Items<'e, 'b>;
    type SerializeStructVariant = Items<'e, 'b>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.put_u8(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.signed(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => self.bytes(&value.to_be_bytes()),
        }
    }

    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), EncodeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        self.unsigned(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        match u64::try_from(value) {
            Ok(value) => self.serialize_u64(value),
            Err(_) => self.bytes(&value.to_be_bytes()),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.head(F32, value.to_be_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.head(F64, value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.bytes(value)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    /// The value itself, unless that is nil or already a nil inside of `Some`.
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        let start = self.out.len();
        value.serialize(&mut *self)?;
        match &mut self.out[start..] {
            [NIL] => {
                self.out.truncate(start);
                self.out.put_slice(&[SOME_NIL[0], SOME_NIL[1], 1]);
            }
            [first, second, depth] if [*first, *second] == SOME_NIL => {
                *depth = depth.checked_add(1).ok_or(EncodeError::TooDeep)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.put_u8(NIL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.out.put_u8(FIX_ARRAY);
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.close_variant();
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'e, 'b>, EncodeError> {
        Items::open(self, Kind::Array, length.unwrap_or(0))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'e, 'b>, EncodeError> {
        Items::open(self, Kind::Array, length)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Items<'e, 'b>, EncodeError> {
        Items::open(self, Kind::Array, length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'e, 'b>, EncodeError> {
        self.open_variant(variant)?;
        Items::open(self, Kind::Array, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Items<'e, 'b>, EncodeError> {
        Items::open(self, Kind::Map, length.unwrap_or(0))
    }

    fn serialize_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Items<'e, 'b>, EncodeError> {
        Items::open(self, Kind::Array, length)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'e, 'b>, EncodeError> {
        self.open_variant(variant)?;
        Items::open(self, Kind::Array, length)
    }
}

/// The items of an array or a map, one after the other.
pub(super) struct Items<'e, 'b> {
    encoder: &'e mut Encoder<'b>,
    open: Open,
}

impl<'e, 'b> Items<'e, 'b> {
    fn open(encoder: &'e mut Encoder<'b>, kind: Kind, length: usize) -> Result<Self, EncodeError> {
        let open = encoder.open(kind, length)?;
        Ok(Self { encoder, open })
    }

    fn count(&mut self) -> Result<(), EncodeError> {
        self.open.count = length(self.open.count as usize + 1)?;
        Ok(())
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.count()?;
        value.serialize(&mut *self.encoder)
    }

    fn skipped(&mut self) -> Result<(), EncodeError> {
        self.count()?;
        self.encoder.out.put_slice(&SKIPPED);
        Ok(())
    }

    fn close(self) {
        self.encoder.close(&self.open);
    }

    fn close_with_variant(self) {
        self.encoder.close(&self.open);
        self.encoder.close_variant();
    }
}

impl SerializeSeq for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.item(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close();
        Ok(())
    }
}

impl SerializeTuple for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.item(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close();
        Ok(())
    }
}

impl SerializeTupleStruct for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.item(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close();
        Ok(())
    }
}

impl SerializeTupleVariant for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.item(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close_with_variant();
        Ok(())
    }
}

impl SerializeMap for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.item(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut *self.encoder)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close();
        Ok(())
    }
}

impl SerializeStruct for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.item(value)
    }

    fn skip_field(&mut self, _: &'static str) -> Result<(), EncodeError> {
        self.skipped()
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close();
        Ok(())
    }
}

impl SerializeStructVariant for Items<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.item(value)
    }

    fn skip_field(&mut self, _: &'static str) -> Result<(), EncodeError> {
        self.skipped()
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close_with_variant();
        Ok(())
    }
}
