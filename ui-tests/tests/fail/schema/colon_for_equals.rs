use mosaik::Schema;

#[derive(Schema)]
#[schema(name: "order")]
struct Order;

fn main() {}
