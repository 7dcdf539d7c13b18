use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order", version = 0)]
struct Order;

fn main() {}
