//! Depends on mosaik under the name `mesh`: nothing that the macros generate may say `mosaik`.

use serde::{Deserialize, Serialize};

/// What flows.
#[derive(Debug, Serialize, Deserialize, mesh::Schema)]
#[schema(name = "market.trade", crate = mesh)]
pub struct Trade(pub u64);

/// An id.
pub const ID: mesh::UniqueId = mesh::unique_id!("trades");

mesh::stream! {
    /// All keys that need a path.
    pub Trades = Trade, ID,
    require: |peer| !peer.tags().is_empty(),
    online_when: |c| c.minimum_of(2),
    max_consumers: 3,
    queue_size: 8,
}

mesh::stream! {
    /// With a parameter.
    pub Any<T: mesh::Datum> = T
}

/// A machine.
#[derive(Default, Serialize, Deserialize)]
pub struct Counter(u64);

#[mesh::state_machine(id = "counter", crate = mesh)]
impl Counter {
    /// Adds, and returns the sum.
    #[command]
    pub fn add(&mut self, by: u64) -> u64 {
        self.0 = self.0.wrapping_add(by);
        self.0
    }

    /// The sum.
    #[query]
    pub fn sum(&self) -> u64 {
        self.0
    }
}

/// Adds if there is something.
pub async fn count(counter: &mesh::Group<Counter>) -> Option<u64> {
    match counter.sum().weak().await.ok()? {
        0 => None,
        _ => counter.add(1).await.ok(),
    }
}

/// Uses them.
pub fn produce(network: &mesh::Network) -> mesh::ProducerOf<Trades> {
    <Trades as mesh::StreamProducer>::producer(network)
}

#[test]
fn ids_agree() {
    assert_eq!(ID, mesh::UniqueId::from("trades"));
}
