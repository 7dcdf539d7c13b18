use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade {
    price: f64,
}

stream!(Trades = Trade, index_by: |trade| trade.price);

fn main() {}
