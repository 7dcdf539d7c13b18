use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = );

fn main() {}
