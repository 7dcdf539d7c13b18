use mosaik::*;

const ID: UniqueId = id!("trades" @);

fn main() {}
