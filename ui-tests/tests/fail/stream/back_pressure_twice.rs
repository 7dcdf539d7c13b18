use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream! {
    Trades = Trade,
    disconnect_lagging: true,
    back_pressure: streams::BackPressure::Block,
}

fn main() {}
