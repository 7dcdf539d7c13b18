use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(producer Trades = Trade);

fn consumer(_: ConsumerOf<Trades>) {}

fn main() {}
