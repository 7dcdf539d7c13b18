use mosaik::*;

const NAME: &str = "trades";
const ID: UniqueId = unique_id!(NAME);

fn main() {}
