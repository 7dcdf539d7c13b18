use mosaik::*;

const ID: UniqueId = unique_id!('t');

fn main() {}
