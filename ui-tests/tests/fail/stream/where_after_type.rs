use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Many<T> = Vec<T> where T: Serialize + for<'de> Deserialize<'de>);

fn main() {}
