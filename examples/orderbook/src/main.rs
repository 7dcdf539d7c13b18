//! Five nodes on this host meet, then match four orders.
//!
//! Three matchers and two traders start in one process and find each other: nobody is told an address
//! and nothing is synced by hand. Each prints the tags of the others. Then the orders of the traders
//! go through the book of [`orderbook::engine`].
//!
//! The orders do not travel yet and the book lives in one place: it is matched locally here. Streams
//! will carry orders and fills, and a group of the three matchers will replicate the book.

use std::{error::Error, time::Duration};

use mosaik::{
    Network, NetworkId, Tag,
    discovery::{self, PeerEntry},
    futures::future::try_join_all,
};
use orderbook::engine::{Order, OrderBook, Pair, Side};
use tokio::time::{Instant, timeout};
use tracing::info;
use tracing_subscriber::EnvFilter;

/// A name and a role, both of them tags of the node.
type Participant = (&'static str, &'static str);

const PARTICIPANTS: [Participant; 5] = [
    ("matcher-0", "matcher"),
    ("matcher-1", "matcher"),
    ("matcher-2", "matcher"),
    ("alice", "trader"),
    ("bob", "trader"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let network_id = NetworkId::random();
    let started = Instant::now();
    let nodes = try_join_all(PARTICIPANTS.map(|who| start(network_id, who))).await?;
    for ((name, _), node) in PARTICIPANTS.iter().zip(&nodes) {
        let others = timeout(MEET_WITHIN, others(node))
            .await
            .map_err(|_| format!("{name} did not find the others within {MEET_WITHIN:?}"))?;
        info!("{name} sees {} others:", others.len());
        for other in others {
            info!("  {} tags: {}", other.id().fmt_short(), tag_names(&other));
        }
    }
    info!(
        "all know each other after {} ms",
        started.elapsed().as_millis()
    );

    match_orders()?;

    for node in &nodes {
        node.shutdown(SHUTDOWN_DEADLINE).await?;
    }
    info!("orderbook example complete");
    Ok(())
}

/// Opens a node that stays on this host.
async fn start(network_id: NetworkId, (name, role): Participant) -> Result<Network, impl Error> {
    Network::builder(network_id)
        .loopback()
        .with_discovery(discovery::Config::builder().with_tags([name, role]))
        .build()
        .await
}

/// Waits until `node` knows all the others, and returns them.
async fn others(node: &Network) -> Vec<PeerEntry> {
    let mut catalog = node.discovery().catalog_watch();
    let all = |catalog: &discovery::Catalog| catalog.peers().count() == PARTICIPANTS.len() - 1;
    match catalog.wait_for(all).await {
        Ok(catalog) => catalog.peers().cloned().collect(),
        // The node was closed, and knows nobody any more.
        Err(_) => Vec::new(),
    }
}

/// Tags are digests of names: one has to know the names to read them.
fn tag_names(entry: &PeerEntry) -> String {
    let known = PARTICIPANTS.iter().flat_map(|(name, role)| [*role, *name]);
    let mut names: Vec<&str> = Vec::new();
    for name in known {
        if entry.tags().contains(&Tag::from(name)) && !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// Matches the traders' orders in a book of this process.
fn match_orders() -> Result<(), Box<dyn Error>> {
    let pair: Pair = "ETH/USDC".parse()?;
    let order = |id, trader: &str, side, price, quantity| Order {
        id,
        trader: trader.to_owned(),
        pair: pair.clone(),
        side,
        price,
        quantity,
    };
    let orders = [
        order(1, "alice", Side::Ask, 300_000, 10),
        order(2, "alice", Side::Ask, 301_000, 5),
        order(3, "bob", Side::Bid, 299_000, 8),
        order(4, "bob", Side::Bid, 300_500, 15),
    ];

    info!("submitting orders...");
    let mut book = OrderBook::default();
    let mut fills = Vec::new();
    for order in orders {
        info!("received order: {order}");
        fills.extend(book.place(order)?);
    }
    info!("{} fills produced:", fills.len());
    for fill in &fills {
        info!("  {fill}");
    }

    let depth = book.depth(&pair, LEVELS);
    info!("top of book for {pair}:");
    for ask in depth.asks.iter().rev() {
        info!("  {ask}");
    }
    info!("  ---");
    for bid in &depth.bids {
        info!("  {bid}");
    }
    Ok(())
}

/// Prices shown of each side.
const LEVELS: usize = 5;

/// They need well under a second; more than this is a failure worth reporting.
const MEET_WITHIN: Duration = Duration::from_secs(5);

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);
