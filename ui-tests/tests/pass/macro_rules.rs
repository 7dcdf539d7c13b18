//! Declarations written by the user's own macros.

use super::Trade;
use mosaik::*;

macro_rules! market {
    ($(#[$attr:meta])* $vis:vis $name:ident: $datum:ty, $id:literal, $limit:expr, $key:ident = $value:expr) => {
        stream! {
            $(#[$attr])*
            $vis $name = $datum, $id,
            max_consumers: $limit,
            $key: $value,
        }
    };
}

market!(
    /// All trades.
    pub Trades: Trade, "market.trades", 3, require = |peer| !peer.tags().is_empty()
);
market!(pub(crate) Lists: Vec<Trade>, "market.lists", 1 + 2, queue_size = 8);

macro_rules! named {
    ($name:literal) => {
        const NAMED: UniqueId = unique_id!($name);
    };
}

named!("market");

#[test]
fn literals_pass_through() {
    assert_eq!(NAMED, UniqueId::from("market"));
}
