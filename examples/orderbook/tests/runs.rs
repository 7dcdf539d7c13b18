//! The program, run as a user runs it.

use std::process::Command;

#[test]
fn five_nodes_meet_and_match() {
    let output = Command::new(env!("CARGO_BIN_EXE_orderbook"))
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .output()
        .expect("the program is built");
    let said = String::from_utf8(output.stdout).expect("output is text");
    assert!(output.status.success(), "{said}");
    for name in [
        "matcher_0",
        "matcher_1",
        "matcher_2",
        "trader_a",
        "trader_b",
    ] {
        assert!(
            said.contains(&format!("{name} sees 4 others:")),
            "{name}: {said}"
        );
    }
    for line in [
        "tags: matcher, matcher_1",
        "tags: trader, trader_b",
        "matcher subscribed to both trader order streams",
        "trader_a subscribed to fill stream",
        "received order: alice ASK ETH/USDC@300000 qty=10",
        "received order: bob BID ETH/USDC@300500 qty=15",
        "1 fills produced:",
        "top of book for ETH/USDC:",
        "  ASK 301000 x 5",
        "  BID 299000 x 8",
        "  BID 300500 x 5",
        "orderbook example complete",
    ] {
        assert!(
            said.lines().any(|said| said.ends_with(line)),
            "{line}: {said}"
        );
    }
}
