use mosaik::*;

const ID: UniqueId = id!(42);

fn main() {}
