//! What compiles is half of what is promised here.

#![expect(
    clippy::manual_range_contains,
    clippy::redundant_comparisons,
    clippy::op_ref,
    clippy::needless_borrows_for_generic_args,
    reason = "each operator is used as users may use it"
)]

use super::*;
use crate::primitives::{PrettyFmtExt, decode, encode};
use proptest::prelude::*;

fn last(index: impl IndexOrRange) -> Index {
    index.last_index()
}

#[test]
fn untyped_literals_compare_and_convert() {
    let index = Index(3);
    assert_eq!(index, 3);
    assert_ne!(index, -1);
    assert!(index > -1 && index > 2 && index < 4 && index >= 3 && index <= 3);
    let range = IndexRange::new(3.into(), 5.into());
    assert_eq!(range.start(), 3);
    assert_eq!(range.end(), 5);
    assert!(range.end() > 4);
    assert_eq!(index, &3);
    assert!(index < &4);
    assert_eq!(Term(0), 0);
    assert_eq!(Term::one(), 1u8);
    assert!(Term(u64::MAX) > i64::MAX);
}

#[test]
fn everything_that_is_a_position_can_be_waited_for() {
    assert_eq!(last(5), 5);
    assert_eq!(last(5u8), 5);
    assert_eq!(last(5u64), 5);
    assert_eq!(last(3usize), 3);
    assert_eq!(last(&5u32), 5);
    assert_eq!(last(&5i16), 5);
    assert_eq!(last(-5), 0);
    assert_eq!(last(Index(5)), 5);
    assert_eq!(last(Index(3)..=Index(5)), 5);
}

#[test]
fn every_integer_is_a_position() {
    macro_rules! check {
        ($($integer:ty),+) => {$(
            let value: $integer = 7;
            assert_eq!(Index::from(value), Index(7));
            assert_eq!(Term::from(&value), Term(7));
            assert_eq!(Index(7), value);
            assert_eq!(Index(7), &value);
            assert_eq!(&Index(7), value);
            assert!(Index(6) < value && Index(8) > &value && &Index(8) > value);
        )+};
    }
    check!(u8, u16, u32, u64, i8, i16, i32, i64);
    assert_eq!(Index::from(7usize), Index::from(&7usize));
    assert_eq!(u64::from(Index(7)), 7);
    assert_eq!(usize::from(Index(7)), 7);
    assert_eq!(usize::from(&Term(7)), 7);
    assert_eq!(Index(7).as_usize(), 7);
}

#[test]
fn nothing_goes_below_zero_or_beyond_the_end() {
    let table = [
        (Index(5) + Index(2), 7),
        (Index(5) - Index(2), 3),
        (Index(2) - Index(5), 0),
        (Index(5) + 2usize, 7),
        (Index(1) - 2usize, 0),
        (Index(5) + 2u8, 7),
        (Index(5) + &2u16, 7),
        (Index(1) - 2u32, 0),
        (Index(u64::MAX) + 1u64, u64::MAX),
        (Index(u64::MAX) + &1u64, u64::MAX),
        (Index::zero().prev(), 0),
        (Index::one().prev(), 0),
        (Index::one().next(), 2),
        (Index(u64::MAX).next(), u64::MAX),
        (Index::from(-1i64), 0),
        (Index::from(&i8::MIN), 0),
        (Index::default(), 0),
    ];
    for (row, (actual, expected)) in table.into_iter().enumerate() {
        assert_eq!(actual.0, expected, "row {row}");
    }
    assert_eq!(Index(2).distance(&Index(5)), 3);
    assert_eq!(Index(5).distance(&Index(2)), 3);
    const FIRST: Index = Index::zero().next();
    const NOTHING: bool = FIRST.prev().is_zero();
    assert!(NOTHING && !FIRST.is_zero());
}

#[test]
fn cursors_compare_by_term_then_position_and_with_either_alone() {
    let cursor = Cursor::new(Term(2), Index(7));
    assert!(Cursor::new(Term(1), Index(9)).is_behind(&cursor));
    assert!(!cursor.is_behind(&cursor));
    assert!(cursor < Cursor(Term(2), Index(8)));
    assert_eq!(cursor, Index(7));
    assert_eq!(Index(7), cursor);
    assert!(cursor > Index(6) && Index(8) > cursor);
    assert_eq!(cursor, Term(2));
    assert!(cursor < Term(3));
    assert_eq!((cursor.term(), cursor.index()), cursor.into());
    assert_eq!(Cursor::from((Term(2), Index(7))), cursor);
    assert_eq!(Cursor::default(), Cursor::zero());
    const ZERO: bool = Cursor::zero().is_zero();
    assert!(ZERO && !cursor.is_zero());
    assert!(!Cursor(Term(1), Index(0)).is_zero());
}

#[test]
fn printed() {
    let cursor = Cursor::new(Term(2), Index(7));
    assert_eq!(format!("{cursor:?} {cursor}"), "Cursor(t:2,i:7) (t:2,i:7)");
    assert_eq!(format!("{:?} {:>3}", Index(7), Index(7)), "Index(7)   7");
    assert_eq!(format!("{:?} {}", Term(7), Term(7)), "Term(7) 7");
    let range = Index(3)..=Index(5);
    assert_eq!(range.pretty().to_string(), "[3..5]");
}

#[test]
fn golden_bytes() {
    let cursor = Cursor::new(Term(2), Index(300));
    let bytes = encode(&cursor).unwrap();
    assert_eq!(bytes[..], [0x92, 2, 0xcd, 1, 44]);
    assert_eq!(decode::<Cursor>(&bytes).unwrap(), cursor);
    assert_eq!(serde_json::to_string(&cursor).unwrap(), "[2,300]");
}

/// `T::answer` is ambiguous, so it does not compile, if `T` is made from an `isize`.
trait NotFromIsize<Marker> {
    fn answer() {}
}
impl<T> NotFromIsize<()> for T {}
impl<T: From<isize>> NotFromIsize<u8> for T {}

#[test]
fn bounds_that_users_rely_on() {
    <Index as NotFromIsize<_>>::answer();

    fn is_value<T: Copy + Ord + core::hash::Hash + Default + Send + Sync + 'static>() {}
    fn is_watched<T: PartialOrd<Index> + Ord + Copy + Send + Sync + 'static>() {}
    is_value::<Index>();
    is_value::<Term>();
    is_value::<Cursor>();
    is_watched::<Index>();
    is_watched::<Cursor>();
}

proptest! {
    #[test]
    fn comparing_with_integers_agrees_with_the_integers(a: u64, b: i64, c: u64) {
        prop_assert_eq!(Index(a).partial_cmp(&b), Some(i128::from(a).cmp(&i128::from(b))));
        prop_assert_eq!(Index(a) == b, i128::from(a) == i128::from(b));
        prop_assert_eq!(Index(a) < c, a < c);
        prop_assert_eq!(Index(a) + Index(c), a.saturating_add(c));
        prop_assert_eq!(Index(a) - c, a.saturating_sub(c));
    }
}
