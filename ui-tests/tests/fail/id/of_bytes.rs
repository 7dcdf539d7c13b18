use mosaik::*;

const ID: UniqueId = unique_id!(b"trades");

fn main() {}
