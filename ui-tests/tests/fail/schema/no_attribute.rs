use mosaik::Schema;

#[derive(Schema)]
struct Order;

fn main() {}
