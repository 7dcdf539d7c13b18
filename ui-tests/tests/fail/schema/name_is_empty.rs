use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "")]
struct Order;

fn main() {}
