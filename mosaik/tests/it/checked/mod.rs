//! Groups under faults, with every history judged.
//!
//! Five nodes on the network in memory under paused time, a client on each, faults by a seed: partitions, single nodes
//! cut off, one-way cuts, delay and loss, killed nodes. At the end all is mended, every node must reach the same state,
//! and the history of every key and of the queue must be linearizable. `MOSAIK_SEEDS=first..end` chooses the seeds.

mod client;
mod kills;
mod machine;
mod world;

use std::{ops::Range, time::Instant};

use mosaik::testing::MemoryNet;
use world::{Faults, World};

/// Seeds of a run without `MOSAIK_SEEDS`. CI runs 500 with optimization; without it, openraft checks itself at every turn.
const SEEDS: Range<u64> = if cfg!(debug_assertions) { 0..6 } else { 0..500 };

#[test]
fn histories_under_faults_are_linearizable() {
    let seeds = seeds().unwrap_or(SEEDS);
    let begin = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let totals: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let seeds = seeds
                    .clone()
                    .skip(worker as usize)
                    .step_by(workers as usize);
                scope.spawn(move || seeds.map(|seed| run(seed, Faults::Any)).collect::<Vec<_>>())
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

/// One run; panics with the seed in its message if anything is wrong.
fn run(seed: u64, faults: Faults) -> world::Totals {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    runtime.block_on(async move {
        let net = MemoryNet::new(seed);
        World::start(&net, seed).await.run(faults).await
    })
}

fn seeds() -> Option<Range<u64>> {
    let text = std::env::var("MOSAIK_SEEDS").ok()?;
    let (first, end) = text.split_once("..").expect("MOSAIK_SEEDS is first..end");
    let number = |text: &str| text.parse().expect("MOSAIK_SEEDS is first..end");
    Some(number(first)..number(end))
}
