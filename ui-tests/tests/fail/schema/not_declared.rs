use mosaik::Schema;

struct Order;

fn name<T: Schema>() -> &'static str {
    T::NAME
}

fn main() {
    let _ = name::<Order>();
}
