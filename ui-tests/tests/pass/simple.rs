//! A name and a type.

use super::Trade;
use mosaik::{ConsumerOf, Network, ProducerOf, StreamConsumer, StreamProducer, stream};

stream!(Trades = Trade);

async fn both_sides(network: &Network) -> Option<Trade> {
    let producer: ProducerOf<Trades> = Trades::producer(network);
    let mut consumer: ConsumerOf<Trades> = Trades::consumer(network);
    let _ = producer.try_send(Trade { price: 1 });
    consumer.recv().await
}
