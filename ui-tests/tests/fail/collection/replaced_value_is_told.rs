#![deny(deprecated)]

use mosaik::collections::Map;

mosaik::collection! {
    pub Scores = Map<String, u64>, "scores",
    history: 3,
    history: 4,
}

fn main() {}
