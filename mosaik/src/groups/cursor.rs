//! Positions in a group's history: terms, indices, and both together.
//!
//! An index counts the commands of users from 1, in the order in which every member applies them; 0 is "nothing yet".
//! The consensus below counts otherwise, and its positions never leave it.

use core::cmp::Ordering;
use core::fmt;
use core::ops::{Add, RangeInclusive, Sub};

use serde::{Deserialize, Serialize};

use crate::primitives::Pretty;

/// A counter with everything that makes it read like a number, and nothing that mixes it up with another counter.
macro_rules! counter {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub u64);

        impl $name {
            /// Nothing yet.
            pub const fn zero() -> Self {
                Self(0)
            }

            /// The first.
            pub const fn one() -> Self {
                Self(1)
            }

            /// Whether there is nothing yet.
            pub const fn is_zero(&self) -> bool {
                self.0 == 0
            }

            /// The one before; zero stays zero.
            #[must_use]
            pub const fn prev(self) -> Self {
                Self(self.0.saturating_sub(1))
            }

            /// The one after; the greatest stays the greatest.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// As a length; `usize::MAX` where it does not fit.
            pub fn as_usize(&self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }

            /// How far apart the two are, in either direction.
            #[must_use]
            pub fn distance(&self, other: &Self) -> u64 {
                self.0.abs_diff(other.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl From<$name> for usize {
            fn from(value: $name) -> Self {
                value.as_usize()
            }
        }

        impl From<&$name> for usize {
            fn from(value: &$name) -> Self {
                value.as_usize()
            }
        }

        /// Stops at the greatest.
        impl Add for $name {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        /// Stops at zero.
        impl Sub for $name {
            type Output = Self;

            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        counter!(@unsigned $name: u8, u16, u32, u64, usize);
        counter!(@signed $name: i8, i16, i32, i64);
        counter!(@add_reference $name: u8, u16, u32, u64);
        counter!(@compare $name: u8, u16, u32, u64, i8, i16, i32, i64);
    };

    (@unsigned $name:ident: $($integer:ty),+) => {$(
        impl From<$integer> for $name {
            fn from(value: $integer) -> Self {
                Self(value as u64)
            }
        }

        impl From<&$integer> for $name {
            fn from(value: &$integer) -> Self {
                Self::from(*value)
            }
        }

        /// Stops at the greatest.
        impl Add<$integer> for $name {
            type Output = Self;

            fn add(self, other: $integer) -> Self {
                self + Self::from(other)
            }
        }

        /// Stops at zero.
        impl Sub<$integer> for $name {
            type Output = Self;

            fn sub(self, other: $integer) -> Self {
                self - Self::from(other)
            }
        }
    )+};

    (@signed $name:ident: $($integer:ty),+) => {$(
        /// What is less than zero becomes zero.
        impl From<$integer> for $name {
            fn from(value: $integer) -> Self {
                Self(u64::try_from(value).unwrap_or(0))
            }
        }

        /// What is less than zero becomes zero.
        impl From<&$integer> for $name {
            fn from(value: &$integer) -> Self {
                Self::from(*value)
            }
        }
    )+};

    (@add_reference $name:ident: $($integer:ty),+) => {$(
        /// Stops at the greatest.
        impl Add<&$integer> for $name {
            type Output = Self;

            fn add(self, other: &$integer) -> Self {
                self + *other
            }
        }
    )+};

    // As 128-bit numbers, so that what is less than zero is less than every counter and equal to none.
    (@compare $name:ident: $($integer:ty),+) => {$(
        impl PartialEq<$integer> for $name {
            fn eq(&self, other: &$integer) -> bool {
                i128::from(self.0) == i128::from(*other)
            }
        }

        impl PartialEq<&$integer> for $name {
            fn eq(&self, other: &&$integer) -> bool {
                *self == **other
            }
        }

        impl PartialEq<$integer> for &$name {
            fn eq(&self, other: &$integer) -> bool {
                **self == *other
            }
        }

        impl PartialOrd<$integer> for $name {
            fn partial_cmp(&self, other: &$integer) -> Option<Ordering> {
                Some(i128::from(self.0).cmp(&i128::from(*other)))
            }
        }

        impl PartialOrd<&$integer> for $name {
            fn partial_cmp(&self, other: &&$integer) -> Option<Ordering> {
                self.partial_cmp(*other)
            }
        }

        impl PartialOrd<$integer> for &$name {
            fn partial_cmp(&self, other: &$integer) -> Option<Ordering> {
                (**self).partial_cmp(other)
            }
        }
    )+};
}

counter! {
    /// A period of one leader. Terms of one lineage never go back; 0 is before the first leader.
    Term
}

counter! {
    /// The position of a command in the history of its group, from 1; 0 is before the first command.
    ///
    /// Compares with plain integers, so that `group.committed() >= 5` reads as it is meant.
    Index
}

/// Positions of commands that follow each other, both ends included.
pub type IndexRange = RangeInclusive<Index>;

impl fmt::Display for Pretty<'_, RangeInclusive<Index>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}..{}]", self.0.start(), self.0.end())
    }
}

/// A position, or positions of which the last one counts: what can be waited for.
///
/// For everything that turns into an [`Index`], and for an [`IndexRange`].
pub trait IndexOrRange {
    /// The position to wait for.
    fn last_index(self) -> Index;
}

impl<T: Into<Index>> IndexOrRange for T {
    fn last_index(self) -> Index {
        self.into()
    }
}

impl IndexOrRange for IndexRange {
    fn last_index(self) -> Index {
        *self.end()
    }
}

/// A position together with the term in which it was written. Later terms come after earlier ones.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cursor(pub Term, pub Index);

impl Cursor {
    /// The position `index`, written in `term`.
    pub const fn new(term: Term, index: Index) -> Self {
        Self(term, index)
    }

    /// Before everything.
    pub const fn zero() -> Self {
        Self(Term::zero(), Index::zero())
    }

    /// Whether this is before everything.
    pub const fn is_zero(&self) -> bool {
        self.0.is_zero() && self.1.is_zero()
    }

    /// The term.
    pub const fn term(&self) -> Term {
        self.0
    }

    /// The position.
    pub const fn index(&self) -> Index {
        self.1
    }

    /// Whether `other` comes after this: by term, then by position.
    pub fn is_behind(&self, other: &Self) -> bool {
        self < other
    }
}

impl From<(Term, Index)> for Cursor {
    fn from((term, index): (Term, Index)) -> Self {
        Self(term, index)
    }
}

impl From<Cursor> for (Term, Index) {
    fn from(cursor: Cursor) -> Self {
        (cursor.0, cursor.1)
    }
}

/// By position alone.
impl PartialEq<Index> for Cursor {
    fn eq(&self, other: &Index) -> bool {
        self.1 == *other
    }
}

/// By position alone.
impl PartialOrd<Index> for Cursor {
    fn partial_cmp(&self, other: &Index) -> Option<Ordering> {
        Some(self.1.cmp(other))
    }
}

/// By term alone.
impl PartialEq<Term> for Cursor {
    fn eq(&self, other: &Term) -> bool {
        self.0 == *other
    }
}

/// By term alone.
impl PartialOrd<Term> for Cursor {
    fn partial_cmp(&self, other: &Term) -> Option<Ordering> {
        Some(self.0.cmp(other))
    }
}

/// By position alone.
impl PartialEq<Cursor> for Index {
    fn eq(&self, other: &Cursor) -> bool {
        *self == other.1
    }
}

/// By position alone.
impl PartialOrd<Cursor> for Index {
    fn partial_cmp(&self, other: &Cursor) -> Option<Ordering> {
        Some(self.cmp(&other.1))
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor(t:{},i:{})", self.0, self.1)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(t:{},i:{})", self.0, self.1)
    }
}

#[cfg(test)]
mod tests;
