use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order", version = -1)]
struct Order;

fn main() {}
