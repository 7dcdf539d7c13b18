use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    colour: 3,
}

fn main() {}
