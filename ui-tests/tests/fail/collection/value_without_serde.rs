use mosaik::collections::Map;

#[derive(Clone)]
struct Score(u64);

mosaik::collection! {
    Scores = Map<String, Score>, "scores"
}

fn main() {}
