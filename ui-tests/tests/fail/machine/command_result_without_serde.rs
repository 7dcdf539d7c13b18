use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Bank {
    sum: u64,
}

struct TooMuch;

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) -> Result<(), TooMuch> {
        self.sum = self.sum.checked_add(by).ok_or(TooMuch)?;
        Ok(())
    }
}

fn main() {}
