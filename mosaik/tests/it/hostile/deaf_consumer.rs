//! A consumer that never reads takes nothing from the others.

use std::time::Duration;

use futures::SinkExt;
use mosaik::{
    Network,
    streams::{BackPressure, Consumer, Producer},
};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Runtime, time::Instant};

use crate::{
    node::alone,
    siege::{Attack, Plan, Siege, is_strict},
};

/// Windows of each kind that are measured at least, and at most.
const WINDOWS_MIN: usize = 7;
const WINDOWS_MAX: usize = 21;

const WINDOW: Duration = Duration::from_millis(700);

/// Datums on their way at a time: fewer than the producer queues, so that the member itself is never too slow.
const ON_THE_WAY: u64 = 256;

/// What the others keep of their throughput.
const KEPT_MIN: f64 = 0.9;

const NETWORK: &str = "hostile.deaf_consumer";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kibibyte(#[serde(with = "serde_bytes_like")] Vec<u8>);

/// As one run of bytes, and not as a thousand numbers.
mod serde_bytes_like {
    use mosaik::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        Bytes::copy_from_slice(bytes).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Bytes::deserialize(from).map(Into::into)
    }
}

async fn node() -> Network {
    let builder = Network::builder(NETWORK).loopback();
    builder.build().await.expect("a loopback node can be built")
}

/// Of the very stream, where the producer drops for who is slow.
#[test]
fn throughput_beside_a_consumer_of_the_same_stream_that_never_reads() {
    beside(BackPressure::DropOldest, true);
}

#[test]
fn throughput_beside_a_consumer_that_never_reads_and_is_disconnected() {
    beside(BackPressure::Disconnect, true);
}

/// Of another stream of the same node, which waits for it and so stands still.
#[test]
fn throughput_beside_a_consumer_of_another_stream_that_never_reads() {
    beside(BackPressure::Block, false);
}

fn beside(back_pressure: BackPressure, same: bool) {
    let _alone = alone();
    let runtime = Runtime::new().expect("a runtime starts");
    let (mut producer, mut other, mut consumer, network, _member) = runtime.block_on(async {
        let (network, member) = (node().await, node().await);
        let builder = || {
            network
                .streams()
                .producer::<Kibibyte>()
                .with_back_pressure(back_pressure)
                .with_buffer_size(1024)
        };
        let producer = builder().build().expect("a producer");
        let other = builder().with_stream_id("other").build().expect("another");
        let consumer = member.streams().consume::<Kibibyte>();
        member.discovery().dial(network.local().addr()).await;
        let subscribed = consumer.when().subscribed();
        tokio::time::timeout(Duration::from_secs(20), subscribed)
            .await
            .expect("the member is served");
        (producer, other, consumer, network, member)
    });
    let stream = if same { &producer } else { &other };
    let mut siege = Siege::prepare(&Plan {
        network: NETWORK.to_owned(),
        targets: vec![network.local().addr()],
        attack: Attack::DeafConsumer {
            stream: *stream.stream_id(),
            schema: <Kibibyte as mosaik::Datum>::schema().fingerprint(),
        },
        per_second: 2,
    });
    // Whoever waits is kept waiting.
    let filler = runtime.spawn(async move {
        loop {
            if other.send(Kibibyte(vec![1; 1024])).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (mut quiet, mut hostile) = (Vec::new(), Vec::new());
    let kept = loop {
        quiet.push(runtime.block_on(rate(&mut producer, &mut consumer)));
        siege.advance();
        hostile.push(runtime.block_on(rate(&mut producer, &mut consumer)));
        siege.rest();
        let kept = median(&hostile) / median(&quiet);
        if quiet.len() >= WINDOWS_MIN && kept >= KEPT_MIN || quiet.len() == WINDOWS_MAX {
            break kept;
        }
    };
    filler.abort();
    println!(
        "{back_pressure:?}: {kept:.3} of {quiet:.0?} datums a second beside it: {hostile:.0?}"
    );
    // Beside other tests a rate says nothing: see `.ci/long/hostile`.
    assert!(
        kept >= KEPT_MIN || !is_strict(),
        "{kept} of the throughput is left"
    );
    assert!(siege.tally().made >= WINDOWS_MIN as u64);
}

/// Datums of a kibibyte that arrive at a consumer in a second.
async fn rate(producer: &mut Producer<Kibibyte>, consumer: &mut Consumer<Kibibyte>) -> f64 {
    let begin = Instant::now();
    let mut count = 0_u64;
    while begin.elapsed() < WINDOW {
        for _ in 0..ON_THE_WAY {
            let datum = Kibibyte(vec![0; 1024]);
            producer.send(datum).await.expect("the producer runs");
        }
        for _ in 0..ON_THE_WAY {
            let datum = tokio::time::timeout(Duration::from_secs(20), consumer.recv());
            datum.await.expect("a datum").expect("the stream goes on");
        }
        count += ON_THE_WAY;
    }
    count as f64 / begin.elapsed().as_secs_f64()
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}
