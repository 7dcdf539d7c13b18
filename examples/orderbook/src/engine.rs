//! A limit order book with price-time priority, as a pure value.
//!
//! It knows nothing of networks, clocks or tasks: the same orders in the same sequence give the same
//! book and the same fills on every machine. That is what lets a group of nodes replicate it.
//!
//! Prices and quantities are integers in the smallest unit of the pair. An order may trade with an
//! earlier one of the same trader; preventing that is a policy that this book does not have.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// What is traded for what, written `ETH/USDC`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pair {
    base: String,
    quote: String,
}

/// The side of the book that an order belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Buys the base currency.
    Bid,
    /// Sells the base currency.
    Ask,
}

/// A limit order: buy or sell up to `quantity` at `price` or better.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// Chosen by the sender; unique among the orders that are open.
    pub id: u64,
    /// Who sent it.
    pub trader: String,
    /// What is traded.
    pub pair: Pair,
    /// Buy or sell.
    pub side: Side,
    /// The worst acceptable price of one unit.
    pub price: u64,
    /// How many units are wanted; at least one.
    pub quantity: u64,
}

/// A trade between two orders, at the price of the one that was there first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fill {
    /// The order that buys.
    pub bid: u64,
    /// The order that sells.
    pub ask: u64,
    /// What was traded.
    pub pair: Pair,
    /// The price of one unit.
    pub price: u64,
    /// How many units changed hands.
    pub quantity: u64,
}

/// All that is wanted or offered at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Level {
    /// Buy or sell.
    pub side: Side,
    /// The price of one unit.
    pub price: u64,
    /// The open units of all orders here. Wider than an order's quantity, so that it cannot overflow.
    pub quantity: u128,
}

/// The best prices of one pair, each side from its best price outwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Depth {
    /// What is traded.
    pub pair: Pair,
    /// Best (highest) first.
    pub bids: Vec<Level>,
    /// Best (lowest) first.
    pub asks: Vec<Level>,
}

/// Why an order was refused. The book is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PlaceError {
    /// An order for nothing.
    NoQuantity {
        /// The refused order.
        id: u64,
    },
    /// An order for nothing in return.
    NoPrice {
        /// The refused order.
        id: u64,
    },
    /// An order with this id is open.
    AlreadyOpen {
        /// The refused order.
        id: u64,
    },
}

/// A text that is not a pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParsePairError(String);

/// The open orders of all pairs.
///
/// Every operation is total: no input can make it panic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBook {
    markets: BTreeMap<Pair, Market>,
    /// Where each open order rests, so that cancelling does not search.
    open: BTreeMap<u64, Location>,
}

impl OrderBook {
    /// Matches an order against the other side, best price first, oldest first at one price, and
    /// lets what remains rest in the book.
    pub fn place(&mut self, order: Order) -> Result<Vec<Fill>, PlaceError> {
        let id = order.id;
        if order.quantity == 0 {
            return Err(PlaceError::NoQuantity { id });
        }
        if order.price == 0 {
            return Err(PlaceError::NoPrice { id });
        }
        if self.open.contains_key(&id) {
            return Err(PlaceError::AlreadyOpen { id });
        }

        let market = self.markets.entry(order.pair.clone()).or_default();
        let mut remaining = order.quantity;
        let mut fills = Vec::new();
        while remaining > 0 {
            let Some(mut level) = market.best_against(order.side, order.price) else {
                break;
            };
            let price = *level.key();
            let queue = level.get_mut();
            while remaining > 0 {
                let Some(first) = queue.front_mut() else {
                    break;
                };
                let quantity = remaining.min(first.remaining);
                let (bid, ask) = match order.side {
                    Side::Bid => (id, first.id),
                    Side::Ask => (first.id, id),
                };
                fills.push(Fill {
                    bid,
                    ask,
                    pair: order.pair.clone(),
                    price,
                    quantity,
                });
                remaining -= quantity;
                first.remaining -= quantity;
                if first.remaining == 0 {
                    self.open.remove(&first.id);
                    queue.pop_front();
                }
            }
            if queue.is_empty() {
                level.remove();
            }
        }

        if remaining > 0 {
            let location = Location {
                pair: order.pair.clone(),
                side: order.side,
                price: order.price,
            };
            let resting = Resting {
                id,
                trader: order.trader,
                remaining,
            };
            market
                .side_mut(order.side)
                .entry(order.price)
                .or_default()
                .push_back(resting);
            self.open.insert(id, location);
        }
        self.forget_if_empty(&order.pair);
        Ok(fills)
    }

    /// Takes an open order out and returns what was left of it; `None` if no such order is open.
    pub fn cancel(&mut self, id: u64) -> Option<Order> {
        let Location { pair, side, price } = self.open.remove(&id)?;
        let levels = self.markets.get_mut(&pair)?.side_mut(side);
        let queue = levels.get_mut(&price)?;
        let index = queue.iter().position(|resting| resting.id == id)?;
        let resting = queue.remove(index)?;
        if queue.is_empty() {
            levels.remove(&price);
        }
        self.forget_if_empty(&pair);
        let Resting {
            id,
            trader,
            remaining,
        } = resting;
        Some(Order {
            id,
            trader,
            pair,
            side,
            price,
            quantity: remaining,
        })
    }

    /// The best `levels` prices of each side.
    pub fn depth(&self, pair: &Pair, levels: usize) -> Depth {
        let market = self.markets.get(pair);
        let level = |side, (&price, queue): (&u64, &VecDeque<Resting>)| {
            let quantity = queue
                .iter()
                .map(|resting| u128::from(resting.remaining))
                .sum();
            Level {
                side,
                price,
                quantity,
            }
        };
        let bids = market
            .into_iter()
            .flat_map(|market| market.bids.iter().rev());
        let asks = market.into_iter().flat_map(|market| market.asks.iter());
        Depth {
            pair: pair.clone(),
            bids: bids
                .take(levels)
                .map(|entry| level(Side::Bid, entry))
                .collect(),
            asks: asks
                .take(levels)
                .map(|entry| level(Side::Ask, entry))
                .collect(),
        }
    }

    /// The number of open orders of all pairs.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Pairs that nobody trades any more take no room.
    fn forget_if_empty(&mut self, pair: &Pair) {
        if self.markets.get(pair).is_some_and(Market::is_empty) {
            self.markets.remove(pair);
        }
    }
}

/// The open orders of one pair. No level is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Market {
    bids: Levels,
    asks: Levels,
}

/// Price to the orders that rest there, oldest first.
type Levels = BTreeMap<u64, VecDeque<Resting>>;

type LevelEntry<'a> = std::collections::btree_map::OccupiedEntry<'a, u64, VecDeque<Resting>>;

impl Market {
    fn side_mut(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// The best level of the other side, if an order of `side` at `price` trades with it.
    fn best_against(&mut self, side: Side, price: u64) -> Option<LevelEntry<'_>> {
        match side {
            Side::Bid => self
                .asks
                .first_entry()
                .filter(|level| *level.key() <= price),
            Side::Ask => self.bids.last_entry().filter(|level| *level.key() >= price),
        }
    }

    fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

/// An order in the book; its price, side and pair are where it rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Resting {
    id: u64,
    trader: String,
    remaining: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Location {
    pair: Pair,
    side: Side,
    price: u64,
}

impl Pair {
    /// A pair from its two currencies, as in `Pair::new("ETH", "USDC")`.
    pub fn new(base: &str, quote: &str) -> Result<Self, ParsePairError> {
        format!("{base}/{quote}").parse()
    }
}

impl FromStr for Pair {
    type Err = ParsePairError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((base, quote))
                if !base.is_empty() && !quote.is_empty() && !quote.contains('/') =>
            {
                Ok(Self {
                    base: base.to_owned(),
                    quote: quote.to_owned(),
                })
            }
            _ => Err(ParsePairError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Pair {
    type Error = ParsePairError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pair> for String {
    fn from(pair: Pair) -> Self {
        pair.to_string()
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bid => "BID",
            Self::Ask => "ASK",
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trader,
            side,
            pair,
            price,
            quantity,
            ..
        } = self;
        write!(f, "{trader} {side} {pair}@{price} qty={quantity}")
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bid,
            ask,
            pair,
            price,
            quantity,
        } = self;
        write!(
            f,
            "Fill(bid={bid}, ask={ask}, {pair}@{price}, qty={quantity})"
        )
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} x {}", self.side, self.price, self.quantity)
    }
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQuantity { id } => write!(f, "order {id} has no quantity"),
            Self::NoPrice { id } => write!(f, "order {id} has no price"),
            Self::AlreadyOpen { id } => write!(f, "an order {id} is open already"),
        }
    }
}

impl std::error::Error for PlaceError {}

impl fmt::Display for ParsePairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a pair; write it like ETH/USDC", self.0)
    }
}

impl std::error::Error for ParsePairError {}

#[cfg(test)]
mod tests;
