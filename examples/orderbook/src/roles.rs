//! What the nodes do: matchers hold the book, traders send orders and hear of fills.

use std::{error::Error, future::Future, time::Duration};

use mosaik::{
    Network, NetworkId, Tag,
    discovery::{self, PeerEntry},
    futures::SinkExt,
    groups::Formation,
};
use orderbook::{
    engine::{Depth, Fill, Order, Pair, Side},
    exchange::{Exchange, ExchangeGroup, Placed},
};
use tokio::time::timeout;
use tracing::info;

pub(crate) type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// A name and a role, both of them tags of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Participant {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Matcher,
    Trader,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Matcher => "matcher",
            Self::Trader => "trader",
        }
    }
}

pub(crate) const PARTICIPANTS: [Participant; 5] = [
    matcher("matcher_0"),
    matcher("matcher_1"),
    matcher("matcher_2"),
    trader("trader_a"),
    trader("trader_b"),
];

const fn matcher(name: &'static str) -> Participant {
    let role = Role::Matcher;
    Participant { name, role }
}

const fn trader(name: &'static str) -> Participant {
    let role = Role::Trader;
    Participant { name, role }
}

const MATCHERS_COUNT: usize = 3;
const TRADERS_COUNT: usize = 2;
const ORDERS_COUNT: u64 = 4;

/// Opens a node that stays on this host.
pub(crate) async fn start(
    network_id: NetworkId,
    who: Participant,
) -> Result<Network, mosaik::network::Error> {
    Network::builder(network_id)
        .loopback()
        .with_discovery(discovery::Config::builder().with_tags([who.name, who.role.name()]))
        .build()
        .await
}

/// Waits until `node` knows all the others, and prints their tags.
pub(crate) async fn meet(node: &Network, name: &str) -> Outcome {
    let mut catalog = node.discovery().catalog_watch();
    let all = |catalog: &discovery::Catalog| catalog.peers().count() == PARTICIPANTS.len() - 1;
    let others: Vec<PeerEntry> = {
        let known = within("the others to be found", catalog.wait_for(all)).await??;
        known.peers().cloned().collect()
    };
    info!("{name} sees {} others:", others.len());
    for other in others {
        info!("  {} tags: {}", other.id().fmt_short(), tag_names(&other));
    }
    Ok(())
}

/// Tags are digests of names: one has to know the names to read them.
fn tag_names(entry: &PeerEntry) -> String {
    let known = PARTICIPANTS
        .iter()
        .flat_map(|who| [who.role.name(), who.name]);
    let mut names: Vec<&str> = Vec::new();
    for name in known {
        if entry.tags().contains(&Tag::from(name)) && !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// Takes orders into the replicated book and publishes fills, until `stop`, but all orders in any case.
///
/// Every matcher hands in every order. The book takes it once, and whoever was first publishes the fills.
pub(crate) async fn match_orders(
    node: &Network,
    name: &str,
    stop: impl Future<Output = ()>,
) -> Outcome {
    let groups = node.groups().with_key("orderbook");
    // One history, founded by all three: from the first order on, an order that is acknowledged is kept.
    let exchange = groups
        .with_state_machine(Exchange::default())
        .with_formation(Formation::Expect(MATCHERS_COUNT))
        .join();
    let mut fills = node.streams().produce::<Fill>();
    within("the exchange", exchange.when().online()).await?;
    info!("{name} holds the book: {}", exchange.status());
    // Traders begin when all matchers listen.
    let mut orders = node.streams().consume::<Order>();
    let traders = orders.when().subscribed().minimum_of(TRADERS_COUNT);
    within("the order streams", traders).await?;
    info!("{name} subscribed to both trader order streams");

    let mut stop = std::pin::pin!(stop);
    let mut received_count = 0;
    loop {
        let order = tokio::select! {
            order = orders.recv() => order.ok_or("the order stream has ended")?,
            () = &mut stop, if received_count >= ORDERS_COUNT => break,
        };
        info!("{name} received order: {order}");
        match within("an order to be placed", exchange.place(order)).await?? {
            Placed::New(filled) => {
                for fill in filled {
                    info!("{name} fill produced: {fill}");
                    fills.send(fill).await?;
                }
            }
            Placed::Repeated => {}
            Placed::Refused(error) => info!("{name} refused: {error}"),
        }
        received_count += 1;
        if received_count == ORDERS_COUNT {
            let depth = exchange.depth(pair()?, LEVELS);
            print_top(name, &within("the depth", depth).await??);
        }
    }
    Ok(())
}

/// Sends orders and waits to hear of a fill.
pub(crate) async fn trade(node: &Network, name: &str) -> Outcome {
    let mut orders = node.streams().produce::<Order>();
    let mut fills = node.streams().consume::<Fill>();
    let matchers = orders.when().subscribed().minimum_of(MATCHERS_COUNT);
    within("the matchers to listen", matchers).await?;
    let matchers = fills.when().subscribed().minimum_of(MATCHERS_COUNT);
    within("the fill streams", matchers).await?;
    info!("{name} subscribed to fill stream");
    for order in orders_of(name)? {
        info!("{name} submits {order}");
        orders.send(order).await?;
    }
    let fill = within("a fill", fills.recv()).await?;
    let fill = fill.ok_or("the fill stream has ended")?;
    info!("{name} received fill notification: {fill}");
    Ok(())
}

/// Which trader's orders arrive first is not fixed, and decides whose price the fill has.
fn orders_of(name: &str) -> Result<Vec<Order>, Box<dyn Error + Send + Sync>> {
    let pair = pair()?;
    let order = |id, trader: &str, side, price, quantity| Order {
        id,
        trader: trader.to_owned(),
        pair: pair.clone(),
        side,
        price,
        quantity,
    };
    Ok(if name == "trader_a" {
        vec![
            order(1, "alice", Side::Ask, 300_000, 10),
            order(2, "alice", Side::Ask, 301_000, 5),
        ]
    } else {
        vec![
            order(3, "bob", Side::Bid, 299_000, 8),
            order(4, "bob", Side::Bid, 300_500, 15),
        ]
    })
}

fn pair() -> Result<Pair, Box<dyn Error + Send + Sync>> {
    "ETH/USDC"
        .parse()
        .map_err(|error| format!("{error:?}").into())
}

fn print_top(name: &str, depth: &Depth) {
    info!("{name} sees the top of book for {}:", depth.pair);
    for ask in depth.asks.iter().rev() {
        info!("  {ask}");
    }
    info!("  ---");
    for bid in &depth.bids {
        info!("  {bid}");
    }
}

/// Waits, but not for ever: whoever runs this wants to know what does not happen.
async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> Result<T, String> {
    timeout(PATIENCE, future)
        .await
        .map_err(|_| format!("waited {PATIENCE:?} for {what} in vain"))
}

/// Prices shown of each side.
const LEVELS: u64 = 5;

/// Each step takes well under a second; more than this is a failure worth reporting.
const PATIENCE: Duration = Duration::from_secs(10);
