use mosaik::collections::Map;

mosaik::collection! {
    Scores: Map<String, u64>, "scores"
}

fn main() {}
