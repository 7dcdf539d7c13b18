//! From MessagePack to serde values, on bytes from anywhere.

use core::cmp::min;

use serde::Deserializer;
use serde::de::value::SeqDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::marker::{
    ARRAY_16, ARRAY_32, BYTES_8, BYTES_16, BYTES_32, EXTENSION_8, F32, F64, FALSE, FIX_ARRAY,
    FIX_EXTENSION_1, FIX_MAP, FIX_NEGATIVE_MIN, FIX_POSITIVE_MAX, FIX_TEXT, I8, I16, I32, I64,
    MAP_16, MAP_32, NIL, RESERVED, SKIPPED, SOME_NIL, TEXT_8, TEXT_16, TEXT_32, TRUE, U8, U16, U32,
    U64,
};
use super::{DecodeError, NESTING_DEPTH_MAX};

/// Options and newtypes inside each other take no bytes, so the input does not bound them.
const BYTELESS_DEPTH_MAX: usize = 4 * NESTING_DEPTH_MAX;

/// Reads values from the beginning of an input.
pub(super) struct Decoder<'de> {
    input: &'de [u8],
    offset: usize,
    /// How many arrays and maps may still be opened inside of those that are open.
    depth_left: usize,
    byteless_left: usize,
    /// How many items may still be promised to visitors, which reserve memory for them.
    promises_left: usize,
    /// How many `Some` are still to be given before the nil that was read.
    somes_left: Option<u8>,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(input: &'de [u8]) -> Self {
        Self {
            input,
            offset: 0,
            depth_left: NESTING_DEPTH_MAX,
            byteless_left: BYTELESS_DEPTH_MAX,
            // Every item takes a byte, so an honest input never needs more.
            promises_left: input.len(),
            somes_left: None,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    fn truncated(&self) -> DecodeError {
        DecodeError::Truncated {
            input_bytes: self.input.len(),
        }
    }

    fn rest(&self) -> &'de [u8] {
        &self.input[self.offset..]
    }

    fn peek(&self) -> Result<u8, DecodeError> {
        self.rest().first().copied().ok_or_else(|| self.truncated())
    }

    fn take(&mut self, length: usize) -> Result<&'de [u8], DecodeError> {
        let taken = self.rest().get(..length).ok_or_else(|| self.truncated())?;
        self.offset += length;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.rest().first_chunk().ok_or_else(|| self.truncated())?;
        self.offset += N;
        Ok(*bytes)
    }

    fn length_8(&mut self) -> Result<usize, DecodeError> {
        self.number().map(|[length]| usize::from(length))
    }

    fn length_16(&mut self) -> Result<usize, DecodeError> {
        self.number()
            .map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    fn length_32(&mut self) -> Result<usize, DecodeError> {
        self.number()
            .map(|bytes| u32::from_be_bytes(bytes) as usize)
    }

    /// What kind of value comes next, and its own bytes. Items of arrays and maps are not read.
    fn next(&mut self) -> Result<Next<'de>, DecodeError> {
        if let Some(somes) = self.somes_left.take() {
            return Ok(self.some_or_nil(somes));
        }
        let [marker] = self.number()?;
        let low = |mask: u8| usize::from(marker & mask);
        match marker {
            0..=FIX_POSITIVE_MAX => Ok(Next::Unsigned(marker.into())),
            FIX_MAP..FIX_ARRAY => self.map(low(0x0f)),
            FIX_ARRAY..FIX_TEXT => self.array(low(0x0f)),
            FIX_TEXT..NIL => self.text(low(0x1f)),
            NIL => Ok(Next::Nil),
            RESERVED => Err(DecodeError::Reserved {
                offset: self.offset - 1,
            }),
            FALSE => Ok(Next::Bool(false)),
            TRUE => Ok(Next::Bool(true)),
            BYTES_8 => self.length_8().and_then(|length| self.bytes(length)),
            BYTES_16 => self.length_16().and_then(|length| self.bytes(length)),
            BYTES_32 => self.length_32().and_then(|length| self.bytes(length)),
            F32 => self
                .number()
                .map(|bytes| Next::F32(f32::from_be_bytes(bytes))),
            F64 => self
                .number()
                .map(|bytes| Next::F64(f64::from_be_bytes(bytes))),
            U8 => self
                .number()
                .map(|bytes| Next::Unsigned(u8::from_be_bytes(bytes).into())),
            U16 => self
                .number()
                .map(|bytes| Next::Unsigned(u16::from_be_bytes(bytes).into())),
            U32 => self
                .number()
                .map(|bytes| Next::Unsigned(u32::from_be_bytes(bytes).into())),
            U64 => self
                .number()
                .map(|bytes| Next::Unsigned(u64::from_be_bytes(bytes))),
            I8 => self
                .number()
                .map(|bytes| Next::Signed(i8::from_be_bytes(bytes).into())),
            I16 => self
                .number()
                .map(|bytes| Next::Signed(i16::from_be_bytes(bytes).into())),
            I32 => self
                .number()
                .map(|bytes| Next::Signed(i32::from_be_bytes(bytes).into())),
            I64 => self
                .number()
                .map(|bytes| Next::Signed(i64::from_be_bytes(bytes))),
            TEXT_8 => self.length_8().and_then(|length| self.text(length)),
            TEXT_16 => self.length_16().and_then(|length| self.text(length)),
            TEXT_32 => self.length_32().and_then(|length| self.text(length)),
            ARRAY_16 => self.length_16().and_then(|length| self.array(length)),
            ARRAY_32 => self.length_32().and_then(|length| self.array(length)),
            MAP_16 => self.length_16().and_then(|length| self.map(length)),
            MAP_32 => self.length_32().and_then(|length| self.map(length)),
            FIX_NEGATIVE_MIN.. => Ok(Next::Signed((marker as i8).into())),
            FIX_EXTENSION_1 if self.peek()? == SOME_NIL[1] => {
                let [_, somes] = self.number()?;
                Ok(self.some_or_nil(somes))
            }
            // A skipped field, where nobody knows that it is one.
            EXTENSION_8 if self.rest().starts_with(&SKIPPED[1..]) => {
                self.offset += SKIPPED.len() - 1;
                Ok(Next::Nil)
            }
            _ => Err(mismatch("an extension")),
        }
    }

    fn some_or_nil(&mut self, somes: u8) -> Next<'de> {
        self.somes_left = somes.checked_sub(1);
        if self.somes_left.is_some() {
            Next::Some
        } else {
            Next::Nil
        }
    }

    fn bytes(&mut self, length: usize) -> Result<Next<'de>, DecodeError> {
        self.take(length).map(Next::Bytes)
    }

    fn text(&mut self, length: usize) -> Result<Next<'de>, DecodeError> {
        let bytes = self.take(length)?;
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(Next::Text(text)),
            Err(_) => Err(mismatch("a text that is not UTF-8")),
        }
    }

    fn array(&mut self, length: usize) -> Result<Next<'de>, DecodeError> {
        self.is_there(length).map(|()| Next::Array(length))
    }

    fn map(&mut self, length: usize) -> Result<Next<'de>, DecodeError> {
        self.is_there(length.saturating_mul(2))
            .map(|()| Next::Map(length))
    }

    /// Every value takes at least a byte.
    fn is_there(&self, values: usize) -> Result<(), DecodeError> {
        if values <= self.rest().len() {
            Ok(())
        } else {
            Err(self.truncated())
        }
    }

    fn visit<V: Visitor<'de>>(
        &mut self,
        next: Next<'de>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match next {
            Next::Nil => visitor.visit_unit(),
            Next::Some => self.byteless(|decoder| visitor.visit_some(decoder)),
            Next::Bool(value) => visitor.visit_bool(value),
            Next::Unsigned(value) => visitor.visit_u64(value),
            Next::Signed(value) => visitor.visit_i64(value),
            Next::F32(value) => visitor.visit_f32(value),
            Next::F64(value) => visitor.visit_f64(value),
            Next::Text(text) => visitor.visit_borrowed_str(text),
            Next::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Next::Array(length) => self.items(length, false, visitor),
            Next::Map(length) => self.inside(|decoder| {
                let mut items = Items::new(decoder, length, false);
                let value = visitor.visit_map(&mut items)?;
                items.finish().map(|()| value)
            }),
        }
    }

    fn items<V: Visitor<'de>>(
        &mut self,
        length: usize,
        is_struct: bool,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.inside(|decoder| {
            let mut items = Items::new(decoder, length, is_struct);
            let value = visitor.visit_seq(&mut items)?;
            items.finish().map(|()| value)
        })
    }

    /// Where a sequence is wanted, bytes are one of small numbers.
    fn sequence<V: Visitor<'de>>(
        &mut self,
        is_struct: bool,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.next()? {
            Next::Array(length) => self.items(length, is_struct, visitor),
            Next::Bytes(bytes) => {
                let mut numbers = SeqDeserializer::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut numbers)?;
                numbers.end().map(|()| value)
            }
            next => self.visit(next, visitor),
        }
    }

    fn inside<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, DecodeError>,
    ) -> Result<R, DecodeError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        let result = read(self);
        self.depth_left += 1;
        result
    }

    fn byteless<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, DecodeError>,
    ) -> Result<R, DecodeError> {
        self.byteless_left = self
            .byteless_left
            .checked_sub(1)
            .ok_or(DecodeError::TooDeep)?;
        let result = read(self);
        self.byteless_left += 1;
        result
    }

    /// 128-bit numbers that do not fit in 64 bits are 16 bytes.
    fn wide(&mut self) -> Result<Result<[u8; 16], Next<'de>>, DecodeError> {
        Ok(match self.next()? {
            Next::Bytes(bytes) => match bytes.try_into() {
                Ok(bytes) => Ok(bytes),
                Err(_) => Err(Next::Bytes(bytes)),
            },
            other => Err(other),
        })
    }
}

fn mismatch(what: &str) -> DecodeError {
    DecodeError::Mismatch(what.to_owned())
}

#[derive(Clone, Copy)]
enum Next<'de> {
    Nil,
    /// An option around what comes next, which is a nil.
    Some,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Text(&'de str),
    Bytes(&'de [u8]),
    Array(usize),
    Map(usize),
}

macro_rules! any {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
                self.deserialize_any(visitor)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = DecodeError;

    any! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_map deserialize_identifier
        deserialize_ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let next = self.next()?;
        self.visit(next, visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide()? {
            Ok(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            Err(next) => self.visit(next, visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide()? {
            Ok(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
            Err(next) => self.visit(next, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let is_value = || Ok::<_, DecodeError>(!matches!(self.peek()?, NIL | FIX_EXTENSION_1));
        if self.somes_left.is_none() && is_value()? {
            return self.byteless(|decoder| visitor.visit_some(decoder));
        }
        match self.next()? {
            Next::Nil => visitor.visit_none(),
            next => self.visit(next, visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.next()? {
            Next::Nil | Next::Array(0) => visitor.visit_unit(),
            next => self.visit(next, visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.byteless(|decoder| visitor.visit_newtype_struct(decoder))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.sequence(false, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.sequence(false, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.sequence(false, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.sequence(true, visitor)
    }

    /// A name, or a map from a name to the content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.next()? {
            Next::Text(name) => visitor.visit_enum(name.into_deserializer()),
            Next::Map(1) => self.inside(|decoder| visitor.visit_enum(Variant(decoder))),
            _ => Err(mismatch("no variant of an enum")),
        }
    }
}

/// The items of an array or a map.
struct Items<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
    promised: usize,
    /// Whether items are fields, which may have been skipped.
    is_struct: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    fn new(decoder: &'a mut Decoder<'de>, length: usize, is_struct: bool) -> Self {
        let promised = min(length, decoder.promises_left);
        decoder.promises_left -= promised;
        Self {
            decoder,
            left: length,
            promised,
            is_struct,
        }
    }

    fn finish(self) -> Result<(), DecodeError> {
        match self.left {
            0 => Ok(()),
            left => Err(DecodeError::Mismatch(format!(
                "{left} items more than wanted"
            ))),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.is_struct && self.decoder.rest().starts_with(&SKIPPED) {
            // The visitor takes its default for this field and goes on to the next.
            self.decoder.offset += SKIPPED.len();
            return Ok(None);
        }
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(min(self.left, self.promised))
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(min(self.left, self.promised))
    }
}

/// A variant with content.
struct Variant<'a, 'de>(&'a mut Decoder<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), DecodeError> {
        let name = seed.deserialize(&mut *self.0)?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.0.next()? {
            Next::Nil => Ok(()),
            _ => Err(DecodeError::invalid_type(
                Unexpected::NewtypeVariant,
                &"a variant alone",
            )),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.0.sequence(false, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.0.sequence(true, visitor)
    }
}
