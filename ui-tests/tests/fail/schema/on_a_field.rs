use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order")]
struct Order {
    #[schema(name = "price")]
    price: u64,
}

fn main() {}
