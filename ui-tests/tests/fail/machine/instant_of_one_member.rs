use std::time::Instant;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn stamp(&mut self) {
        self.sum = Instant::now().elapsed().as_secs();
    }
}

fn main() {}
