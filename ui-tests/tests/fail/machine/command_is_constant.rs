use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    const BY: u64 = 3;

    #[command]
    fn add(&mut self) {
        self.sum += Self::BY;
    }
}

fn main() {}
