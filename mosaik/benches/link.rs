//! A link beside a raw QUIC stream of the same machine in the same run: `cargo bench -p mosaik --bench link`.
//!
//! Prints a line per case with both figures and their ratio. Both ends share this process and its cores.

#![expect(
    clippy::disallowed_methods,
    reason = "a program that measures reads the clock and owns its tasks"
)]

#[path = "groups/raw.rs"]
mod raw;

use std::time::{Duration, Instant};

use mosaik::__private::bench::{link_round_trips, link_throughput};
use raw::{connected, round_trips};
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    for (name, frame_bytes, frame_count, batch) in [
        ("64 B, 1000 a flush", 64, 4_000_000, 1000),
        ("64 B, 10 a flush", 64, 2_000_000, 10),
        ("64 B, 1 a flush", 64, 1_000_000, 1),
        ("64 KiB, 1 a flush", 64 * 1024, 8_000, 1),
    ] {
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(runtime.block_on(link_throughput(frame_bytes, frame_count, batch)));
            raw.push(runtime.block_on(raw_throughput(frame_bytes, frame_count, batch)));
        }
        let (ours, raw) = (median(ours).as_secs_f64(), median(raw).as_secs_f64());
        let megabytes = (frame_bytes * frame_count) as f64 / 1e6;
        println!(
            "{name:>20}: link {:>9.0} frames/s {:>5.0} MB/s, raw {:>9.0} frames/s {:>5.0} MB/s, ratio {:.2}",
            frame_count as f64 / ours,
            megabytes / ours,
            frame_count as f64 / raw,
            megabytes / raw,
            raw / ours,
        );
    }
    let ours = runtime.block_on(link_round_trips(20_000));
    let raw = runtime.block_on(round_trips(20_000));
    for (name, percent) in [("p50", 50), ("p99", 99)] {
        let (ours, raw) = (percentile(&ours, percent), percentile(&raw, percent));
        println!(
            "{:>20}: link {ours:?}, raw {raw:?}, ratio {:.2}",
            format!("round trip {name}"),
            ours.as_secs_f64() / raw.as_secs_f64(),
        );
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() * percent / 100]
}

/// The same frames and batches on a bare stream, counted by a bare reader.
async fn raw_throughput(frame_bytes: usize, frame_count: usize, batch: usize) -> Duration {
    let [(ours, dialled), (theirs, accepted)] = connected().await;
    let (mut send, _recv) = dialled.open_bi().await.expect("a stream");
    let mut block = Vec::new();
    for _ in 0..batch {
        block.extend_from_slice(
            &u32::try_from(frame_bytes)
                .expect("a short frame")
                .to_be_bytes(),
        );
        block.resize(block.len() + frame_bytes, 7);
    }
    let start = Instant::now();
    let sending = tokio::spawn(async move {
        for _ in 0..frame_count / batch {
            send.write_all(&block).await.expect("a reader");
        }
        send.finish().expect("an open stream");
        let _ = send.stopped().await;
    });
    let (_send, mut recv) = accepted.accept_bi().await.expect("a stream");
    let mut buffer = vec![0; 128 * 1024];
    let mut bytes = 0;
    while let Some(read) = recv.read(&mut buffer).await.expect("a writer") {
        bytes += read;
    }
    let took = start.elapsed();
    assert_eq!(bytes, frame_count * (frame_bytes + 4));
    sending.await.expect("no panic");
    ours.close().await;
    theirs.close().await;
    took
}
