use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    require: |peer| true,
}

fn main() {}
