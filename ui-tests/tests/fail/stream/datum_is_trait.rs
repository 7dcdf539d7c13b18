use mosaik::*;

stream!(Things = dyn std::fmt::Debug);

fn main() {}
