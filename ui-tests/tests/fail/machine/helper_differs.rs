use std::collections::HashSet;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn roll(&mut self) {
        self.sum = self.chance();
    }

    fn chance(&self) -> u64 {
        let seen: HashSet<u64> = [1, 2].into();
        seen.into_iter().next().unwrap_or(0)
    }
}

fn main() {}
