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

mesh::collection! {
    /// A collection.
    pub Scores = mesh::collections::Map<String, u64>, "scores",
    require_tdx: { own_image },
    history: 3,
}

mesh::collection! {
    /// With a parameter, for readers.
    pub reader Items<T: mesh::collections::Value> = mesh::collections::Vec<T>, ID
}

/// The kernel that peers must run.
pub const KERNEL: mesh::tdx::Measurement = mesh::tdx::Measurement::new([1; 48]);

mesh::stream! {
    /// Where both sides run one image.
    pub Secrets = Trade, "secrets",
    require_tdx: { mrtd = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f", rtmr1 = KERNEL, rtmr2 = "abababababababababababababababababababababababababababababababababababababababababababababababab" },
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

/// Reads.
pub fn read(network: &mesh::Network) -> mesh::ReaderOf<Scores> {
    <Scores as mesh::CollectionReader>::reader(network)
}

/// Uses them.
pub fn produce(network: &mesh::Network) -> mesh::ProducerOf<Trades> {
    <Trades as mesh::StreamProducer>::producer(network)
}

#[test]
fn ids_agree() {
    assert_eq!(ID, mesh::UniqueId::from("trades"));
}
