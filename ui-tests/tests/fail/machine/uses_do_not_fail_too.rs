use mosaik::{Group, Network};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    async fn add(&mut self, by: &str, amount: u64) -> u64 {
        self.sum + amount + by.len() as u64
    }

    #[query]
    fn sum(&self, of: u64) -> u64 {
        self.sum + of
    }
}

async fn uses(network: &Network) -> Option<u64> {
    let bank: Group<Bank> = network
        .groups()
        .with_key("bank")
        .with_state_machine(Bank::default())
        .join();
    let added: u64 = bank.add("ann".into(), 5).await.ok()?;
    let sum: u64 = bank.sum(3).weak().await.ok()?;
    Some(added + sum)
}

fn main() {}
