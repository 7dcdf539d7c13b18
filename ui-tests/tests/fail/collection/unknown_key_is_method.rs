use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    with_sync: 3,
}

fn main() {}
