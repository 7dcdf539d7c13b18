mod bank {
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize)]
    pub struct Bank {
        sum: u64,
    }

    #[mosaik::state_machine(id = "bank.v1")]
    impl Bank {
        #[command]
        pub fn add(&mut self, by: u64) {
            self.sum += by;
        }
    }
}

async fn uses(bank: mosaik::Group<bank::Bank>) {
    bank.add(3).await.ok();
}

fn main() {}
