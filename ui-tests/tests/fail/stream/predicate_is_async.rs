use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, require: async |peer| true);

fn main() {}
