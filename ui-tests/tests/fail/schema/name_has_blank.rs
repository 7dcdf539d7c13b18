use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "my order")]
struct Order;

fn main() {}
