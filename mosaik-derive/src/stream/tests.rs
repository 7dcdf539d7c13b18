//! The compiler as a table of declarations and what it says about them. How the messages look in
//! front of a user is in `ui-tests`.

use super::stream;
use crate::snapshots::{damaged, mistakes_of};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;

fn mistakes(declaration: &str) -> Vec<String> {
    let input = format!("::mosaik; {declaration}")
        .parse()
        .expect("balanced tokens");
    mistakes_of(stream(input)).0
}

#[test]
fn accepted() {
    for declaration in [
        "X = T",
        "X = T,",
        "X = T, \"id\"",
        "X = T, \"id\",",
        "X = T, ID",
        "X = T, a::b::ID,",
        "X = T, f(x)[0].y::<Z>()",
        "X = T, \"id\" require: f require: g",
        "X = T, require: |p| p.a == b, max_consumers: 3 + 4 queue_size: N",
        "pub(in a::b) producer X<T: A + B, const N: usize> where T: C = Vec<[T; N]>, ID",
        "producer = T",
        "consumer = T",
        "producer consumer = T",
        "consumer producer = T, producer require: f",
        "X = T, producer",
        "X = T, producer::ID, producer online_when: |c| c",
        "#[a] #[b(c)] /** d */ pub X = ()",
        "X = fn(&str) -> u8",
        "X = &'static Local",
        "X = T, backoff: b, backoff: c",
        "producer X = T, consumer require: f, require: g",
        "consumer X = T, producer require_ticket: v",
        "X = T, max_consumers: NONE, buffer_size: 1_0usize, disconnect_lagging: !FLAG",
        "X = T, require: (|p| true), online_when: conditions",
    ] {
        assert_eq!(mistakes(declaration), [""; 0], "{declaration}");
    }
}

#[test]
fn refused() {
    let needs_type = "a stream needs the type of its datums";
    let needs_name = "a stream needs a name";
    let owns = "a datum owns its data";
    for (declaration, expected) in [
        (
            "",
            &["a stream needs a name and the type of its datums"][..],
        ),
        ("X", &[needs_type]),
        ("X =", &[needs_type]),
        ("X = , \"id\"", &[needs_type]),
        (
            "X, require: f, colour: 3",
            &["unknown key `colour`", needs_type],
        ),
        ("X T", &["expected `=` after the stream's name"]),
        (
            "prodcer X = T",
            &["expected `producer` or `consumer`, found `prodcer`"],
        ),
        (
            "static X<T> = T",
            &["a stream is declared by its name alone"],
        ),
        (
            "X = T, require_tdx: { mrdt = M }",
            &["unknown register `mrdt`"],
        ),
        (
            "producer X = T, producer require_tdx: { own_image }",
            &[
                "nobody would check `producer require_tdx`: it says what a producer must satisfy, the consumer \
             side checks that, and this declaration has no consumer",
            ],
        ),
        ("= T", &[needs_name]),
        ("\"id\", X = T", &[needs_name]),
        ("struct X = T", &["a stream is declared by its name alone"]),
        (
            "struct X: T",
            &[
                "a stream is declared by its name alone",
                "a stream and its type are separated by `=`",
            ],
        ),
        (
            "producer pub X = T",
            &["the visibility stands before the side"],
        ),
        (
            "producer consumer X = T",
            &["a stream has one side or both"],
        ),
        (
            "X<'a> = T<'a>",
            &["a stream cannot borrow: its datums travel to other processes"],
        ),
        (
            "X<T> = T where T: A",
            &["the `where` clause stands before the `=`"],
        ),
        ("X = T \"id\"", &["expected `,` after the type"]),
        ("X = T; require: f", &["expected `,` after the type"]),
        ("X = &str", &[owns]),
        ("X = str", &[owns]),
        ("X = ([u8])", &[owns]),
        ("X = Vec<Option<&'a T>>", &[owns]),
        ("X = impl A", &["a datum has one concrete type"]),
        ("X = _", &["a stream states the type of its datums"]),
        (
            "X = T, 3",
            &["a stream's id is a text, or an expression that gives a `StreamId`"],
        ),
        ("X = T, \"a\", \"b\"", &["a stream has one id"]),
        (
            "X = T, require: f, \"a\"",
            &["the id stands before the keys"],
        ),
        ("X = T, require: f, 3", &["expected a key and its value"]),
        (
            "X = T, require: f,, backoff: b",
            &["expected a key and its value"],
        ),
        ("X = T, require", &[]),
        (
            "X = T, \"id\", require",
            &["`require` needs a predicate of a peer"],
        ),
        (
            "X = T, require:",
            &["`require` needs a predicate of a peer"],
        ),
        (
            "X = T, require: , history: 0",
            &[
                "`require` needs a predicate of a peer",
                "`history` cannot be 0",
            ],
        ),
        ("X = T, history: 3, requ", &["unknown key `requ`"]),
        ("X = T, producer onl", &["unknown key `onl`"]),
        (
            "X = T, \"id\", colour(3), history: 0",
            &["unknown key `colour`", "`history` cannot be 0"],
        ),
        (
            "X = T, history: 2, colour = 3 + , queue_size: 0",
            &["unknown key `colour`", "`queue_size` cannot be 0"],
        ),
        (
            "X = T, colour: 3 history: 0",
            &["unknown key `colour`", "`history` cannot be 0"],
        ),
        (
            "X = T, require = f",
            &["a key and its value are separated by `:`"],
        ),
        (
            "X = T, \"id\", require(f)",
            &["a key and its value are separated by `:`"],
        ),
        (
            "X = T, history: 3 +, colour: 3",
            &["expected an expression", "unknown key `colour`"],
        ),
        (
            "X = T, sender require: f",
            &["`sender` is not a side of a stream"],
        ),
        (
            "X = T, producer filter: f",
            &["`filter` is an option of the consumer"],
        ),
        (
            "X = T, consumer history: 3",
            &["`history` is an option of the producer"],
        ),
        ("X = T, queue_size: 0x0", &["`queue_size` cannot be 0"]),
        ("X = T, queue_size: (0)", &["`queue_size` cannot be 0"]),
        (
            "X = T, queue_size: -1",
            &["`queue_size` takes a number of datums"],
        ),
        (
            "X = T, queue_size: 1.5",
            &["`queue_size` takes a number of datums"],
        ),
        (
            "X = T, queue_size: |x| 3",
            &["`queue_size` takes a number of datums"],
        ),
        ("X = T, queue_size: 3u8", &["`queue_size` is a `usize`"]),
        (
            "X = T, disconnect_lagging: \"yes\"",
            &["`disconnect_lagging` takes `true` or `false`"],
        ),
        (
            "X = T, require: true",
            &["`require` takes a predicate of a peer"],
        ),
        (
            "X = T, require: || true",
            &["`require` takes a function of 1 argument, this one has 0"],
        ),
        (
            "X = T, require: async |p| true",
            &["`require` is answered at once, so it cannot be `async`"],
        ),
        (
            "X = T, require_ticket: |p| true",
            &["`require_ticket` takes a ticket validator"],
        ),
        (
            "X = T, back_pressure: 3",
            &["`back_pressure` takes a policy for full buffers"],
        ),
        (
            "X = T, back_pressure: b, disconnect_lagging: true",
            &["`back_pressure` and `disconnect_lagging` decide the same thing"],
        ),
        (
            "producer X = T, producer require: f",
            &[
                "nobody would check `producer require`: it says what a producer must satisfy, the consumer \
             side checks that, and this declaration has no consumer",
            ],
        ),
        (
            "consumer X = T, consumer require_ticket: f",
            &[
                "nobody would check `consumer require_ticket`: it says what a consumer must satisfy, the \
             producer side checks that, and this declaration has no producer",
            ],
        ),
        (
            "producer X = T, backoff: b",
            &["`backoff` is set on the consumer side here, and this declaration has none"],
        ),
        (
            "consumer X = T, producer online_when: f",
            &["`online_when` is set on the producer side here, and this declaration has none"],
        ),
    ] {
        assert_eq!(mistakes(declaration), expected, "{declaration}");
    }
}

#[test]
fn what_is_right_beside_a_mistake_is_still_compiled() {
    let input = "::mosaik; X = T, colour: 3, history: 9, producer filter: f, queue_size: 7";
    let (mistakes, file) = mistakes_of(stream(input.parse().expect("balanced tokens")));
    assert_eq!(mistakes.len(), 2);
    let text = file.to_token_stream().to_string();
    for expected in [
        "struct X ;",
        "StreamProducer for X",
        "StreamConsumer for X",
        "keys :: history (__mosaik_builder , 9)",
        "keys :: queue_size (__mosaik_builder , 7)",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
}

/// Every declaration that lacks a token, has one twice, or has two in the wrong order: the compiler
/// never panics, and what it gives is a list of items, with the struct in it whenever it has a name.
#[test]
fn damaged_declarations_expand_too() {
    let whole: TokenStream = "::mosaik; #[a] pub producer X<T: A> where T: B = Vec<T>, \"id\", \
        require: |peer| peer.tags().contains(&TAG), consumer require_ticket: Jwt::new(KEY), \
        online_when: |c| c.minimum_of(2), buffer_size: 3 history: N, disconnect_lagging: true,"
        .parse()
        .expect("balanced tokens");
    for damaged in damaged(whole) {
        mistakes_of(stream(damaged));
    }
}

/// Spec 11, S8: what a declaration asks of its own side, and so nobody checks, does not compile; neither does what is
/// for the side that it has not.
#[test]
fn s8_what_nobody_would_check_is_refused() {
    for (key, value) in [
        ("require", "f"),
        ("require_ticket", "V"),
        ("require_tdx", "{ own_image }"),
    ] {
        for (declared, other) in [("producer", "consumer"), ("consumer", "producer")] {
            let nobody = mistakes(&format!("{declared} X = T, {declared} {key}: {value}"));
            let expected = format!("nobody would check `{declared} {key}`");
            assert!(
                nobody.len() == 1 && nobody[0].starts_with(&expected),
                "{nobody:?}"
            );
            for checked in [format!("{other} {key}"), key.to_owned()] {
                let declaration = format!("{declared} X = T, {checked}: {value}");
                assert_eq!(mistakes(&declaration), [""; 0], "{declaration}");
            }
        }
    }
    for (declared, key) in [
        ("producer", "queue_size: 3"),
        ("producer", "backoff: b"),
        ("consumer", "max_consumers: 3"),
        ("consumer", "buffer_size: 3"),
        ("consumer", "producer online_when: f"),
    ] {
        let declaration = format!("{declared} X = T, {key}");
        assert_eq!(mistakes(&declaration).len(), 1, "{declaration}");
    }
}

/// Spec 11, S15: the expansion binds no name that a program may have, and takes none from its prelude.
#[test]
fn s15_the_expansion_takes_no_name_from_the_program() {
    let declaration = "::mosaik; X = T, ID, require: F, backoff: B, max_consumers: 3";
    let expansion = stream(declaration.parse().expect("balanced tokens"));
    let mut words = Vec::new();
    free_words(expansion, &mut words);
    let of_rust = [
        "struct", "const", "_", "impl", "for", "where", "type", "fn", "let", "Self", "as", "static",
    ];
    let of_the_program = ["X", "T", "ID", "F", "B"];
    // Declared by the expansion in its own items.
    let of_the_traits = [
        "Producer",
        "Consumer",
        "Output",
        "producer",
        "consumer",
        "online_producer",
        "online_consumer",
    ];
    words.retain(|word| {
        let known = [&of_rust[..], &of_the_program, &of_the_traits];
        !word.starts_with("__mosaik") && !known.iter().any(|words| words.contains(&word.as_str()))
    });
    assert_eq!(words, [""; 0]);
}

/// The words that are not a step of a path.
fn free_words(tokens: TokenStream, words: &mut Vec<String>) {
    let mut colons = 0;
    for token in tokens {
        let is_colon = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
        match token {
            TokenTree::Group(group) => free_words(group.stream(), words),
            TokenTree::Ident(word) if colons < 2 => words.push(word.to_string()),
            _ => {}
        }
        colons = if is_colon { colons + 1 } else { 0 };
    }
}
