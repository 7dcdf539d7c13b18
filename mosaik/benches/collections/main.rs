//! Collections beside bare openraft, in one run: `cargo bench -p mosaik --bench collections`.
//!
//! Nodes on loopback in this process, maps in memory. What is measured: writes per second and the time of each at 1, 64
//! and 1024 in flight, of a map with one writer and with three; bare openraft of the same version in the same process
//! (function calls for a network, its own log in memory), as a ratio; a local `get`; how soon a third replica has
//! everything, alone and while writes go on, and what memory that takes; a burst of single writes, all at once; how soon
//! ten maps on five nodes are online.
//!
//! Every figure is the median of three passes. `-- writes`, `-- reads`, `-- catch-up`, `-- burst` or `-- online` restricts
//! the run; so does `-- writes-one`, `-- writes-leader` or `-- writes-all`, to one kind of writes.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock, and runs outside every Network"
)]

#[path = "../groups/figures.rs"]
mod figures;
mod late;
mod memory;
mod nodes;

use std::{
    cell::Cell,
    collections::HashMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use figures::{Figures, closed_loop, sample};
use futures::future::join_all;
use memory::Growth;
use mosaik::{Network, NetworkId, collections::Map, testing};
use nodes::{Blobs, Cluster, blob};

/// How long each case runs.
const RUN: Duration = Duration::from_secs(2);

/// Longer than reads take.
const LONG: Duration = Duration::from_secs(60);

/// Passes of each case.
const PASSES: usize = 3;

/// Writes under way at once.
const IN_FLIGHT: [usize; 3] = [1, 64, 1024];

/// Keys of the map that is written and read.
const KEYS: u64 = 100_000;

/// Reads of one pass.
const READS: u32 = 2_000_000;

/// Single writes of the burst.
const BURST: u64 = 100_000;

fn main() {
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
        let kinds = [(1, "one"), (3, "leader"), (3, "all")];
        let is_wanted =
            |(_, writing): &(usize, &str)| wants("writes") || wants(&format!("writes-{writing}"));
        let kinds: Vec<_> = kinds.into_iter().filter(is_wanted).collect();
        if !kinds.is_empty() {
            writes(&kinds).await;
        }
        if wants("reads") {
            reads().await;
        }
        if wants("catch-up") {
            late::measure().await;
        }
        if wants("burst") {
            burst().await;
        }
        if wants("online") {
            online().await;
        }
    });
}

/// The middle one by what `key` says.
pub(crate) fn median<T: Copy>(mut all: Vec<T>, key: impl Fn(&T) -> f64) -> T {
    all.sort_by(|one, other| key(one).total_cmp(&key(other)));
    all[all.len() / 2]
}

/// By so many writers, of whom one or all write.
async fn writes(kinds: &[(usize, &str)]) {
    println!("writes to a map, {KEYS} keys, values of 40 bytes; latencies in microseconds");
    println!(
        "{:>8} {:>8} {:>9} | {:>11} {:>8} {:>8} | {:>11} {:>8} {:>8} | {:>6}",
        "writers",
        "writing",
        "in flight",
        "mosaik 1/s",
        "p50",
        "p99",
        "bare 1/s",
        "p50",
        "p99",
        "ratio"
    );
    for &(writers_count, writing) in kinds {
        let cluster = Cluster::start(writers_count).await;
        let writing_maps: Vec<&Blobs> = if writing == "all" {
            cluster.maps.iter().collect()
        } else {
            vec![cluster.leader()]
        };
        for in_flight in IN_FLIGHT {
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..PASSES {
                let alone = testing::openraft_alone(writers_count as u64, in_flight, RUN).await;
                bare.push(Figures::new(alone.per_second, alone.p50, alone.p99));
                ours.push(write(&writing_maps, in_flight).await);
            }
            let ours = median(ours, |figures| figures.per_second);
            let bare = median(bare, |figures| figures.per_second);
            println!(
                "{writers_count:>8} {writing:>8} {in_flight:>9} | {ours} | {bare} | {:>6.2}",
                ours.per_second / bare.per_second
            );
        }
        cluster.stop().await;
    }
    println!();
}

/// So many writes in flight, over all maps together.
async fn write(maps: &[&Blobs], in_flight: usize) -> Figures {
    let each = in_flight.div_ceil(maps.len());
    let begin = Instant::now();
    let samples = join_all(maps.iter().map(|map| async move {
        let next = Cell::new(0u64);
        sample(each, RUN, || {
            let key = next.replace((next.get() + 1) % KEYS);
            let written = map.insert(key, blob());
            async move {
                written.await.expect("the writers are well");
            }
        })
        .await
    }))
    .await;
    Figures::of(samples.concat(), begin.elapsed())
}

/// A local `get`, beside that of std's map with the same keys, in the same order.
async fn reads() {
    let network = Network::builder(NetworkId::random())
        .loopback()
        .build()
        .await
        .expect("a node on loopback starts");
    for keys in [1_000, KEYS] {
        let map = Arc::new(Map::<u64, u64>::writer(
            &network,
            format!("{keys} numbers").as_str(),
        ));
        map.when().online().await;
        for start in (0..keys).step_by(10_000) {
            let end = (start + 10_000).min(keys);
            map.extend((start..end).map(|key| (key, key)))
                .await
                .expect("the writer is well");
        }
        let plain: HashMap<u64, u64> = (0..keys).map(|key| (key, key)).collect();
        let (mut ours, mut std) = (Vec::new(), Vec::new());
        for _ in 0..PASSES {
            ours.push(nanos(keys, |key| map.get(&key)));
            std.push(nanos(keys, |key| plain.get(&key).copied()));
        }
        let writing = tokio::spawn({
            let map = map.clone();
            async move {
                closed_loop(64, LONG, || {
                    let written = map.insert(0, 0);
                    async move {
                        written.await.expect("the writer is well");
                    }
                })
                .await
            }
        });
        let beside = tokio::task::block_in_place(|| nanos(keys, |key| map.get(&key)));
        writing.abort();
        let _ = writing.await;
        println!(
            "get of a map of {keys} numbers: {:.0} ns, beside writes {beside:.0} ns; of std's map {:.0} ns",
            median(ours, |nanos| *nanos),
            median(std, |nanos| *nanos)
        );
    }
    println!();
    let _ = network.shutdown(Duration::from_secs(2)).await;
}

/// What one of many reads takes, of keys all over the map.
fn nanos(keys: u64, read: impl Fn(u64) -> Option<u64>) -> f64 {
    let begin = Instant::now();
    let mut key = 0;
    for _ in 0..READS {
        key = (key + 7_919) % keys;
        black_box(read(key));
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(READS)
}

/// Everything at once: no call waits for another.
async fn burst() {
    let mut passes = Vec::new();
    for _ in 0..PASSES {
        let cluster = Cluster::start(3).await;
        let map = cluster.leader();
        let growth = Growth::watch();
        let begin = Instant::now();
        let all: Vec<_> = (0..BURST).map(|key| map.insert(key, blob())).collect();
        let submitted = begin.elapsed();
        for outcome in join_all(all).await {
            outcome.expect("a burst fits");
        }
        assert_eq!(map.len() as u64, BURST, "every write took effect");
        let seconds = begin.elapsed().as_secs_f64();
        passes.push((seconds, submitted.as_secs_f64(), growth.most().await));
        cluster.stop().await;
    }
    let (seconds, submitted, bytes) = median(passes, |(seconds, ..)| *seconds);
    println!(
        "burst of {BURST} single writes, three writers: {seconds:.2} s ({submitted:.2} s to hand them in), {:.0}/s, \
         memory of all three nodes grew by {} MiB at most",
        BURST as f64 / seconds,
        bytes >> 20
    );
}

/// Maps of each node, and nodes.
const MAPS: usize = 10;
const NODES: usize = 5;

/// Five nodes start one after the other, and open the same ten maps at once, with default settings.
async fn online() {
    let mut passes = Vec::new();
    for _ in 0..PASSES {
        let id = NetworkId::random();
        let (mut nodes, mut maps) = (Vec::new(), Vec::new());
        let mut last_start = Instant::now();
        for _ in 0..NODES {
            last_start = Instant::now();
            let node = Network::builder(id)
                .loopback()
                .build()
                .await
                .expect("a node on loopback starts");
            for store in 0..MAPS {
                let store = format!("map {store}");
                maps.push((store.clone(), Map::writer(&node, store.as_str()) as Blobs));
            }
            nodes.push(node);
        }
        join_all(maps.iter().map(|(_, map)| map.when().online())).await;
        let all_online = last_start.elapsed().as_secs_f64();
        // Writers that began alone give way to others, and are online again after that.
        let is_one = || {
            let mut lineages: Vec<_> = maps
                .iter()
                .map(|(store, map)| (store, map.status().group))
                .map(|(store, group)| {
                    (
                        store,
                        group.lineage.map(|lineage| lineage.id),
                        group.is_online,
                    )
                })
                .collect();
            lineages.sort();
            lineages.dedup();
            lineages.len() == MAPS && lineages.iter().all(|(_, _, is_online)| *is_online)
        };
        while !is_one() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        passes.push((all_online, last_start.elapsed().as_secs_f64()));
        drop(maps);
        for node in nodes {
            let _ = node.shutdown(Duration::from_secs(2)).await;
        }
    }
    let (all_online, one_history) = median(passes, |(_, one_history)| *one_history);
    println!(
        "{MAPS} maps on {NODES} nodes: all online {all_online:.2} s after the last start, each with one history {one_history:.2} s"
    );
}
