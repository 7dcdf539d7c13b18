use mosaik::groups::ApplyContext;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn add(&mut self, one: &dyn ApplyContext, two: &dyn ApplyContext) {
        self.sum += one.random() + two.random();
    }
}

fn main() {}
