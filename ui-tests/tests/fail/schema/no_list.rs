use mosaik::Schema;

#[derive(Schema)]
#[schema]
struct Order;

fn main() {}
