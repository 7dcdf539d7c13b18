use mosaik::*;

const ID: UniqueId = unique_id!("trades"_id);

fn main() {}
