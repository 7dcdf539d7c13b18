use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

const ID: u64 = 42;

stream!(Trades = Trade, ID);

fn main() {}
