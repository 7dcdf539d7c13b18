use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[derive(Serialize, Deserialize)]
struct Money(u64);

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn add(&mut self, by: Money) {
        self.sum += by.0;
    }
}

fn main() {}
