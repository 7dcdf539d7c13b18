use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(producer Trades = Trade, queue_size: 8);

fn main() {}
