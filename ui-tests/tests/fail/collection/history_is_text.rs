use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    history: "3",
}

fn main() {}
