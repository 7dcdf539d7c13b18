//! The book as a replicated state machine: every member takes the same orders, each once, in one order.

use std::collections::BTreeSet;

use mosaik::state_machine;
use serde::{Deserialize, Serialize};

use crate::engine::{Depth, Fill, Order, OrderBook, Pair, PlaceError};

/// The book, and which orders it has taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    book: OrderBook,
    taken: BTreeSet<u64>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placed {
    /// It traded with those that were there, as far as they went.
    New(Vec<Fill>),
    /// Another matcher was faster: it is in the book already.
    Repeated,
    /// It makes no sense.
    Refused(PlaceError),
}

#[state_machine(id = "orderbook.exchange.v1")]
impl Exchange {
    /// Takes an order. Every matcher hands in every order, so that none is lost with a matcher.
    #[command]
    pub fn place(&mut self, order: Order) -> Placed {
        if !self.taken.insert(order.id) {
            return Placed::Repeated;
        }
        match self.book.place(order) {
            Ok(fills) => Placed::New(fills),
            Err(error) => Placed::Refused(error),
        }
    }

    /// The best prices.
    #[query]
    pub fn depth(&self, pair: Pair, levels: u64) -> Depth {
        let levels = usize::try_from(levels).unwrap_or(usize::MAX);
        self.book.depth(&pair, levels)
    }

    /// How many orders were taken.
    #[query]
    pub fn taken_count(&self) -> u64 {
        self.taken.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Side;

    #[test]
    fn each_order_is_taken_once() {
        let order = |id, side, quantity| Order {
            id,
            trader: "t".to_owned(),
            pair: "ETH/USDC".parse().unwrap(),
            side,
            price: 100,
            quantity,
        };
        let mut exchange = Exchange::default();
        let ask = order(1, Side::Ask, 5);
        assert_eq!(exchange.place(ask.clone()), Placed::New(Vec::new()));
        assert_eq!(exchange.place(ask.clone()), Placed::Repeated);
        let Placed::New(fills) = exchange.place(order(2, Side::Bid, 5)) else {
            panic!("a new order is new");
        };
        assert_eq!(fills.len(), 1);
        // Filled, and not open any more: still not taken again.
        assert_eq!(exchange.place(ask), Placed::Repeated);
        let refused = exchange.place(order(3, Side::Bid, 0));
        assert_eq!(refused, Placed::Refused(PlaceError::NoQuantity { id: 3 }));
        assert_eq!(exchange.taken_count(), 3);
        let depth = exchange.depth("ETH/USDC".parse().unwrap(), 5);
        assert!(depth.asks.is_empty() && depth.bids.is_empty());
    }
}
