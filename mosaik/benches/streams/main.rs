//! Streams beside raw iroh, in one run: `cargo bench -p mosaik --bench streams`.
//!
//! Two processes on loopback. This one produces; it starts itself again as the one that consumes and
//! talks to it in lines of text (`control.rs`). Each case is run by raw iroh (one unidirectional stream
//! per consumer, writes of up to 64 KiB) and by a mosaik stream, one after the other, and printed as a
//! ratio. What is measured: datums and bytes per second from the first send until every consumer has
//! the last datum; CPU of the producing process, and (`cpu x`) how much more of it a datum costs than with one
//! consumer; one-way latency at a tenth of the measured rate, beside half a round trip of raw iroh's with one
//! datum of that size each way and nothing else on its way.
//!
//! `-- 64` restricts the run to datums of 64 bytes; `-- 64 65536` to two sizes. `-- rate=30000 64` takes the latency
//! only, at that many datums per second.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock, and runs outside every Network"
)]

mod control;
mod measure;
mod ours;
mod raw;

use control::{Child, Order};
use measure::{Latency, Rate};

/// Datum sizes, bytes, and how many datums one consumer gets in a throughput run (some 2 s each).
const SIZES: [(usize, u64); 4] = [
    (8, 4_000_000),
    (64, 4_000_000),
    (1024, 300_000),
    (65_536, 8_000),
];

/// Fan-outs measured. The number of datums is divided by it, so that each case takes about as long.
const CONSUMERS: [usize; 3] = [1, 4, 16];

/// Share of the measured rate at which latency is taken.
const LATENCY_LOAD: f64 = 0.1;

/// Seconds of one latency run.
const LATENCY_S: f64 = 2.0;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if arguments.first().is_some_and(|a| a == control::CONSUME) {
        return control::consume();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let wanted: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let rate = arguments
        .iter()
        .find_map(|a| a.strip_prefix("rate=")?.parse().ok());
    // In a task, as most programs send: the thread that blocks on a runtime is not one of its workers.
    runtime.block_on(async {
        tokio::spawn(produce(wanted, rate))
            .await
            .expect("no case fails")
    });
}

async fn produce(wanted: Vec<usize>, rate: Option<f64>) {
    let mut child = Child::start().await;
    let sizes: Vec<(usize, u64)> = SIZES
        .into_iter()
        .filter(|(size, _)| wanted.is_empty() || wanted.contains(size))
        .collect();
    let mut loads = Vec::new();
    match rate {
        Some(rate) => loads.extend(sizes.iter().map(|(size, _)| (*size, rate))),
        None => {
            print_rates_head();
            for (size, count) in sizes {
                let most = throughput(&mut child, size, count).await;
                loads.push((size, most * LATENCY_LOAD));
            }
            println!();
        }
    }
    println!(
        "one-way latency to one consumer, us; the load is {:.0} % of mosaik's rate unless given",
        LATENCY_LOAD * 100.0
    );
    print_latencies_head();
    for (size, rate) in loads {
        let order = Order {
            size,
            consumers: 1,
            count: (rate * LATENCY_S) as u64,
            rate,
        };
        let ping = raw::ping(&mut child, size).await;
        let iroh = raw::latency(&mut child, &order).await;
        let ours = ours::latency(&mut child, &order).await;
        print_latencies(&order, &ping, &iroh, &ours);
    }
    child.stop().await;
}

/// Runs all fan-outs with datums of one size. Datums per second of mosaik to one consumer.
async fn throughput(child: &mut Child, size: usize, count: u64) -> f64 {
    let mut of_one = None;
    for consumers in CONSUMERS {
        let order = Order {
            size,
            consumers,
            count: count / consumers as u64,
            rate: 0.0,
        };
        let iroh = raw::throughput(child, &order).await;
        let mosaik = ours::throughput(child, &order).await;
        let cpu_per_datum = [&iroh, &mosaik].map(|side| side.cpu_s / order.count as f64);
        let (of_one, _) = of_one.get_or_insert((cpu_per_datum, mosaik.datums_per_s));
        let growth = [0, 1].map(|side| cpu_per_datum[side] / of_one[side]);
        print_rates(&order, &iroh, &mosaik, growth);
    }
    of_one.map_or(0.0, |(_, rate)| rate)
}

fn print_rates_head() {
    println!(
        "{:>6} {:>3} | {:>11} {:>8} {:>6} {:>5} | {:>11} {:>8} {:>6} {:>5} | {:>6} {:>6}",
        "bytes",
        "to",
        "iroh 1/s",
        "MB/s",
        "cpu s",
        "cpu x",
        "mosaik 1/s",
        "MB/s",
        "cpu s",
        "cpu x",
        "ratio",
        "cpu"
    );
}

fn print_rates(order: &Order, iroh: &Rate, mosaik: &Rate, cpu_growth: [f64; 2]) {
    println!(
        "{:>6} {:>3} | {:>11.0} {:>8.1} {:>6.2} {:>5.1} | {:>11.0} {:>8.1} {:>6.2} {:>5.1} | {:>6.2} {:>6.2}",
        order.size,
        order.consumers,
        iroh.datums_per_s,
        iroh.megabytes_per_s,
        iroh.cpu_s,
        cpu_growth[0],
        mosaik.datums_per_s,
        mosaik.megabytes_per_s,
        mosaik.cpu_s,
        cpu_growth[1],
        mosaik.datums_per_s / iroh.datums_per_s,
        mosaik.cpu_s / iroh.cpu_s,
    );
}

fn print_latencies_head() {
    println!(
        "{:>6} {:>9} | {:>6} {:>6} | {:>8} {:>6} {:>9} | {:>10} {:>6} {:>9} | {:>7}",
        "bytes",
        "1/s",
        "ping/2",
        "p99",
        "iroh p50",
        "p99",
        "/(ping/2)",
        "mosaik p50",
        "p99",
        "/(ping/2)",
        "p50/p50"
    );
}

fn print_latencies(order: &Order, ping: &Latency, iroh: &Latency, mosaik: &Latency) {
    let half_ping_us = ping.p50_us / 2.0;
    println!(
        "{:>6} {:>9.0} | {:>6.0} {:>6.0} | {:>8.0} {:>6.0} {:>9.2} | {:>10.0} {:>6.0} {:>9.2} | {:>7.2}",
        order.size,
        order.rate,
        half_ping_us,
        ping.p99_us / 2.0,
        iroh.p50_us,
        iroh.p99_us,
        iroh.p50_us / half_ping_us,
        mosaik.p50_us,
        mosaik.p99_us,
        mosaik.p50_us / half_ping_us,
        mosaik.p50_us / iroh.p50_us,
    );
}
