use mosaik::collections::Map;

mosaik::collection! {
    struct Scores = Map<String, u64>, "scores"
}

fn main() {}
