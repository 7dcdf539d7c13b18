use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, "trades", buffer_size: 8 +, max_consumers: 3);

fn main() {}
