//! The same through a mosaik stream.

use std::convert::Infallible;

use bytes::{BufMut, Bytes, BytesMut};
use futures::SinkExt;
use mosaik::{Datum, Digest, Network, NetworkId};

use crate::{
    control::{Child, Order, say_ready},
    measure::{self, Latency, Pace, Rate, Stopwatch},
};

/// Opaque bytes, so that both sides move the same payload; small ones inline, as the fields of a struct would be.
#[derive(Clone, Debug)]
enum Payload {
    Small { bytes: [u8; SMALL_BYTES], len: u8 },
    Large(Bytes),
}

const SMALL_BYTES: usize = 64;

impl Payload {
    fn new(bytes: &[u8]) -> Self {
        if bytes.len() > SMALL_BYTES {
            return Self::Large(Bytes::copy_from_slice(bytes));
        }
        let mut small = [0; SMALL_BYTES];
        small[..bytes.len()].copy_from_slice(bytes);
        Self::Small {
            bytes: small,
            len: bytes.len() as u8,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Small { bytes, len } => &bytes[..usize::from(*len)],
            Self::Large(bytes) => bytes,
        }
    }
}

impl Datum for Payload {
    type EncodeError = Infallible;
    type DecodeError = Infallible;

    fn encode(&self) -> Result<Bytes, Infallible> {
        Ok(Bytes::copy_from_slice(self.as_bytes()))
    }

    fn encode_into(&self, out: &mut BytesMut) -> Result<(), Infallible> {
        out.extend_from_slice(self.as_bytes());
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Infallible> {
        Ok(Self::new(bytes))
    }
}

/// Runs `order` as fast as it goes.
pub(crate) async fn throughput(child: &mut Child, order: &Order) -> Rate {
    let (network, mut producer) = produce(child, order).await;
    let payload = Payload::new(&vec![0; order.size]);
    let stopwatch = Stopwatch::start();
    for _ in 0..order.count {
        producer
            .feed(payload.clone())
            .await
            .expect("the stream is open");
    }
    producer.flush().await.expect("the stream is open");
    child.done().await;
    let rate = stopwatch.stop(order);
    drop(network);
    rate
}

/// Runs `order` at its rate.
pub(crate) async fn latency(child: &mut Child, order: &Order) -> Latency {
    let (network, mut producer) = produce(child, order).await;
    let mut pace = Pace::at(order.rate);
    let mut left = order.count;
    while left > 0 {
        let datums = pace.due().await.min(left);
        let payload = stamped(order.size);
        for _ in 0..datums {
            producer
                .feed(payload.clone())
                .await
                .expect("the stream is open");
        }
        producer.flush().await.expect("the stream is open");
        left -= datums;
    }
    let latency = child.done().await;
    drop(network);
    latency
}

/// The consuming side of both: one node per consumer.
pub(crate) async fn consume(order: &Order, target: &str) -> Latency {
    let order = *order;
    let network_id = NetworkId::from(target);
    let mut nodes = Vec::new();
    for _ in 0..order.consumers {
        nodes.push(node(network_id).await);
    }
    let readers: Vec<_> = nodes
        .iter()
        .map(|node| {
            let mut consumer = node
                .streams()
                .consumer()
                .with_stream_id(stream(network_id))
                .build();
            tokio::spawn(async move {
                let mut samples = Vec::new();
                for _ in 0..order.count {
                    let payload: Payload = consumer.recv().await.expect("the producer is alive");
                    if order.rate > 0.0 {
                        let bytes = payload.as_bytes();
                        let sent = u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"));
                        samples.push(measure::shared_clock_ns().saturating_sub(sent));
                    }
                }
                samples
            })
        })
        .collect();
    say_ready();
    let mut samples = Vec::new();
    for reader in readers {
        samples.extend(reader.await.expect("a reader does not panic"));
    }
    measure::quantiles(samples)
}

async fn produce(
    child: &mut Child,
    order: &Order,
) -> (Network, mosaik::streams::Producer<Payload>) {
    let network_id = NetworkId::random();
    let network = node(network_id).await;
    let consumers = order.consumers;
    let producer = network
        .streams()
        .producer()
        .with_stream_id(stream(network_id))
        .online_when(move |conditions| conditions.minimum_of(consumers))
        .build()
        .expect("the stream id is free");
    child.order("ours", order, &network_id.to_string()).await;
    child.ready().await;
    producer.when().online().await;
    (network, producer)
}

/// A node that finds the others on this host by itself.
async fn node(network_id: NetworkId) -> Network {
    Network::builder(network_id)
        .loopback()
        .build()
        .await
        .expect("a node starts")
}

fn stream(network_id: NetworkId) -> Digest {
    network_id.derive("bench")
}

/// The time is the last thing that goes in: what a payload costs to make is not measured.
fn stamped(size: usize) -> Payload {
    let mut buffer = BytesMut::with_capacity(size);
    buffer.put_bytes(0, size);
    buffer[..8].copy_from_slice(&measure::shared_clock_ns().to_be_bytes());
    if size > SMALL_BYTES {
        Payload::Large(buffer.freeze())
    } else {
        Payload::new(&buffer)
    }
}
