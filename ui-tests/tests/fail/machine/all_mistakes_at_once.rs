use mosaik::groups::ApplyContext;
use serde::{Deserialize, Serialize};
use std::time::Instant;

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(ident = "bank.v1")]
impl Bank {
    #[command]
    async fn add(&self, by: &u64, ctx: &dyn ApplyContext) {
        drop((by, ctx.random()));
    }

    #[command]
    fn set(&mut self, to: u64) {
        self.sum = to + Instant::now().elapsed().as_secs();
    }

    #[query]
    fn sum(&mut self, (a, b): (u64, u64)) -> u64 {
        self.sum + a + b
    }
}

fn main() {}
