use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, vec![1]
}

fn main() {}
