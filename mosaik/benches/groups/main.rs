//! Groups beside bare openraft, in one run: `cargo bench -p mosaik --bench groups`.
//!
//! Nodes on loopback in this process, a volatile group of one or three replicas, commands of 64 bytes. What is
//! measured: commands per second and the time of each at 1, 64 and 1024 in flight, through the leader and through a
//! follower; bare openraft of the same version in the same process (function calls for a network, its own log in
//! memory), as a ratio; one command at a time beside round trips over bare iroh, as a ratio; strong and weak reads; and
//! the time from the kill of a leader's process to the next acknowledged command (`failover.rs`).
//!
//! `-- commands`, `-- single`, `-- reads` or `-- failover` restricts the run.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock, and runs outside every Network"
)]

mod failover;
mod figures;
mod nodes;
mod raw;

use std::time::Duration;

use figures::{Figures, closed_loop};
use mosaik::{Strong, Weak, testing};
use nodes::{Register, Trio};

/// How long each case runs.
const RUN: Duration = Duration::from_secs(2);

/// Round trips over bare iroh before each pass, and after it.
const ROUND_TRIPS: usize = 10_000;

/// Passes of one command at a time.
const PASSES: usize = 3;

/// Calls under way at once.
const IN_FLIGHT: [usize; 3] = [1, 64, 1024];

fn main() {
    if failover::is_child() {
        return failover::child();
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        if wants("commands") {
            commands().await;
        }
        if wants("single") {
            single().await;
        }
        if wants("reads") {
            reads().await;
        }
        if wants("failover") {
            failover::measure().await;
        }
    });
}

async fn commands() {
    println!("commands of 64 bytes; latencies in microseconds");
    println!(
        "{:>8} {:>9} {:>9} | {:>11} {:>8} {:>8} | {:>11} {:>8} {:>8} | {:>6}",
        "replicas",
        "through",
        "in flight",
        "mosaik 1/s",
        "p50",
        "p99",
        "bare 1/s",
        "p50",
        "p99",
        "ratio"
    );
    for replicas in [1, 3] {
        let nodes = Trio::start(replicas).await;
        for in_flight in IN_FLIGHT {
            let bare = testing::openraft_alone(replicas as u64, in_flight, RUN).await;
            let bare = Figures::new(bare.per_second, bare.p50, bare.p99);
            let members = [("leader", nodes.leader()), ("follower", nodes.follower())];
            for (through, group) in members {
                let Some(group) = group else { continue };
                let ours = closed_loop(in_flight, RUN, || {
                    let pending = group.execute(Register::command());
                    async move {
                        pending.await.expect("the group is well");
                    }
                })
                .await;
                println!(
                    "{replicas:>8} {through:>9} {in_flight:>9} | {ours} | {bare} | {:>6.2}",
                    ours.per_second / bare.per_second
                );
            }
        }
        nodes.stop().await;
    }
    println!();
}

/// One command at a time with three replicas, beside round trips over bare iroh just before and just after.
async fn single() {
    println!(
        "one command at a time, three replicas; half take no longer than so many microseconds"
    );
    println!(
        "{:>9} | {:>8} | {:>8} | {:>6}",
        "through", "mosaik", "iroh", "ratio"
    );
    let nodes = Trio::start(3).await;
    for (through, group) in [("leader", nodes.leader()), ("follower", nodes.follower())] {
        let group = group.expect("three replicas");
        for _ in 0..PASSES {
            let mut bare = raw::round_trips(ROUND_TRIPS).await;
            let ours = closed_loop(1, RUN, || {
                let pending = group.execute(Register::command());
                async move {
                    pending.await.expect("the group is well");
                }
            })
            .await;
            bare.extend(raw::round_trips(ROUND_TRIPS).await);
            bare.sort_unstable();
            let (ours, bare) = (ours.p50.as_secs_f64(), bare[bare.len() / 2].as_secs_f64());
            println!(
                "{through:>9} | {:>8.1} | {:>8.1} | {:>6.2}",
                ours * 1e6,
                bare * 1e6,
                ours / bare
            );
        }
    }
    nodes.stop().await;
    println!();
}

async fn reads() {
    println!("reads with three replicas; latencies in microseconds");
    println!(
        "{:>9} {:>6} {:>9} | {:>11} {:>8} {:>8}",
        "through", "level", "in flight", "mosaik 1/s", "p50", "p99"
    );
    let nodes = Trio::start(3).await;
    for (through, group) in [("leader", nodes.leader()), ("follower", nodes.follower())] {
        let group = group.expect("three replicas");
        for (name, level) in [("strong", Strong), ("weak", Weak)] {
            for in_flight in [1, 64] {
                let figures = closed_loop(in_flight, RUN, || {
                    let pending = group.query((), level);
                    async move {
                        pending.await.expect("the group is well");
                    }
                })
                .await;
                println!("{through:>9} {name:>6} {in_flight:>9} | {figures}");
            }
        }
    }
    nodes.stop().await;
    println!();
}
