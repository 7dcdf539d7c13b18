//! Each rule is shown bad text that it must refuse, and good text that it must not.

use super::{source::tokenize, *};

fn texts(findings: &[Finding]) -> Vec<&str> {
    findings
        .iter()
        .map(|finding| finding.text.as_str())
        .collect()
}

#[test]
fn a_new_edge_between_layers_is_found() {
    let cases = [
        (
            "transport/link.rs",
            "use crate::discovery::Catalog;",
            "transport must not import discovery",
        ),
        (
            "streams/mod.rs",
            "use crate::groups::Group;",
            "streams must not import groups",
        ),
        (
            "groups/mod.rs",
            "use crate::{primitives::Digest, streams::Producer};",
            "groups must not import streams",
        ),
        (
            "network/mod.rs",
            "use crate::declare::StreamProducer;",
            "network must not import declare",
        ),
        (
            "primitives/peer.rs",
            "fn f() { crate::runtime::Clock::system(); }",
            "primitives must not import runtime",
        ),
        (
            "tickets/mod.rs",
            "use super::transport::Link;",
            "tickets must not import transport",
        ),
        (
            "discovery/bootstrap/dht.rs",
            "use super::super::super::network::Network;",
            "discovery must not import network",
        ),
        (
            "runtime/rng.rs",
            "mod tests { use super::super::super::tickets::Ticket; }",
            "runtime must not import tickets",
        ),
    ];
    for (file, text, expected) in cases {
        let source = Source::new(format!("mosaik/src/{file}"), text);
        assert_eq!(texts(&check_layers(&source)), [expected], "{file}: {text}");
    }
}

#[test]
fn an_edge_of_the_table_is_no_finding() {
    let cases = [
        (
            "network/mod.rs",
            "use crate::{discovery::Discovery, streams::{Producer, Consumer}};",
        ),
        (
            "discovery/core.rs",
            "use crate::runtime::time::Duration; use crate::primitives::limits::X;",
        ),
        (
            "discovery/core.rs",
            "use crate::discovery::catalog::Catalog; use super::overlay::Overlay;",
        ),
        (
            "transport/link.rs",
            "// crate::discovery::Catalog\nconst A: &str = \"crate::network::Network\";",
        ),
        (
            "transport/link.rs",
            "mod tests { use super::*; use super::super::frame::Frame; }",
        ),
        ("declare.rs", "use crate::network::Network;"),
    ];
    for (file, text) in cases {
        let source = Source::new(format!("mosaik/src/{file}"), text);
        assert_eq!(
            texts(&check_layers(&source)),
            [] as [&str; 0],
            "{file}: {text}"
        );
    }
}

#[test]
fn a_path_into_the_inside_of_a_layer_is_found() {
    for text in [
        "use crate::discovery::catalog::Catalog;",
        "use crate::{discovery::{self, catalog::Catalog}};",
    ] {
        let findings = check_layers(&Source::new("mosaik/src/streams/mod.rs", text));
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert!(
            findings[0].text.contains("is inside another layer"),
            "{findings:?}"
        );
    }
}

#[test]
fn an_outside_crate_away_from_its_home_is_found() {
    for (file, text) in [
        ("streams/mod.rs", "use iroh::Endpoint;"),
        (
            "network/builder.rs",
            "fn f() -> iroh::RelayMode { iroh::RelayMode::Disabled }",
        ),
        ("groups/mod.rs", "use openraft::Raft;"),
        ("discovery/core.rs", "pub use rmp_serde;"),
        ("groups/machine.rs", "let keyspace = fjall::Config::new();"),
    ] {
        let source = Source::new(format!("mosaik/src/{file}"), text);
        assert!(!check_homes(&source).is_empty(), "{file}: {text}");
    }
    for (file, text) in [
        ("transport/endpoint.rs", "use iroh::Endpoint;"),
        ("primitives/codec.rs", "rmp_serde::to_vec(value)"),
        ("lib.rs", "pub use iroh;"),
        (
            "streams/mod.rs",
            "/// Not [`iroh::Endpoint`].\nfn f(iroh: u8) { self.iroh::<u8>() }",
        ),
    ] {
        let source = Source::new(format!("mosaik/src/{file}"), text);
        assert_eq!(check_homes(&source), [], "{file}: {text}");
    }
}

#[test]
fn time_and_chance_past_their_door_are_found() {
    for text in [
        "let now = std::time::Instant::now();",
        "let now = chrono::Utc::now();",
        "use tokio::time::sleep;",
        "tokio::spawn(async {});",
        "let rng = OsRng;",
    ] {
        let bad = Source::new("mosaik/src/discovery/core.rs", text);
        assert_eq!(check_time_and_chance(&bad).len(), 1, "{text}");
        let door = Source::new("mosaik/src/runtime/clock.rs", text);
        assert_eq!(check_time_and_chance(&door), [], "{text}");
        let test = format!("#[cfg(test)]\nmod tests {{ fn f() {{ {text} }} }}");
        assert_eq!(
            check_time_and_chance(&Source::new("mosaik/src/discovery/core.rs", test)),
            []
        );
    }
    let behind = "#[cfg(test)] mod tests { fn f() {} } fn g() { Instant::now(); }";
    let source = Source::new("mosaik/src/discovery/core.rs", behind);
    assert_eq!(
        check_time_and_chance(&source).len(),
        1,
        "code behind the tests is still read"
    );
}

#[test]
fn a_channel_without_a_bound_is_found() {
    for call in [
        concat!("tokio::sync::mpsc::unbounded", "_channel()"),
        "mpsc::unbounded::<u8>()",
    ] {
        let source = Source::new("examples/bootstrap.rs", format!("let (tx, rx) = {call};"));
        assert_eq!(
            texts(&check(&source)),
            ["a channel without a bound"],
            "{call}"
        );
    }
}

#[test]
fn lint_exceptions_without_a_reason_are_found() {
    for text in [
        concat!("#[al", "low(dead_code)] fn f() {}"),
        concat!("#![al", "low(missing_docs)]"),
    ] {
        let source = Source::new("mosaik-derive/src/lib.rs", text);
        assert_eq!(check(&source).len(), 1, "{text}");
    }
    let expected = "#[expect(dead_code, reason = \"#[al low]\")] fn allow() {}";
    assert_eq!(
        check(&Source::new("mosaik-derive/src/lib.rs", expected)),
        []
    );
}

#[test]
fn unfinished_code_is_found() {
    for text in [
        concat!("fn f() { to", "do!() }"),
        concat!("fn f() { unimple", "mented!(\"x\") }"),
    ] {
        assert_eq!(
            check(&Source::new("mosaik/tests/it/main.rs", text)).len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn an_ignored_test_without_a_reason_is_found() {
    let bad = concat!("#[test] #[ign", "ore] fn f() {}");
    assert_eq!(check(&Source::new("mosaik/tests/it/main.rs", bad)).len(), 1);
    let good = "#[test] #[ignore = \"takes an hour: .ci/long/soak\"] fn f() {}";
    assert_eq!(check(&Source::new("mosaik/tests/it/main.rs", good)), []);
}

#[test]
fn a_long_file_is_found() {
    let fits = "\n".repeat(LINES_MAX);
    assert_eq!(
        check(&Source::new("mosaik/src/discovery/core.rs", fits.clone())),
        []
    );
    let long = format!("{fits}\n");
    assert_eq!(
        check(&Source::new("mosaik/src/discovery/core.rs", long)).len(),
        1
    );
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = r##"/* a /* b */ c */ 'x' '\'' 'life r"raw" r#"ra"w"# b"\"" word // end"##;
    let words: Vec<String> = tokenize(text).into_iter().map(|token| token.text).collect();
    assert_eq!(words, ["life", "word"]);
    assert_eq!(
        tokenize("a\n\"\n\"\nb").last(),
        Some(&Token {
            text: "b".into(),
            line: 4
        })
    );
}
