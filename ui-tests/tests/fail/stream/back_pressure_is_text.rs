use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, back_pressure: "drop oldest");

fn main() {}
