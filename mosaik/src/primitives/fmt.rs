//! Wrappers that choose how much of a value is printed.

use core::fmt::{self, Debug, Display, Formatter};
use core::marker::PhantomData;
use core::ops::Deref;

/// Bytes that [`Short`] prints.
const SHORT_BYTES: usize = 5;

/// The beginning of an id: the first 5 bytes in hex, or a one-line form of an entry.
#[derive(Clone, Copy)]
pub struct Short<T>(pub T);

impl<T> Short<T> {
    /// A list in brackets whose items are each printed short.
    pub const fn iter<I: IntoIterator<Item = T> + Clone>(items: I) -> FmtIter<Self, I> {
        FmtIter::new(items)
    }
}

impl<T: AsRef<[u8]>> Display for Short<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_ref();
        Display::fmt(&Hex(&bytes[..bytes.len().min(SHORT_BYTES)]), f)
    }
}

impl<T: AsRef<[u8]>> Debug for Short<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Bytes in hex; more than `LEN` of them are shown as their two ends joined by `..`.
#[derive(Clone, Copy)]
pub struct Abbreviated<const LEN: usize, T>(pub T);

impl<const LEN: usize, T: AsRef<[u8]>> Display for Abbreviated<LEN, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_ref();
        if bytes.len() <= LEN {
            return Display::fmt(&Hex(bytes), f);
        }
        let half = LEN / 2;
        write!(
            f,
            "{}..{}",
            Hex(&bytes[..half]),
            Hex(&bytes[bytes.len() - half..])
        )
    }
}

impl<const LEN: usize, T: AsRef<[u8]>> Debug for Abbreviated<LEN, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A value that must not be printed: always `<redacted>`.
#[derive(Clone, Copy)]
pub struct Redacted<T>(pub T);

impl<T> Display for Redacted<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad("<redacted>")
    }
}

impl<T> Debug for Redacted<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A value printed for people: an entry on several lines, an address with all its parts.
pub struct Pretty<'a, T: ?Sized>(pub &'a T);

impl<'a, T: ?Sized> Pretty<'a, T> {
    /// A list in brackets whose items are each printed pretty.
    pub const fn iter<I: IntoIterator<Item = &'a T> + Clone>(items: I) -> FmtIter<Self, I> {
        FmtIter::new(items)
    }
}

impl<T: ?Sized> Clone for Pretty<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Pretty<'_, T> {}

impl<'a, T: ?Sized> Deref for Pretty<'a, T> {
    type Target = &'a T;

    fn deref(&self) -> &&'a T {
        &self.0
    }
}

impl<'a, T: ?Sized> AsRef<&'a T> for Pretty<'a, T> {
    fn as_ref(&self) -> &&'a T {
        &self.0
    }
}

/// Items as `[a, b]`, each printed by the wrapper `W`.
#[derive(Clone, Copy)]
pub struct FmtIter<W, I>(pub I, PhantomData<W>);

impl<W, I> FmtIter<W, I> {
    /// A list of these items.
    pub const fn new(items: I) -> Self {
        Self(items, PhantomData)
    }
}

impl<I: IntoIterator + Clone> Display for FmtIter<Short<I::Item>, I>
where
    Short<I::Item>: Display,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(f, self.0.clone().into_iter().map(Short))
    }
}

impl<'a, T: ?Sized + 'a, I: IntoIterator<Item = &'a T> + Clone> Display
    for FmtIter<Pretty<'a, T>, I>
where
    Pretty<'a, T>: Display,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(f, self.0.clone().into_iter().map(Pretty))
    }
}

impl<W, I> Debug for FmtIter<W, I>
where
    Self: Display,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

fn list(f: &mut Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        Display::fmt(&item, f)?;
    }
    f.write_str("]")
}

/// `value.short()` for everything that [`Short`] can print.
pub trait ShortFmtExt {
    /// The value, printed short.
    fn short(&self) -> Short<&Self>;
}

impl<T: ?Sized> ShortFmtExt for T
where
    for<'a> Short<&'a T>: Display,
{
    fn short(&self) -> Short<&Self> {
        Short(self)
    }
}

/// `value.pretty()` for everything that [`Pretty`] can print.
pub trait PrettyFmtExt {
    /// The value, printed for people.
    fn pretty(&self) -> Pretty<'_, Self>;
}

impl<T: ?Sized> PrettyFmtExt for T
where
    for<'a> Pretty<'a, T>: Display,
{
    fn pretty(&self) -> Pretty<'_, Self> {
        Pretty(self)
    }
}

/// `value.redacted()` for everything.
pub trait RedactedFmtExt {
    /// The value, not printed.
    fn redacted(&self) -> Redacted<&Self>;
}

impl<T: ?Sized> RedactedFmtExt for T {
    fn redacted(&self) -> Redacted<&Self> {
        Redacted(self)
    }
}

/// Bytes in lower-case hex, all of them.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Debug for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Digest;

    #[test]
    fn short_is_five_bytes() {
        let digest = Digest::from("abc");
        assert_eq!(Short(digest).to_string(), "ba7816bf8f");
        assert_eq!(Short(&digest).to_string(), "ba7816bf8f");
        assert_eq!(format!("{:?}", Short(digest)), "ba7816bf8f");
        assert_eq!(digest.short().to_string(), "ba7816bf8f");
        assert_eq!(Short([1u8, 2]).to_string(), "0102");
        assert_eq!(Short([]).to_string(), "");
    }

    #[test]
    fn lists_are_in_brackets() {
        let ids = [Digest::zero(), Digest::from("abc")];
        assert_eq!(Short::iter(ids).to_string(), "[0000000000, ba7816bf8f]");
        assert_eq!(Short::iter(&ids).to_string(), "[0000000000, ba7816bf8f]");
        assert_eq!(Short::iter(Vec::<Digest>::new()).to_string(), "[]");
    }

    #[test]
    fn long_values_show_both_ends() {
        assert_eq!(Abbreviated::<4, _>([1u8, 2, 3, 4]).to_string(), "01020304");
        assert_eq!(
            Abbreviated::<4, _>([1u8, 2, 3, 4, 5, 6]).to_string(),
            "0102..0506"
        );
        assert_eq!(
            Abbreviated::<5, _>([1u8, 2, 3, 4, 5, 6]).to_string(),
            "0102..0506"
        );
    }

    #[test]
    fn redacted_shows_nothing() {
        struct Opaque;
        assert_eq!(Redacted(Opaque).to_string(), "<redacted>");
        assert_eq!(format!("{:?}", Opaque.redacted()), "<redacted>");
        assert_eq!("secret".redacted().to_string(), "<redacted>");
    }
}
