use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    sync: 3,
}

fn main() {}
