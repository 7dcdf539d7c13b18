use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade {
    price: u64,
}

stream!(Trades = Trade, index_by: |trade| trade.prise);

fn main() {}
