use mosaik::*;

stream!(Names = Vec<&str>);

fn main() {}
