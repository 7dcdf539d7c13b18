use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Iterator for Bank {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        None
    }
}

fn main() {}
