//! The program, run as a user runs it.

#![expect(
    clippy::disallowed_methods,
    reason = "the real program takes real time"
)]

use std::{process::Command, time::Instant};

/// What it says, whichever way its nodes run.
fn run(arguments: &[&str]) -> String {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_orderbook"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .output()
        .expect("the program is built");
    let said = String::from_utf8(output.stdout).expect("output is text");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    eprintln!("took {:?}", start.elapsed());
    said
}

fn check(said: &str) {
    for name in [
        "matcher_0",
        "matcher_1",
        "matcher_2",
        "trader_a",
        "trader_b",
    ] {
        let line = format!("{name} sees 4 others:");
        assert!(said.contains(&line), "{line} {said}");
    }
    for line in [
        "tags: matcher, matcher_1",
        "tags: trader, trader_b",
        "matcher_0 subscribed to both trader order streams",
        "trader_a subscribed to fill stream",
        "matcher_1 received order: alice ASK ETH/USDC@300000 qty=10",
        "matcher_2 received order: bob BID ETH/USDC@300500 qty=15",
        "matcher_0 sees the top of book for ETH/USDC:",
        "matcher_2 sees the top of book for ETH/USDC:",
        "  ASK 301000 x 5",
        "  BID 299000 x 8",
        "  BID 300500 x 5",
        "orderbook example complete",
    ] {
        let is_said = said.lines().any(|said| said.ends_with(line));
        assert!(is_said, "{line}: {said}");
    }
    // Three matchers, one book: one fill.
    assert_eq!(said.matches("fill produced:").count(), 1, "{said}");
    assert_eq!(
        said.matches("received fill notification:").count(),
        2,
        "{said}"
    );
}

#[test]
fn five_nodes_meet_and_match() {
    check(&run(&[]));
}

#[test]
fn so_do_five_processes() {
    check(&run(&["--processes"]));
}

#[test]
fn other_arguments_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_orderbook"))
        .arg("--help-me")
        .output()
        .expect("the program is built");
    assert!(!output.status.success());
}
