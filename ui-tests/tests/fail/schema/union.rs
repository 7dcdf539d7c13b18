use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order")]
union Order {
    price: u64,
    amount: u64,
}

fn main() {}
