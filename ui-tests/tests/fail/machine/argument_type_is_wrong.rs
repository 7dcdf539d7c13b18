use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.sum += by;
    }
}

fn main() {}

async fn uses(bank: mosaik::Group<Bank>) {
    bank.add("5").await.ok();
}
