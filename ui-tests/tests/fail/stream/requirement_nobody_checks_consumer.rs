use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(consumer Trades = Trade, "trades", consumer require: |_| true);

fn main() {}
