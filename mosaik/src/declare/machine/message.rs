//! The encoding of commands, queries and answers: the name of the method, then its arguments in
//! order. A method can be added, moved or given another place among others without a change to the
//! encoding of any other.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, DeserializeSeed, EnumAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An enum that the macro writes.
pub trait Message: Sized {
    /// The enum's name.
    const NAME: &'static str;
    /// What its variants are called on the wire.
    const VARIANTS: &'static [&'static str];

    /// Writes the variant and what is in it.
    fn write<S: Serializer>(&self, writer: Writer<Self, S>) -> Result<S::Ok, S::Error>;

    /// Reads what is in the variant.
    fn read<'de, A: VariantAccess<'de>>(variant: Variant, access: A) -> Result<Self, A::Error>;
}

/// Writes one variant of `M`.
pub struct Writer<M, S> {
    serializer: S,
    message: PhantomData<fn() -> M>,
}

impl<M: Message, S: Serializer> Writer<M, S> {
    pub(super) const fn new(serializer: S) -> Self {
        Self {
            serializer,
            message: PhantomData,
        }
    }

    /// Writes the variant at `index`.
    pub fn variant<T: Serialize>(self, index: usize, fields: &T) -> Result<S::Ok, S::Error> {
        let name = M::VARIANTS.get(index).copied().unwrap_or_default();
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.serializer
            .serialize_newtype_variant(M::NAME, number, name, fields)
    }
}

/// Which variant comes.
#[derive(Clone, Copy)]
pub struct Variant {
    /// Its place in [`Message::VARIANTS`].
    pub index: usize,
}

/// What is in a variant.
pub fn fields<'de, A: VariantAccess<'de>, T: Deserialize<'de>>(access: A) -> Result<T, A::Error> {
    access.newtype_variant()
}

/// A variant that `M` does not have.
pub fn unknown<M: Message, E: de::Error>(variant: Variant) -> Result<M, E> {
    Err(E::invalid_value(
        de::Unexpected::Unsigned(variant.index as u64),
        &M::NAME,
    ))
}

pub(super) fn read<'de, M: Message, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
    deserializer.deserialize_enum(M::NAME, M::VARIANTS, OfMessage(PhantomData))
}

struct OfMessage<M>(PhantomData<fn() -> M>);

impl<'de, M: Message> Visitor<'de> for OfMessage<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(M::NAME)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<M, A::Error> {
        let (variant, access) = data.variant_seed(OfVariant(M::VARIANTS))?;
        M::read(variant, access)
    }
}

struct OfVariant(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for OfVariant {
    type Value = Variant;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Variant, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for OfVariant {
    type Value = Variant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a command or a query")
    }

    fn visit_u64<E: de::Error>(self, index: u64) -> Result<Variant, E> {
        // One that is too large is unknown to the message.
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(Variant { index })
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Variant, E> {
        let position = self.0.iter().position(|variant| *variant == name);
        let index = position.ok_or_else(|| E::unknown_variant(name, self.0))?;
        Ok(Variant { index })
    }
}
