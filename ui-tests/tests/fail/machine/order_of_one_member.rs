use std::collections::HashMap;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn count(&mut self, words: Vec<String>) {
        let mut counts = HashMap::new();
        for word in words {
            *counts.entry(word).or_insert(0u64) += 1;
        }
        self.sum = counts.into_values().next().unwrap_or(0);
    }
}

fn main() {}
