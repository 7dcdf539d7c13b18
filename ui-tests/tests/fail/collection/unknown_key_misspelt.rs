use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    require_tickets: 3,
}

fn main() {}
