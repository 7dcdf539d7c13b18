use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, online_when: |c| { c.minimum_of(2); });

fn main() {}
