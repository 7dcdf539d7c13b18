use mosaik::collections::Map;

mosaik::collection! {
    reader writer Scores = Map<String, u64>, "scores"
}

fn main() {}
