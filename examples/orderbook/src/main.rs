//! Five nodes on this host meet, and match four orders.
//!
//! Three matchers and two traders start in one process and find each other: nobody is told an address
//! and nothing is synced by hand. Each prints the tags of the others. Then the traders publish their
//! orders on a stream, a matcher takes them from there into the book of [`orderbook::engine`], and the
//! fills travel back on a stream of their own.
//!
//! The book itself lives on one matcher for now: the other two stand by. A group of the three will
//! replicate it.

use std::{error::Error, future::Future, time::Duration};

use mosaik::{
    Network, NetworkId, Tag,
    discovery::{self, PeerEntry},
    futures::{SinkExt, future::try_join_all},
    streams::{Consumer, Producer},
};
use orderbook::engine::{Fill, Order, OrderBook, Pair, Side};
use tokio::time::{Instant, timeout};
use tracing::info;
use tracing_subscriber::EnvFilter;

/// A name and a role, both of them tags of the node.
type Participant = (&'static str, &'static str);

const PARTICIPANTS: [Participant; 5] = [
    ("matcher_0", "matcher"),
    ("matcher_1", "matcher"),
    ("matcher_2", "matcher"),
    ("trader_a", "trader"),
    ("trader_b", "trader"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let network_id = NetworkId::random();
    let started = Instant::now();
    let nodes = try_join_all(PARTICIPANTS.map(|who| start(network_id, who))).await?;
    for ((name, _), node) in PARTICIPANTS.iter().zip(&nodes) {
        let others = within("the others to be found", others(node)).await?;
        info!("{name} sees {} others:", others.len());
        for other in others {
            info!("  {} tags: {}", other.id().fmt_short(), tag_names(&other));
        }
    }
    info!(
        "all know each other after {} ms",
        started.elapsed().as_millis()
    );

    let [matcher_0, _, _, trader_a, trader_b] = &nodes[..] else {
        return Err("there are five participants".into());
    };
    trade(matcher_0, trader_a, trader_b).await?;

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

/// Orders go from the traders to the matcher, and fills from the matcher to a trader.
async fn trade(
    matcher: &Network,
    trader_a: &Network,
    trader_b: &Network,
) -> Result<(), Box<dyn Error>> {
    let mut orders_a = trader_a.streams().produce::<Order>();
    let mut orders_b = trader_b.streams().produce::<Order>();
    let mut orders = matcher.streams().consume::<Order>();
    within(
        "the order streams",
        orders.when().subscribed().minimum_of(2),
    )
    .await?;
    info!("matcher subscribed to both trader order streams");

    let mut fills = matcher.streams().produce::<Fill>();
    let mut notifications = trader_a.streams().consume::<Fill>();
    within("the fill stream", notifications.when().subscribed()).await?;
    info!("trader_a subscribed to fill stream");

    info!("submitting orders...");
    let pair: Pair = "ETH/USDC".parse()?;
    let order = |id, trader: &str, side, price, quantity| Order {
        id,
        trader: trader.to_owned(),
        pair: pair.clone(),
        side,
        price,
        quantity,
    };
    orders_a
        .send(order(1, "alice", Side::Ask, 300_000, 10))
        .await?;
    orders_a
        .send(order(2, "alice", Side::Ask, 301_000, 5))
        .await?;
    orders_b
        .send(order(3, "bob", Side::Bid, 299_000, 8))
        .await?;
    orders_b
        .send(order(4, "bob", Side::Bid, 300_500, 15))
        .await?;

    let book = within("four orders", match_orders(&mut orders, &mut fills)).await??;
    print_top(&book, &pair);

    if let Some(fill) = within("a fill", notifications.recv()).await? {
        info!("trader_a received fill notification: {fill}");
    }
    Ok(())
}

/// Takes four orders into a book and publishes the fills.
///
/// Which trader's orders arrive first is not fixed, and decides whose price a fill has.
async fn match_orders(
    orders: &mut Consumer<Order>,
    fills: &mut Producer<Fill>,
) -> Result<OrderBook, Box<dyn Error>> {
    let mut book = OrderBook::default();
    let mut filled = Vec::new();
    for _ in 0..4 {
        let order = orders.recv().await.ok_or("the order stream has ended")?;
        info!("received order: {order}");
        filled.extend(book.place(order)?);
    }
    info!("{} fills produced:", filled.len());
    for fill in filled {
        info!("  {fill}");
        fills.send(fill).await?;
    }
    Ok(book)
}

fn print_top(book: &OrderBook, pair: &Pair) {
    let depth = book.depth(pair, LEVELS);
    info!("top of book for {pair}:");
    for ask in depth.asks.iter().rev() {
        info!("  {ask}");
    }
    info!("  ---");
    for bid in &depth.bids {
        info!("  {bid}");
    }
}

/// Waits, but not for ever: whoever runs this wants to know what does not happen.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T, String> {
    timeout(PATIENCE, future)
        .await
        .map_err(|_| format!("waited {PATIENCE:?} for {what} in vain"))
}

/// Prices shown of each side.
const LEVELS: usize = 5;

/// Each step takes well under a second; more than this is a failure worth reporting.
const PATIENCE: Duration = Duration::from_secs(5);

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);
