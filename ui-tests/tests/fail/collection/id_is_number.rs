use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, 3
}

fn main() {}
