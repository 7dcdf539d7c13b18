use mosaik::Schema;

#[derive(Schema)]
#[schema(version = 2)]
struct Order;

fn main() {}
