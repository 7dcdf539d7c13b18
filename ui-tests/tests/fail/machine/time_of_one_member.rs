use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

fn seconds(at: std::time::SystemTime) -> u64 {
    at.elapsed().map_or(0, |age| age.as_secs())
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn stamp(&mut self) {
        self.sum = seconds(std::time::SystemTime::now());
    }
}

fn main() {}
