use mosaik::*;

const ID: UniqueId = unique_id!(concat!("trades", ".v1"));

fn main() {}
