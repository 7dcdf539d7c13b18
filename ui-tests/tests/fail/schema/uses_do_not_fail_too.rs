use mosaik::Schema;

#[derive(Schema)]
#[schema(nam = "order")]
struct Order;

fn main() {
    let _ = (Order::NAME, Order::VERSION);
}
