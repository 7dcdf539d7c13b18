//! A table of cases, and properties of every sequence of orders.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Fill, Order, OrderBook, Pair, PlaceError, Side};

fn pair() -> Pair {
    "ETH/USDC".parse().unwrap()
}

fn order(id: u64, side: Side, price: u64, quantity: u64) -> Order {
    Order {
        id,
        trader: format!("trader-{id}"),
        pair: pair(),
        side,
        price,
        quantity,
    }
}

fn fill(bid: u64, ask: u64, price: u64, quantity: u64) -> Fill {
    Fill {
        bid,
        ask,
        pair: pair(),
        price,
        quantity,
    }
}

/// Prices, and how much there is at each.
type Prices = Vec<(u64, u128)>;

/// Each side from its best price outwards.
fn levels(book: &OrderBook) -> (Prices, Prices) {
    let depth = book.depth(&pair(), usize::MAX);
    let pairs = |levels: &[super::Level]| levels.iter().map(|l| (l.price, l.quantity)).collect();
    (pairs(&depth.bids), pairs(&depth.asks))
}

#[test]
fn orders_and_fills() {
    use Side::{Ask, Bid};
    struct Case {
        what: &'static str,
        orders: Vec<Order>,
        fills: Vec<Fill>,
        bids: Prices,
        asks: Prices,
    }
    let cases = [
        Case {
            what: "the example's four orders",
            orders: vec![
                order(1, Ask, 300_000, 10),
                order(2, Ask, 301_000, 5),
                order(3, Bid, 299_000, 8),
                order(4, Bid, 300_500, 15),
            ],
            fills: vec![fill(4, 1, 300_000, 10)],
            bids: vec![(300_500, 5), (299_000, 8)],
            asks: vec![(301_000, 5)],
        },
        Case {
            what: "the resting order's price counts, whichever side it is on",
            orders: vec![order(4, Bid, 300_500, 15), order(1, Ask, 300_000, 10)],
            fills: vec![fill(4, 1, 300_500, 10)],
            bids: vec![(300_500, 5)],
            asks: vec![],
        },
        Case {
            what: "best price first, then the oldest",
            orders: vec![
                order(1, Ask, 101, 1),
                order(2, Ask, 100, 1),
                order(3, Ask, 100, 1),
                order(4, Bid, 101, 3),
            ],
            fills: vec![fill(4, 2, 100, 1), fill(4, 3, 100, 1), fill(4, 1, 101, 1)],
            bids: vec![],
            asks: vec![],
        },
        Case {
            what: "a partly filled order keeps its place",
            orders: vec![
                order(1, Bid, 100, 5),
                order(2, Bid, 100, 5),
                order(3, Ask, 100, 2),
                order(4, Ask, 100, 4),
            ],
            fills: vec![fill(1, 3, 100, 2), fill(1, 4, 100, 3), fill(2, 4, 100, 1)],
            bids: vec![(100, 4)],
            asks: vec![],
        },
        Case {
            what: "prices that do not meet",
            orders: vec![order(1, Bid, 99, 5), order(2, Ask, 100, 5)],
            fills: vec![],
            bids: vec![(99, 5)],
            asks: vec![(100, 5)],
        },
    ];
    for Case {
        what,
        orders,
        fills,
        bids,
        asks,
    } in cases
    {
        let mut book = OrderBook::default();
        let got: Vec<Fill> = orders
            .into_iter()
            .flat_map(|order| book.place(order).unwrap())
            .collect();
        assert_eq!(got, fills, "{what}");
        assert_eq!(levels(&book), (bids, asks), "{what}");
    }
}

#[test]
fn refused_orders_change_nothing() {
    let mut book = OrderBook::default();
    book.place(order(1, Side::Bid, 100, 5)).unwrap();
    let before = book.clone();
    let refused = [
        (
            order(2, Side::Bid, 100, 0),
            PlaceError::NoQuantity { id: 2 },
        ),
        (order(2, Side::Bid, 0, 5), PlaceError::NoPrice { id: 2 }),
        (
            order(1, Side::Ask, 100, 5),
            PlaceError::AlreadyOpen { id: 1 },
        ),
    ];
    for (order, error) in refused {
        assert_eq!(book.place(order), Err(error));
        assert_eq!(book, before);
    }
}

#[test]
fn pairs_do_not_meet() {
    let mut book = OrderBook::default();
    book.place(order(1, Side::Ask, 100, 5)).unwrap();
    let other = Order {
        pair: "BTC/USDC".parse().unwrap(),
        ..order(2, Side::Bid, 100, 5)
    };
    assert_eq!(book.place(other), Ok(vec![]));
    assert_eq!(book.open_count(), 2);
}

#[test]
fn cancelled_orders_do_not_trade() {
    let mut book = OrderBook::default();
    book.place(order(1, Side::Ask, 100, 5)).unwrap();
    book.place(order(2, Side::Ask, 100, 5)).unwrap();
    book.place(order(3, Side::Bid, 100, 2)).unwrap();
    assert_eq!(book.cancel(1), Some(order(1, Side::Ask, 100, 3)));
    assert_eq!(book.cancel(1), None);
    assert_eq!(
        book.place(order(4, Side::Bid, 100, 5)),
        Ok(vec![fill(4, 2, 100, 5)])
    );
    assert_eq!(book, OrderBook::default(), "an empty book takes no room");
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let mut book = OrderBook::default();
    for id in 0..3 {
        book.place(order(id, Side::Bid, u64::MAX, u64::MAX))
            .unwrap();
    }
    assert_eq!(levels(&book).0, vec![(u64::MAX, 3 * u128::from(u64::MAX))]);
}

#[test]
fn texts() {
    assert_eq!(
        order(1, Side::Ask, 300_000, 10).to_string(),
        "trader-1 ASK ETH/USDC@300000 qty=10"
    );
    assert_eq!(
        fill(4, 1, 300_000, 10).to_string(),
        "Fill(bid=4, ask=1, ETH/USDC@300000, qty=10)"
    );
    for bad in ["", "ETH", "/USDC", "ETH/", "A/B/C"] {
        assert_eq!(
            bad.parse::<Pair>().unwrap_err().to_string(),
            format!("{bad:?} is not a pair; write it like ETH/USDC")
        );
    }
}

#[derive(Debug, Clone)]
enum Step {
    Place(Order),
    Cancel(u64),
}

/// Few prices and small quantities, so that orders meet, queue and are used up.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0..6u8,
        any::<bool>(),
        95..105u64,
        1..20u64,
        any::<prop::sample::Index>(),
    );
    prop::collection::vec(step, 0..120).prop_map(|steps| {
        let mut out = Vec::new();
        for (position, (kind, buys, price, quantity, victim)) in steps.into_iter().enumerate() {
            let id = position as u64;
            out.push(if kind == 0 && position > 0 {
                Step::Cancel(victim.index(position) as u64)
            } else {
                Step::Place(order(
                    id,
                    if buys { Side::Bid } else { Side::Ask },
                    price,
                    quantity,
                ))
            });
        }
        out
    })
}

/// What an order book is, in the slowest and plainest way: a list of open orders in order of arrival.
#[derive(Default)]
struct Model {
    open: Vec<Order>,
}

impl Model {
    fn place(&mut self, mut taker: Order) -> Vec<Fill> {
        let mut fills = Vec::new();
        while taker.quantity > 0 {
            let candidates = self
                .open
                .iter_mut()
                .filter(|maker| maker.side != taker.side);
            let best = match taker.side {
                Side::Bid => candidates
                    .filter(|ask| ask.price <= taker.price)
                    .min_by_key(|ask| (ask.price, ask.id)),
                Side::Ask => candidates
                    .filter(|bid| bid.price >= taker.price)
                    .min_by_key(|bid| (std::cmp::Reverse(bid.price), bid.id)),
            };
            let Some(maker) = best else { break };
            let quantity = maker.quantity.min(taker.quantity);
            maker.quantity -= quantity;
            taker.quantity -= quantity;
            let (bid, ask) = match taker.side {
                Side::Bid => (taker.id, maker.id),
                Side::Ask => (maker.id, taker.id),
            };
            fills.push(fill(bid, ask, maker.price, quantity));
            self.open.retain(|order| order.quantity > 0);
        }
        if taker.quantity > 0 {
            self.open.push(taker);
        }
        fills
    }

    fn cancel(&mut self, id: u64) -> Option<Order> {
        let index = self.open.iter().position(|order| order.id == id)?;
        Some(self.open.remove(index))
    }
}

proptest! {
    /// Price-time priority: the book does what the plain model does, fill by fill.
    #[test]
    fn agrees_with_the_model(steps in steps()) {
        let (mut book, mut model) = (OrderBook::default(), Model::default());
        for step in steps {
            match step {
                Step::Place(order) => {
                    prop_assert_eq!(book.place(order.clone()).unwrap(), model.place(order));
                }
                Step::Cancel(id) => prop_assert_eq!(book.cancel(id), model.cancel(id)),
            }
            prop_assert_eq!(book.open_count(), model.open.len());
        }
    }

    /// After every step the best bid is below the best ask.
    #[test]
    fn never_crossed(steps in steps()) {
        let mut book = OrderBook::default();
        for step in steps {
            match step {
                Step::Place(order) => drop(book.place(order)),
                Step::Cancel(id) => drop(book.cancel(id)),
            }
            let (bids, asks) = levels(&book);
            if let (Some((bid, _)), Some((ask, _))) = (bids.first(), asks.first()) {
                prop_assert!(bid < ask, "{bid} meets {ask}");
            }
        }
    }

    /// What went in is open, cancelled, or traded with as much of the other side; no trade is at a
    /// price worse than either order's limit.
    #[test]
    fn quantity_is_conserved(steps in steps()) {
        let mut book = OrderBook::default();
        let (mut placed, mut gone) = (BTreeMap::new(), BTreeMap::<u64, u64>::new());
        for step in steps {
            match step {
                Step::Place(order) => {
                    placed.insert(order.id, order.clone());
                    for fill in book.place(order).unwrap() {
                        prop_assert!(fill.quantity > 0);
                        prop_assert!(placed[&fill.bid].price >= fill.price);
                        prop_assert!(placed[&fill.ask].price <= fill.price);
                        *gone.entry(fill.bid).or_default() += fill.quantity;
                        *gone.entry(fill.ask).or_default() += fill.quantity;
                    }
                }
                Step::Cancel(id) => {
                    if let Some(rest) = book.cancel(id) {
                        *gone.entry(id).or_default() += rest.quantity;
                    }
                }
            }
        }
        for (id, order) in &placed {
            let open = book.cancel(*id).map_or(0, |rest| rest.quantity);
            prop_assert_eq!(open + gone.get(id).copied().unwrap_or(0), order.quantity);
        }
        prop_assert_eq!(book, OrderBook::default());
    }

    /// The same steps give the same book, and a copy taken anywhere continues as the original does.
    #[test]
    fn replay_is_deterministic(steps in steps(), cut in any::<prop::sample::Index>()) {
        let run = |book: &mut OrderBook, steps: &[Step]| -> Vec<Fill> {
            let mut fills = Vec::new();
            for step in steps {
                match step {
                    Step::Place(order) => fills.extend(book.place(order.clone()).unwrap()),
                    Step::Cancel(id) => drop(book.cancel(*id)),
                }
            }
            fills
        };
        let cut = if steps.is_empty() { 0 } else { cut.index(steps.len()) };
        let mut whole = OrderBook::default();
        let fills = run(&mut whole, &steps);

        let mut first = OrderBook::default();
        let mut replayed = run(&mut first, &steps[..cut]);
        let snapshot = mosaik::primitives::encoding::try_serialize(&first).unwrap();
        let mut second: OrderBook =
            mosaik::primitives::encoding::deserialize(&snapshot).unwrap();
        replayed.extend(run(&mut second, &steps[cut..]));
        prop_assert_eq!(replayed, fills);
        prop_assert_eq!(second, whole);
    }
}
