use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, require: {
    let asked = std::cell::Cell::new(0);
    move |_| {
        asked.set(asked.get() + 1);
        asked.get() < 3
    }
});

fn main() {}
