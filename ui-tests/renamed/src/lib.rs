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

/// Uses them.
pub fn produce(network: &mesh::Network) -> mesh::ProducerOf<Trades> {
    <Trades as mesh::StreamProducer>::producer(network)
}

#[test]
fn ids_agree() {
    assert_eq!(ID, mesh::UniqueId::from("trades"));
}
