//! A crate of edition 2021, where `Future` is not in the prelude and `gen` is a name.

#![forbid(unsafe_code)]

use mosaik::*;
use serde::{Deserialize, Serialize};

/// What flows.
#[derive(Debug, Serialize, Deserialize, Schema)]
#[schema(name = "market.trade")]
pub struct Trade(pub u64);

/// An id.
pub const ID: UniqueId = unique_id!("trades");

/// A function whose name is a keyword of the next edition.
pub fn gen() -> StreamId {
    ID
}

stream! {
    /// All keys that need a path.
    pub Trades = Trade, gen(),
    require: |peer| !peer.tags().is_empty(),
    online_when: |c| c.minimum_of(2),
    max_consumers: 3,
    queue_size: 8,
}

stream! {
    /// With a parameter.
    pub Any<T: Datum> = T
}

collection! {
    /// A collection.
    pub Scores = collections::Map<String, u64>, gen(),
    require_tdx: { own_image },
}

collection! {
    /// With a parameter, for writers.
    pub writer Items<T> where T: collections::Value = collections::Vec<T>, "items",
    history: 3
}

/// The kernel that consumers must run.
pub const KERNEL: tdx::Measurement = tdx::Measurement::new([1; 48]);

stream! {
    /// For consumers that run one image.
    pub Secrets = Trade, "secrets",
    consumer require_tdx: { mrtd = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f", rtmr1 = KERNEL, rtmr2 = "abababababababababababababababababababababababababababababababababababababababababababababababab" },
}

/// Waits until a writer is online.
pub async fn scores(network: &Network) -> WriterOf<Scores> {
    Scores::online_writer(network).await
}

/// A machine.
#[derive(Default, Serialize, Deserialize)]
pub struct Counter(u64);

#[state_machine(id = gen())]
impl Counter {
    /// A command whose name is a keyword of the next edition.
    #[command]
    pub fn gen(&mut self, gen: u64) -> u64 {
        self.0 = self.0.wrapping_add(gen);
        self.0
    }

    /// The sum.
    #[query]
    pub fn sum(&self) -> u64 {
        self.0
    }
}

/// Adds if there is something.
pub async fn count(counter: &Group<Counter>) -> Option<u64> {
    match counter.sum().await.ok()? {
        0 => None,
        _ => counter.gen(1).await.ok(),
    }
}

/// Waits for the first consumer.
pub async fn produce(network: &Network) -> ProducerOf<Trades> {
    Trades::online_producer(network).await
}

#[test]
fn ids_agree() {
    assert_eq!(gen(), UniqueId::from("trades"));
}
