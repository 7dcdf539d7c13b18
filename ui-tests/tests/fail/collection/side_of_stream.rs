use mosaik::collections::Map;

mosaik::collection! {
    producer Scores = Map<String, u64>, "scores"
}

fn main() {}
