use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    reader require_ticket: ticket(),
}

fn main() {}
