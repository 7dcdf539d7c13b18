use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    require_ticket
}

fn main() {}
