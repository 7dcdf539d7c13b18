use mosaik::*;

struct Order;

stream!(Orders = Order);

fn main() {}
