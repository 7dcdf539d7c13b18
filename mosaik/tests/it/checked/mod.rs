//! Groups under faults, with every history judged.
//!
//! Five nodes on the network in memory under paused time, a client on each, faults by a seed: partitions, single nodes
//! cut off, one-way cuts, delay and loss, killed nodes. At the end all is mended, every node must reach the same state,
//! and the history of every key and of the queue must be linearizable. `MOSAIK_SEEDS=first..end` chooses the seeds.

mod client;
mod flaws;
mod islands;
mod kills;
mod machine;
mod world;

use std::{ops::Range, time::Instant};

use mosaik::testing::{Flaw, MemoryNet};
use world::{Finding, Pace, World};

/// Seeds of a run without `MOSAIK_SEEDS`. `.ci/run` has a step for 500 at the brisk pace, `.ci/long/groups-seeds` runs
/// 10,000 at the usual one.
const SEEDS: Range<u64> = if cfg!(debug_assertions) { 0..6 } else { 0..500 };

#[test]
fn histories_under_faults_are_linearizable() {
    run_all(Pace::Usual);
}

#[test]
fn brisk_histories_under_faults_are_linearizable() {
    run_all(Pace::Brisk);
}

fn run_all(pace: Pace) {
    let seeds = seeds().unwrap_or(SEEDS);
    let begin = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let one =
        |seed| run(seed, pace, None).unwrap_or_else(|finding| panic!("seed {seed}: {finding}"));
    let totals: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let seeds = seeds
                    .clone()
                    .skip(worker as usize)
                    .step_by(workers as usize);
                scope.spawn(move || seeds.map(one).collect::<Vec<_>>())
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().expect("every history is linearizable"))
            .collect()
    });
    let sum = |count: fn(&world::Totals) -> usize| totals.iter().map(count).sum::<usize>();
    println!(
        "{} seeds in {:.1?}: {} calls acknowledged, {} refused, {} unknown, {} leaders",
        totals.len(),
        begin.elapsed(),
        sum(|totals| totals.acknowledged),
        sum(|totals| totals.refused),
        sum(|totals| totals.unknown),
        sum(|totals| totals.leaders),
    );
}

/// One run.
fn run(seed: u64, pace: Pace, flaw: Option<Flaw>) -> Result<world::Totals, Finding> {
    in_virtual_time(async move {
        let net = MemoryNet::new(seed);
        World::start(&net, seed, pace, flaw).await.run().await
    })
}

fn in_virtual_time<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    runtime.block_on(run)
}

fn seeds() -> Option<Range<u64>> {
    let text = std::env::var("MOSAIK_SEEDS").ok()?;
    let (first, end) = text.split_once("..").expect("MOSAIK_SEEDS is first..end");
    let number = |text: &str| text.parse().expect("MOSAIK_SEEDS is first..end");
    Some(number(first)..number(end))
}
