use mosaik::collections::Map;

mosaik::collection! {
    reader pub Scores = Map<String, u64>, "scores"
}

fn main() {}
