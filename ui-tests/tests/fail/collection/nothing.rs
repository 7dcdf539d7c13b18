mosaik::collection! {}

fn main() {}
