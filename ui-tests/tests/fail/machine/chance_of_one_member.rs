use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

mod rand {
    pub fn random() -> u64 {
        4
    }
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn roll(&mut self) {
        self.sum = rand::random();
    }
}

fn main() {}
