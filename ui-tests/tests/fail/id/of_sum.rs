use mosaik::*;

const ID: UniqueId = unique_id!("trades" + ".v1");

fn main() {}
