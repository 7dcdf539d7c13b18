use mosaik::collections::Map;
use mosaik::{Network, WriterOf};

mosaik::collection!(reader Scores = Map<String, u64>, "scores");

fn uses(scores: WriterOf<Scores>, network: &Network) {}

fn main() {}
