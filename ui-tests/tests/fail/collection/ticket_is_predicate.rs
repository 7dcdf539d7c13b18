use mosaik::collections::Map;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    require_ticket: |peer| true,
}

fn main() {}
