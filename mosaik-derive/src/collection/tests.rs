//! The compiler as a table of declarations and what it says about them. How the messages look in
//! front of a user is in `ui-tests`.

use super::collection;
use crate::snapshots::{damaged, mistakes_of};
use proc_macro2::TokenStream;
use quote::ToTokens as _;

fn mistakes(declaration: &str) -> Vec<String> {
    let input = format!("::mosaik; {declaration}")
        .parse()
        .expect("balanced tokens");
    mistakes_of(collection(input)).0
}

#[test]
fn accepted() {
    for declaration in [
        "X = Map<K, V>, \"id\"",
        "X = collections::Map<K, V>, \"id\",",
        "X = mosaik::collections::PriorityQueue<u64, String, String, 5>, ID",
        "X = Vec<u64>, a::b::ID,",
        "pub(in a::b) reader X<T: A + B, const N: usize> where T: C = Vec<[T; N]>, ID",
        "reader = Set<u64>, \"id\"",
        "writer = Set<u64>, \"id\"",
        "reader writer = Set<u64>, \"id\"",
        "writer X = Cell<u64>, \"id\" require_ticket: a require_ticket: b",
        "#[a] #[b(c)] /** d */ pub X = Once<()>, \"id\"",
        "X = Set<u64>, \"id\", require_ticket: Tdx::new().require_own_mrtd().expect(\"in a domain\").max_age(A),",
        "X = Set<u64>, \"id\", require_tdx: { own_image }",
        "reader X = Set<u64>, \"id\", sync: SyncConfig::default(), history: 3 + 4, formation: Formation::Expect(3)",
        "X = Alias, \"id\"",
        "X = m!(), \"id\"",
        "X = <T as Trait>::Stored, \"id\"",
    ] {
        assert_eq!(mistakes(declaration), [""; 0], "{declaration}");
    }
}

#[test]
fn refused() {
    let needs_name = "a collection needs a name";
    let needs_type = "a collection needs its type";
    let needs_id = "a collection needs an id, by which its members find each other";
    let of_whole = "`require_ticket` cannot be for readers only: it is part of what the collection is, and all of its \
                    members check each other";
    for (declaration, expected) in [
        ("", &["a collection needs a name and its type"][..]),
        ("X", &[needs_type]),
        ("X =", &[needs_type]),
        ("X = , \"id\"", &[needs_type]),
        ("X = Set<u64>", &[needs_id]),
        ("X = Set<u64>,", &[needs_id]),
        ("X = Set<u64>, require_ticket: v", &[needs_id]),
        (
            "X Set<u64>, \"id\"",
            &["expected `reader` or `writer`, found `X`", needs_type],
        ),
        ("= Set<u64>", &[needs_name]),
        ("\"id\", X = Set<u64>", &[needs_name]),
        (
            "struct X = Set<u64>, \"id\"",
            &["a collection is declared by its name alone"],
        ),
        (
            "X: Set<u64>, \"id\"",
            &["a collection and its type are separated by `=`"],
        ),
        (
            "reader pub X = Set<u64>, \"id\"",
            &["the visibility stands before the side"],
        ),
        (
            "reader writer X = Set<u64>, \"id\"",
            &["a collection has one side or both"],
        ),
        (
            "raeder X = Set<u64>, \"id\"",
            &["expected `reader` or `writer`, found `raeder`"],
        ),
        (
            "producer X = Set<u64>, \"id\"",
            &["expected `reader` or `writer`, found `producer`"],
        ),
        (
            "X<'a> = Set<&'a str>, \"id\"",
            &["a collection cannot borrow: what is in it travels to other processes"],
        ),
        (
            "X<T> = Set<T> where T: A, \"id\"",
            &["the `where` clause stands before the `=`"],
        ),
        ("X = Set<u64> \"id\"", &["expected `,` after the type"]),
        ("X = Set<u64>; \"id\"", &["expected `,` after the type"]),
        (
            "X = Map<&str, u64>, \"id\"",
            &["a collection owns what is in it"],
        ),
        (
            "X = &Map<u8, u8>, \"id\"",
            &["a collection owns what is in it"],
        ),
        ("X = [u64], \"id\"", &["a collection owns what is in it"]),
        (
            "X = [u64; 3], \"id\"",
            &["a collection has a type of `mosaik::collections`"],
        ),
        (
            "X = (u64, u64), \"id\"",
            &["a collection has a type of `mosaik::collections`"],
        ),
        (
            "X = impl A, \"id\"",
            &["a collection has one concrete type"],
        ),
        ("X = _, \"id\"", &["a collection states its type"]),
        (
            "X = HashMap<u8, u8>, \"id\"",
            &["a `HashMap` is in one process only"],
        ),
        (
            "X = std::collections::BTreeMap<u8, u8>, \"id\"",
            &["a `BTreeMap` is in one process only"],
        ),
        (
            "X = std::vec::Vec<u8>, \"id\"",
            &["a collection of the standard library is in one process only"],
        ),
        (
            "X = Set<u64>, 3",
            &["a collection's id is a text, or an expression that gives a `StoreId`"],
        ),
        ("X = Set<u64>, \"a\", \"b\"", &["a collection has one id"]),
        (
            "X = Set<u64>, require_ticket: v, \"a\"",
            &["the id stands before the keys", needs_id],
        ),
        ("X = Set<u64>, \"a\", 3", &["expected a key and its value"]),
        (
            "X = Set<u64>, \"a\", require_ticket",
            &["`require_ticket` needs a ticket validator"],
        ),
        (
            "X = Set<u64>, \"a\", require_ticket:",
            &["`require_ticket` needs a ticket validator"],
        ),
        (
            "X = Set<u64>, \"a\", require_ticket = v",
            &["a key and its value are separated by `:`"],
        ),
        (
            "X = Set<u64>, \"a\", require_ticket(v)",
            &["a key and its value are separated by `:`"],
        ),
        (
            "X = Set<u64>, \"a\", require_ticket: \"v\"",
            &["`require_ticket` takes a ticket validator"],
        ),
        (
            "X = Set<u64>, \"a\", require_ticket: |p| p",
            &["`require_ticket` takes a ticket validator"],
        ),
        (
            "X = Set<u64>, \"a\", require: f",
            &["unknown key `require`"],
        ),
        (
            "X = Set<u64>, \"a\", require_tickets: f",
            &["unknown key `require_tickets`"],
        ),
        (
            "X = Set<u64>, \"a\", with_sync: f",
            &["unknown key `with_sync`"],
        ),
        ("X = Set<u64>, \"a\", reader require_ticket: f", &[of_whole]),
        (
            "X = Set<u64>, \"a\", owner require_ticket: f",
            &["`owner` is not a side of a collection"],
        ),
        (
            "X = Set<u64>, \"a\", history: 0",
            &["`history` cannot be 0"],
        ),
        (
            "X = Set<u64>, \"a\", history: \"3\"",
            &["`history` takes a number of changes"],
        ),
        (
            "X = Set<u64>, \"a\", history: 3u8",
            &["`history` is a `usize`"],
        ),
        (
            "X = Set<u64>, \"a\", sync: 3",
            &["`sync` takes a `SyncConfig`"],
        ),
        (
            "X = Set<u64>, \"a\", require_tdx: Tdx::new()",
            &["`require_tdx` takes measurements in braces"],
        ),
        (
            "X = Set<u64>, \"a\", require_tdx: {}, colour: 3",
            &[
                "no measurement is required, so any guest would pass",
                "unknown key `colour`",
            ],
        ),
    ] {
        let mut found = mistakes(declaration);
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{declaration}");
    }
}

#[test]
fn what_is_right_beside_a_mistake_is_still_compiled() {
    let input =
        "::mosaik; writer X = Set<u8>, \"x\", colour: 3, history: 9, reader sync: f, sync: g";
    let (mistakes, file) = mistakes_of(collection(input.parse().expect("balanced tokens")));
    assert_eq!(mistakes.len(), 2);
    let text = file.to_token_stream().to_string();
    for expected in [
        "struct X ;",
        "CollectionWriter for X",
        "pub (crate) fn reader",
        "keys :: history (__mosaik_config , 9)",
        "keys :: sync (__mosaik_config , g)",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
}

/// The compiler never panics, and what it gives is a list of items.
#[test]
fn damaged_declarations_expand_too() {
    let whole: TokenStream = "::mosaik; #[a] pub reader X<T: A> where T: B = Map<T, u8>, \"id\", \
        require_ticket: Jwt::new(KEY), require_tdx: { mrtd = \"00\", rtmr1 = R }, history: 3 sync: s,"
        .parse()
        .expect("balanced tokens");
    for damaged in damaged(whole) {
        mistakes_of(collection(damaged));
    }
}
