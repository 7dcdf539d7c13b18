use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order", version = 4294967296)]
struct Order;

fn main() {}
