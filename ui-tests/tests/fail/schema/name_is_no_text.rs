use mosaik::Schema;

#[derive(Schema)]
#[schema(name = Order)]
struct Order;

fn main() {}
