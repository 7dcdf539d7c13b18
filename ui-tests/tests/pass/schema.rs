//! Types with a name and a version of their own.

use mosaik::*;
use serde::{Deserialize, Serialize};

mod model {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, Schema)]
    #[schema(name = "market.order", version = 2)]
    pub(super) struct Order {
        price: u64,
    }

    #[derive(Serialize, Deserialize, mosaik::Schema)]
    #[schema(name = "market:side/eu_1-a")]
    pub(super) enum Side {
        Buy,
        Sell { amount: u64 },
    }
}

use model::{Order, Side};

stream!(Orders = Order);

#[test]
fn names_and_versions() {
    assert_eq!((Order::NAME, Order::VERSION), ("market.order", 2));
    assert_eq!((Side::NAME, Side::VERSION), ("market:side/eu_1-a", 1));
}

#[test]
fn the_derived_stream_id_follows_the_name() {
    assert_eq!(Order::derived_stream_id(), StreamId::from("market.order@2"));
    assert_eq!(
        Vec::<Side>::derived_stream_id(),
        StreamId::from("Vec<market:side/eu_1-a@1>")
    );
}

#[test]
fn inside_a_function() {
    #[derive(Serialize, Deserialize, Schema)]
    #[schema(name = "local")]
    struct Local;

    assert_eq!(Local::derived_stream_id(), StreamId::from("local@1"));
}
