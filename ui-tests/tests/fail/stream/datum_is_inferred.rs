use mosaik::*;

stream!(Things = _);

fn main() {}
