use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn add(&mut self, by: impl Into<u64>) {
        self.sum += by.into();
    }
}

fn main() {}
