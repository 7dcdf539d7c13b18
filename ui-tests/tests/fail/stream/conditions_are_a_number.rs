use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, online_when: 2);

fn main() {}
