use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order", versoin = 2)]
struct Order;

fn main() {}
