use mosaik::collections::Map;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Name(String);

mosaik::collection! {
    Scores = Map<Name, u64>, "scores"
}

fn main() {}
