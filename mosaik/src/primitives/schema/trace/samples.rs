//! The deserializer that answers a type's questions with samples and records them.

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Asked, Leaf, NONE, Open, PLACES_MAX, Place, SCHEMA_DEPTH_MAX, Seen, Trace, UNNAMED};

/// Places below each other, when a sample goes further than what it shows.
const SAMPLE_DEPTH_MAX: usize = 2 * SCHEMA_DEPTH_MAX;

/// Texts that some common type accepts: numbers, times, addresses, versions, digests.
const TEXTS: [&str; 14] = [
    "",
    "0",
    "a",
    "1970-01-01T00:00:00Z",
    "1970-01-01",
    "00:00:00",
    "1970-01-01T00:00:00",
    "127.0.0.1",
    "127.0.0.1:1",
    "::1",
    "[::1]:1",
    "1.0.0",
    "http://localhost/",
    "00000000-0000-0000-0000-000000000000",
];

/// Lengths of byte strings that some common type accepts.
const BYTES: [usize; 8] = [0, 1, 4, 8, 16, 20, 32, 64];

pub(super) fn answers(leaf: Leaf) -> usize {
    match leaf {
        Leaf::Unit | Leaf::Bare => 1,
        Leaf::Text => TEXTS.len(),
        Leaf::Bytes => BYTES.len(),
        _ => 2,
    }
}

/// What a type that takes anything is given, one after the other.
pub(super) const ANYTHING: [Sample; 5] = [
    Sample::Unit,
    Sample::Bool,
    Sample::Number,
    Sample::Text,
    Sample::Bytes,
];

#[derive(Clone, Copy)]
pub(super) enum Sample {
    Unit,
    Bool,
    Number,
    Text,
    Bytes,
}

/// A deserializer that stands at a place.
pub(super) struct At<'t> {
    trace: &'t mut Trace,
    place: usize,
    /// Inside of a type that was recorded further out, or too deep: only samples, no record.
    silent: bool,
}

/// A refusal; why is in the trace.
#[derive(Debug)]
pub(super) struct Refused;

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("sample refused")
    }
}

impl core::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: core::fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'t> At<'t> {
    pub(super) fn new(trace: &'t mut Trace, place: usize) -> Self {
        Self {
            trace,
            place,
            silent: false,
        }
    }

    fn here(&mut self) -> &mut Place {
        &mut self.trace.places[self.place]
    }

    fn choice(&self) -> usize {
        self.trace.places[self.place].choice
    }

    /// Records the question, with the type that asks it.
    fn ask<V>(&mut self, asked: Asked) -> Result<(), Refused> {
        self.trace.last = self.place;
        let depth = self.here().depth;
        if self.trace.places.len() > PLACES_MAX || depth > SAMPLE_DEPTH_MAX {
            self.trace.exhausted = true;
            return Err(Refused);
        }
        self.silent |= depth >= SCHEMA_DEPTH_MAX;
        let place = self.here();
        place.learn(core::any::type_name::<V>());
        if place.asked == Asked::Nothing {
            place.asked = asked;
        }
        Ok(())
    }

    /// Like [`ask`](Self::ask), for a type that may contain itself; ends with [`Trace::open`]'s pop.
    fn enter<V>(&mut self, asked: Asked) -> Result<(), Refused> {
        let type_name = core::any::type_name::<V>();
        let outer = self
            .trace
            .open
            .iter()
            .find(|open| open.type_name == type_name);
        let outer = outer.map(|open| open.place);
        self.ask::<V>(asked)?;
        if let Some(outer) = outer
            && !self.silent
        {
            self.here().asked = Asked::Again(outer);
            self.silent = true;
            self.trace.recursions += 1;
        }
        self.trace.open.push(Open {
            type_name,
            place: self.place,
            variant: usize::MAX,
        });
        Ok(())
    }

    /// The deserializer for part `index`.
    fn part(&mut self, index: usize, type_name: &'static str) -> At<'_> {
        let place = self.trace.part(self.place, index, type_name);
        At {
            trace: self.trace,
            place,
            silent: self.silent,
        }
    }

    /// Whether to answer "none", as a recursion that only gives samples must.
    fn is_none(&self) -> bool {
        self.silent || self.choice() == NONE
    }

    fn sequence<'de, V: Visitor<'de>>(
        mut self,
        asked: Asked,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.enter::<V::Value>(asked)?;
        let length = if asked == Asked::List && self.is_none() {
            0
        } else {
            length
        };
        let result = self.items(length, visitor);
        self.trace.open.pop();
        result
    }

    fn items<'de, V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let mut taken = 0;
        let result = visitor.visit_seq(Items {
            at: self,
            next: &mut taken,
            length,
            shared: Vec::new(),
        });
        if result.is_ok() {
            self.here().taken = Some(taken);
        }
        result
    }
}

macro_rules! leaves {
    ($($method:ident, $leaf:ident, $visit:ident, [$first:expr, $second:expr];)*) => {
        $(
            fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
                self.ask::<V::Value>(Asked::Leaf(Leaf::$leaf))?;
                visitor.$visit(if self.choice() == 0 { $first } else { $second })
            }
        )*
    };
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Refused;

    leaves! {
        deserialize_bool, Bool, visit_bool, [false, true];
        deserialize_i8, I8, visit_i8, [0, 1];
        deserialize_i16, I16, visit_i16, [0, 1];
        deserialize_i32, I32, visit_i32, [0, 1];
        deserialize_i64, I64, visit_i64, [0, 1];
        deserialize_i128, I128, visit_i128, [0, 1];
        deserialize_u8, U8, visit_u8, [0, 1];
        deserialize_u16, U16, visit_u16, [0, 1];
        deserialize_u32, U32, visit_u32, [0, 1];
        deserialize_u64, U64, visit_u64, [0, 1];
        deserialize_u128, U128, visit_u128, [0, 1];
        deserialize_f32, F32, visit_f32, [0.0, 1.0];
        deserialize_f64, F64, visit_f64, [0.0, 1.0];
        deserialize_char, Char, visit_char, ['a', '0'];
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.ask::<V::Value>(Asked::Anything)?;
        match ANYTHING[self.choice()] {
            Sample::Unit => visitor.visit_unit(),
            Sample::Bool => visitor.visit_bool(false),
            Sample::Number => visitor.visit_u64(0),
            Sample::Text => visitor.visit_str(""),
            Sample::Bytes => visitor.visit_bytes(&[]),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.ask::<V::Value>(Asked::Leaf(Leaf::Text))?;
        visitor.visit_str(TEXTS[self.choice()])
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.ask::<V::Value>(Asked::Leaf(Leaf::Bytes))?;
        visitor.visit_bytes(&[0; 64][..BYTES[self.choice()]])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.ask::<V::Value>(Asked::Leaf(Leaf::Unit))?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.enter::<V::Value>(Asked::Option)?;
        let result = if self.is_none() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self.part(0, UNNAMED))
        };
        self.trace.open.pop();
        result
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.enter::<V::Value>(Asked::Newtype)?;
        let result = visitor.visit_newtype_struct(self.part(0, UNNAMED));
        self.trace.open.pop();
        result
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.sequence(Asked::List, 1, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.sequence(Asked::Tuple, length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.sequence(Asked::Tuple, length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.sequence(Asked::Struct(fields), fields.len(), visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.enter::<V::Value>(Asked::Map)?;
        let is_empty = self.is_none();
        let result = visitor.visit_map(Entries {
            at: &mut self,
            is_empty,
        });
        self.trace.open.pop();
        result
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        if self.here().variants.is_empty() {
            self.here().variants = vec![Seen::NotYet; variants.len()];
        }
        self.enter::<V::Value>(Asked::Enum(variants))?;
        let variant = if self.silent {
            let type_name = core::any::type_name::<V::Value>();
            self.trace.take_ending_variant(self.place, type_name)
        } else {
            self.trace.take_variant(self.place)
        };
        if let (Some(open), Some(variant)) = (self.trace.open.last_mut(), variant) {
            open.variant = variant;
        }
        let place = self.place;
        let silent = self.silent;
        let recursions = self.trace.recursions;
        let result = match variant {
            Some(variant) => visitor.visit_enum(Chosen {
                at: &mut self,
                variant,
                name: variants[variant],
            }),
            None => Err(Refused),
        };
        self.trace.open.pop();
        if let (Ok(_), Some(variant), false) = (&result, variant, silent) {
            let is_recursive = self.trace.recursions > recursions;
            self.trace.finish_variant(place, variant, is_recursive);
        }
        result
    }
}

/// The items of a list, a tuple or a struct.
struct Items<'a, 't> {
    at: &'a mut At<'t>,
    next: &'a mut usize,
    length: usize,
    /// The places of the types in a tuple so far: `[u8; 32]` is one place, not 32.
    shared: Vec<(&'static str, usize)>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        if *self.next == self.length {
            return Ok(None);
        }
        let index = *self.next;
        *self.next += 1;
        let type_name = core::any::type_name::<S::Value>();
        if self.at.here().asked == Asked::Tuple {
            match self.shared.iter().find(|(shared, _)| *shared == type_name) {
                Some(&(_, place)) if self.at.here().parts.len() <= index => {
                    self.at.here().parts.push(place);
                }
                Some(_) => {}
                None => {
                    let place = self.at.trace.part(self.at.place, index, type_name);
                    self.shared.push((type_name, place));
                }
            }
        }
        seed.deserialize(self.at.part(index, type_name)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length - *self.next)
    }
}

/// The one entry of a map, or none.
struct Entries<'a, 't> {
    at: &'a mut At<'t>,
    is_empty: bool,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        if core::mem::replace(&mut self.is_empty, true) {
            return Ok(None);
        }
        seed.deserialize(self.at.part(0, core::any::type_name::<S::Value>()))
            .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self.at.part(1, core::any::type_name::<S::Value>()))
    }
}

/// A variant of an enum. Its content has the place with the number of the variant.
struct Chosen<'a, 't> {
    at: &'a mut At<'t>,
    variant: usize,
    name: &'static str,
}

impl<'a, 't, 'de> EnumAccess<'de> for Chosen<'a, 't> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let name: StrDeserializer<'_, Refused> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_, '_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.at
            .part(self.variant, UNNAMED)
            .ask::<()>(Asked::Leaf(Leaf::Bare))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(
            self.at
                .part(self.variant, core::any::type_name::<S::Value>()),
        )
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.content(Asked::Tuple, length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.content(Asked::Struct(fields), fields.len(), visitor)
    }
}

impl Chosen<'_, '_> {
    /// The visitor's value is the whole enum, which is open already: so this does not enter.
    fn content<'de, V: Visitor<'de>>(
        self,
        asked: Asked,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let mut content = self.at.part(self.variant, UNNAMED);
        content.ask::<()>(asked)?;
        content.items(length, visitor)
    }
}
