use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order")]
#[schema(name = "orders")]
struct Order;

fn main() {}
