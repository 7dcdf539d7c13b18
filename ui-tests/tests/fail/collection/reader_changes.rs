use mosaik::collections::Map;
use mosaik::{CollectionReader, Network};

mosaik::collection!(Scores = Map<String, u64>, "scores");

fn uses(network: &Network) {
    let scores = Scores::reader(network);
    drop(scores.insert("ann".into(), 5));
}

fn main() {}
