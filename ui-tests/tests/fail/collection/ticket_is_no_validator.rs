use mosaik::collections::Map;

struct Ticket;

mosaik::collection! {
    Scores = Map<String, u64>, "scores",
    require_ticket: Ticket,
}

fn main() {}
