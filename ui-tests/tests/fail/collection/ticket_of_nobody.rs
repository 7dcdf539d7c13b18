use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    owner require_ticket: ticket(),
}

fn main() {}
