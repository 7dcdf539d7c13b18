use mosaik::*;

struct Order;

stream!(Many<T> = Vec<T>, "many");

fn send(_: ProducerOf<Many<Order>>) {}

fn main() {}
