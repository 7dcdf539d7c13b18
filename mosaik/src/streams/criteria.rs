//! What a consumer wants of a stream: [`Criteria`], and a typed [`Filter`] that the producer evaluates on an index.

use {
    crate::primitives::{Datum, Digest},
    serde::{Deserialize, Serialize},
    std::ops::{Bound, RangeBounds},
};

/// What a consumer asks of every datum; today everything matches.
///
/// To receive a part of a stream, give the producer an index and the consumer a [`Filter`].
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Criteria {}

impl Criteria {
    /// Whether the datum is wanted: always.
    pub const fn matches<D: Datum>(&self, _datum: &D) -> bool {
        true
    }
}

/// A type that a producer can index its datums by.
///
/// Implemented for the integers up to 64 bits, `bool`, `char`, strings and [`Digest`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a stream's index",
    label = "not a key",
    note = "keys are integers up to 64 bits, `bool`, `char`, `String`, `&str` and `Digest`"
)]
pub trait IndexKey {
    /// The key as the index stores it.
    #[doc(hidden)]
    fn into_key(self) -> Key;
}

/// A key as it is stored and sent; keys of different kinds never match.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// An unsigned integer, `bool` or `char`.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
    /// A string.
    Text(String),
    /// A digest.
    Digest(Digest),
}

impl Key {
    /// The kind of the key in words, for messages.
    pub(crate) const fn kind(&self) -> KeyKind {
        match self {
            Self::Unsigned(_) => KeyKind::Unsigned,
            Self::Signed(_) => KeyKind::Signed,
            Self::Text(_) => KeyKind::Text,
            Self::Digest(_) => KeyKind::Digest,
        }
    }
}

/// The kinds of keys; an index has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Unsigned,
    Signed,
    Text,
    Digest,
}

impl KeyKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned integers",
            Self::Signed => "signed integers",
            Self::Text => "strings",
            Self::Digest => "digests",
        }
    }
}

macro_rules! integer_keys {
    ($($kind:ident: $wide:ty => $($integer:ty),*;)*) => {$($(
        impl IndexKey for $integer {
            fn into_key(self) -> Key {
                Key::$kind(<$wide>::from(self))
            }
        }
    )*)*};
}

integer_keys! {
    Unsigned: u64 => u8, u16, u32, u64, bool, char;
    Signed: i64 => i8, i16, i32, i64;
}

impl IndexKey for &str {
    fn into_key(self) -> Key {
        Key::Text(self.to_owned())
    }
}

impl IndexKey for String {
    fn into_key(self) -> Key {
        Key::Text(self)
    }
}

impl IndexKey for Digest {
    fn into_key(self) -> Key {
        Key::Digest(self)
    }
}

/// A part of a stream, chosen by the key under which its producer indexes each datum.
///
/// The producer evaluates it, so that what is filtered out is not sent. A producer without an index, or whose
/// keys are of another kind, refuses the subscription, and both ends say so in their status.
///
/// ```
/// use mosaik::streams::Filter;
///
/// let cheap = Filter::key_range(..100u64);
/// let two_symbols = Filter::key_in(["BTC", "ETH"]);
/// # let _ = (cheap, two_symbols);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    ranges: Vec<(Bound<Key>, Bound<Key>)>,
}

impl Filter {
    /// Datums whose key is in the range.
    #[must_use]
    pub fn key_range<K: IndexKey + Clone>(range: impl RangeBounds<K>) -> Self {
        let bound = |bound: Bound<&K>| bound.cloned().map(IndexKey::into_key);
        let range = (bound(range.start_bound()), bound(range.end_bound()));
        Self {
            ranges: vec![range],
        }
    }

    /// Datums with exactly this key.
    #[must_use]
    pub fn key_is(key: impl IndexKey) -> Self {
        Self::key_in([key])
    }

    /// Datums with one of these keys; at most [`FILTER_RANGES_MAX`] of them.
    #[must_use]
    pub fn key_in<K: IndexKey>(keys: impl IntoIterator<Item = K>) -> Self {
        let exactly = |key: K| {
            let key = key.into_key();
            (Bound::Included(key.clone()), Bound::Included(key))
        };
        Self {
            ranges: keys.into_iter().map(exactly).collect(),
        }
    }

    /// Datums that this filter or the other one lets through.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.ranges.extend(other.ranges);
        self
    }

    pub(crate) fn matches(&self, key: &Key) -> bool {
        // `Key` orders by kind first, so an open end must not reach into another kind.
        self.ranges.iter().any(|(start, end)| {
            let same_kind = |bound: &Bound<Key>| match bound {
                Bound::Included(other) | Bound::Excluded(other) => other.kind() == key.kind(),
                Bound::Unbounded => true,
            };
            same_kind(start) && same_kind(end) && (start.as_ref(), end.as_ref()).contains(key)
        })
    }

    /// The first kind of key it asks about, unless it asks about none (`..`).
    pub(crate) fn kind(&self) -> Option<KeyKind> {
        self.ranges
            .iter()
            .flat_map(|(start, end)| [start, end])
            .find_map(|bound| match bound {
                Bound::Included(key) | Bound::Excluded(key) => Some(key.kind()),
                Bound::Unbounded => None,
            })
    }

    /// Whether a producer accepts it: bounded in what it costs per datum.
    pub(crate) const fn is_bounded(&self) -> bool {
        self.ranges.len() <= FILTER_RANGES_MAX
    }
}

/// Ranges in one filter: each is compared with each datum's key at the producer.
pub const FILTER_RANGES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_chooses_by_key() {
        let cases: &[(Filter, Key, bool)] = &[
            (Filter::key_range(2u32..5), 2u32.into_key(), true),
            (Filter::key_range(2u32..5), 5u32.into_key(), false),
            (Filter::key_range(2u32..=5), 5u64.into_key(), true),
            (Filter::key_range(..5u32), 0u32.into_key(), true),
            (Filter::key_range(-3i32..), (-3i64).into_key(), true),
            (Filter::key_range(-3i32..), (-4i64).into_key(), false),
            (Filter::key_range::<u32>(..), "x".into_key(), true),
            (Filter::key_range("b".to_owned()..), "a".into_key(), false),
            (Filter::key_range("b".to_owned()..), "ba".into_key(), true),
            (Filter::key_in(["a", "b"]), "b".into_key(), true),
            (Filter::key_in(["a", "b"]), "c".into_key(), false),
            (
                Filter::key_is(7u8).or(Filter::key_is(9u8)),
                9u8.into_key(),
                true,
            ),
            // Another kind never matches, also beyond an open end.
            (Filter::key_range(2u32..), 3i32.into_key(), false),
            (Filter::key_range(..2u32), "1".into_key(), false),
            (Filter::key_in::<u8>([]), 1u8.into_key(), false),
        ];
        for (filter, key, expected) in cases {
            assert_eq!(filter.matches(key), *expected, "{filter:?} on {key:?}");
        }
    }

    #[test]
    fn a_filter_survives_the_wire() {
        let filter = Filter::key_range(2u32..5).or(Filter::key_is("x"));
        let bytes = crate::primitives::encode(&filter).unwrap();
        assert_eq!(crate::primitives::decode::<Filter>(&bytes).unwrap(), filter);
    }

    #[test]
    fn criteria_take_no_room_to_speak_of_and_match_everything() {
        assert!(Criteria {}.matches(&1u8));
        assert!(Criteria::default().matches(&"x".to_owned()));
    }
}
