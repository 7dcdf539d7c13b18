use mosaik::*;

const ID: UniqueId = unique_id!();

fn main() {}
