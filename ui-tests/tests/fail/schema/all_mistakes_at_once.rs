use mosaik::Schema;

#[derive(Schema)]
#[schema(version = 0, colour = 3)]
struct Order<T> {
    #[schema(name = "price")]
    price: T,
}

fn main() {}
