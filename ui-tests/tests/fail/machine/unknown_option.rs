use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(idd = "bank.v1")]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.sum += by;
    }
}

fn main() {}
