use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    formation: Some(3),
}

fn main() {}
