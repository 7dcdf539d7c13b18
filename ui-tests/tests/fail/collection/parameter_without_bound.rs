use mosaik::collections::Map;

mosaik::collection! {
    Scores<T> = Map<String, T>, "scores"
}

fn main() {}
