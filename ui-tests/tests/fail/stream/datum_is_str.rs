use mosaik::*;

stream!(Names = &str);

fn main() {}
