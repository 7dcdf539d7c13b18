use mosaik::*;

const ID: UniqueId = unique_id!("trades", "eu");

fn main() {}
