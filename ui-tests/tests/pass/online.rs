//! The futures can be sent to another task.

use super::Trade;
use mosaik::*;

stream!(pub Trades = Trade);

fn portable<F: Future<Output = T> + Send + Sync + 'static, T>(future: F) -> F {
    future
}

async fn waits(network: &Network) -> Option<Trade> {
    let producer = portable(Trades::online_producer(network)).await;
    let mut consumer = portable(Trades::online_consumer(network)).await;
    let _ = producer.try_send(Trade { price: 1 });
    consumer.recv().await
}
