use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>,
    require_ticket: ticket(),
}

fn main() {}
