use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>,
    history: 3,
    "scores"
}

fn main() {}
