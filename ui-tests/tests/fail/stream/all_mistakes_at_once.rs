use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream! {
    pub Trades = Trade, "trades",
    buffer_size: 0,
    colour: "red",
    consumer history: 3,
    require: |a, b| true,
    online_when:
}

fn main() {}
