use mosaik::collections::Map;

mosaik::collection! {
    raeder Scores = Map<String, u64>, "scores"
}

fn main() {}
