use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(producer Trades = Trade, consumer online_when: |c| c.minimum_of(2));

fn main() {}
