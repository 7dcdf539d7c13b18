#![deny(warnings)]

use mosaik::*;

stream!(pub Names = String, buffer_size: 8, max_consumers: 3, buffer_size: 16);

fn main() {}
