//! Millions of datums to consumers that misbehave: `cargo bench -p mosaik --bench endurance`.
//!
//! For each back-pressure policy, one producer and four consuming processes on loopback: a steady one, a
//! slow one, one that is frozen for 20 s (so that its connection dies and it has to resume), and one that
//! is killed and started again. Every datum carries its number, so each consumer can tell what it got:
//! in order, never twice, and what is missing is exactly what was reported as lost. Memory is read from
//! `/proc` at a tenth, at half and at the end. Exits with 1 if any claim does not hold.
//!
//! `-- 1000000` sends that many instead of ten million; `-- 1000000 block` runs one policy.

#![expect(
    clippy::disallowed_methods,
    reason = "it runs outside every Network, in processes of its own"
)]

mod consumer;
mod processes;
mod report;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::SinkExt;
use mosaik::{Network, NetworkId, streams::BackPressure, streams::Producer};
use serde::{Deserialize, Serialize};

use processes::{Consumer, Habit};
use report::Memory;

/// What is sent when nothing else is asked for.
const DATUMS: u64 = 10_000_000;

/// How long the frozen consumer is frozen: longer than a connection lives without a sign of life (15 s).
const FREEZE: Duration = Duration::from_secs(20);

/// Bytes of a datum beside its number.
const FILLING: usize = 48;

/// One datum. Numbers count from 0; `END` is the last one.
#[derive(Debug, Serialize, Deserialize)]
struct Numbered {
    number: u64,
    #[serde(with = "serde_bytes_of_fixed_length")]
    filling: [u8; FILLING],
}

const END: u64 = u64::MAX;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    if let Some((processes::CONSUME, rest)) = arguments.split_first().map(|(a, b)| (a.as_str(), b))
    {
        runtime.block_on(consumer::run(rest));
        return ExitCode::SUCCESS;
    }
    let count = arguments
        .first()
        .and_then(|a| a.parse().ok())
        .unwrap_or(DATUMS);
    let mut holds = true;
    for (name, policy) in [
        ("block", BackPressure::Block),
        ("drop-oldest", BackPressure::DropOldest),
        ("drop-newest", BackPressure::DropNewest),
        ("disconnect", BackPressure::Disconnect),
    ] {
        if arguments.get(1).is_none_or(|wanted| wanted == name) {
            holds &= runtime.block_on(run(name, policy, count));
        }
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(name: &str, policy: BackPressure, count: u64) -> bool {
    println!("\n{name}: {count} datums of {} bytes", FILLING + 8);
    let network_id = NetworkId::random();
    let network = Network::builder(network_id)
        .loopback()
        .build()
        .await
        .expect("a node starts");
    let producer = network
        .streams()
        .producer::<Numbered>()
        .with_stream_id(network_id)
        .with_back_pressure(policy)
        .build()
        .expect("the stream id is free");
    let mut consumers = Vec::new();
    for habit in Habit::ALL {
        consumers.push(Consumer::start(habit, network_id).await);
    }
    producer
        .when()
        .subscribed()
        .minimum_of(Habit::ALL.len())
        .await;

    let sent = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let sending = tokio::spawn(send(producer.clone(), count, sent.clone()));
    let mut memory = Memory::default();
    reached(&sent, count / 10).await;
    memory.sample("at a tenth");
    reached(&sent, count / 5).await;
    let frozen = consumers
        .iter()
        .position(|c| c.habit == Habit::Frozen)
        .expect("one is frozen");
    consumers[frozen].signal("STOP");
    let killed = consumers
        .iter()
        .position(|c| c.habit == Habit::Killed)
        .expect("one is killed");
    consumers[killed].kill().await;
    consumers.push(Consumer::start(Habit::Restarted, network_id).await);
    tokio::time::sleep(FREEZE).await;
    consumers[frozen].signal("CONT");
    reached(&sent, count / 2).await;
    memory.sample("at half");
    sending.await.expect("sending does not panic");
    memory.sample("at the end");
    let elapsed = begin.elapsed();
    end_of_stream(producer).await;
    println!(
        "  sent in {:.1} s, {:.0} datums/s; producer's memory {memory}",
        elapsed.as_secs_f64(),
        count as f64 / elapsed.as_secs_f64()
    );

    let mut holds = memory.is_flat();
    for consumer in consumers.into_iter().filter(|c| c.habit != Habit::Killed) {
        let habit = consumer.habit;
        let report = consumer.report().await;
        let verdict = report.verdict(habit, policy, count);
        println!(
            "  {habit:<9} {report}: {}",
            verdict.as_deref().unwrap_or("holds")
        );
        holds &= verdict.is_none();
    }
    let _ = network.shutdown(Duration::from_secs(2)).await;
    holds
}

async fn send(mut producer: Producer<Numbered>, count: u64, sent: Arc<AtomicU64>) {
    for number in 0..count {
        let mut datum = Numbered {
            number,
            filling: [0; FILLING],
        };
        // While every consumer is disconnected, the datum comes back: nothing is accepted that nobody would get.
        while let Err(refused) = producer.feed(datum).await {
            datum = refused.into_inner().expect("the stream is open");
        }
        if number % 1024 == 0 {
            sent.store(number, Ordering::Relaxed);
        }
    }
    producer.flush().await.expect("the stream is open");
    sent.store(count, Ordering::Relaxed);
}

/// Says goodbye when every queue has had time to drain, so that no policy drops it.
async fn end_of_stream(mut producer: Producer<Numbered>) {
    tokio::time::sleep(Duration::from_secs(10)).await;
    let end = Numbered {
        number: END,
        filling: [0; FILLING],
    };
    producer.send(end).await.expect("the stream is open");
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn reached(sent: &AtomicU64, number: u64) {
    while sent.load(Ordering::Relaxed) < number {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Arrays longer than 32 have no serde implementation; this one goes as bytes.
mod serde_bytes_of_fixed_length {
    use super::FILLING;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        bytes: &[u8; FILLING],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; FILLING], D::Error> {
        let bytes = bytes::Bytes::deserialize(deserializer)?;
        bytes
            .as_ref()
            .try_into()
            .map_err(|_| D::Error::custom("wrong length"))
    }
}
