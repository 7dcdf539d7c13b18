use mosaik::*;

stream!(Numbers = [u8]);

fn main() {}
