//! How fast collections are written and read, and how soon a late replica has everything.
//!
//! `cargo bench -p mosaik --bench collections`, with a word of a section's title to run only that one. Nodes are in this
//! process, over QUIC on loopback. What openraft does alone, `--bench groups` measures.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use mosaik::{
    Digest, Network,
    collections::{Map, MapWriter},
};

/// How long writes are measured.
const RUN: Duration = Duration::from_secs(3);

/// What comes before does not count.
const WARM_UP: Duration = Duration::from_millis(500);

/// Reads of one figure.
const READS: u32 = 2_000_000;

/// Items of the map that is read.
const READ_ITEMS: u64 = 100_000;

/// Single writes of the burst.
const BURST: u64 = 100_000;

/// Items that one write brings in where filling is not what is measured.
const FILL_ITEMS: u64 = 10_000;

#[tokio::main]
async fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let is_wanted = |title: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| title.contains(wanted.as_str()))
    };
    if is_wanted("read") {
        measure_reads().await;
    }
    if is_wanted("writes") {
        for in_flight in [1, 64, 1024] {
            for writers_count in [1, 3] {
                measure_writes(writers_count, in_flight).await;
            }
        }
    }
    if is_wanted("burst") {
        measure_burst().await;
    }
    if is_wanted("catch-up") {
        for items in [100_000, 1_000_000] {
            measure_catch_up(items).await;
        }
    }
}

/// Nodes that know each other.
async fn nodes(count: usize) -> Vec<Network> {
    let id = Digest::random();
    let mut nodes: Vec<Network> = Vec::new();
    for _ in 0..count {
        nodes.push(another(id, &nodes).await);
    }
    nodes
}

async fn another(id: Digest, others: &[Network]) -> Network {
    let node = Network::builder(id)
        .loopback()
        .build()
        .await
        .expect("a node on loopback starts");
    for other in others {
        node.discovery()
            .sync_with(other.local().addr())
            .await
            .expect("nodes on loopback meet");
    }
    node
}

async fn online(maps: &[MapWriter<u64, u64>]) {
    join_all(maps.iter().map(|map| map.when().online())).await;
}

async fn fill(map: &MapWriter<u64, u64>, items: u64) {
    for start in (0..items).step_by(usize::try_from(FILL_ITEMS).unwrap_or(1)) {
        let end = (start + FILL_ITEMS).min(items);
        map.extend((start..end).map(|key| (key, key)))
            .await
            .expect("a map that is online takes writes");
    }
}

async fn measure_reads() {
    let nodes = nodes(1).await;
    let map = Map::<u64, u64>::writer(&nodes[0], "map");
    map.when().online().await;
    fill(&map, READ_ITEMS).await;
    let begin = Instant::now();
    let mut sum = 0u64;
    for read in 0..READS {
        let key = u64::from(read).wrapping_mul(2_654_435_761) % READ_ITEMS;
        sum = sum.wrapping_add(std::hint::black_box(map.get(&key)).unwrap_or_default());
    }
    let each = begin.elapsed().as_secs_f64() * 1e9 / f64::from(READS);
    std::hint::black_box(sum);
    println!("read: get of a map of {READ_ITEMS} items: {each:.0} ns (goal: under 200)");
}

/// Three replicas; one of them writes, or all do.
async fn measure_writes(writers_count: usize, in_flight: usize) {
    let nodes = nodes(3).await;
    let maps: Vec<_> = nodes.iter().map(|node| Map::writer(node, "map")).collect();
    online(&maps).await;
    let each = (in_flight / writers_count).max(1);
    let ours = join_all(maps[..writers_count].iter().map(|map| write(map, each))).await;
    let mut latencies: Vec<Duration> = ours.into_iter().flatten().collect();
    latencies.sort_unstable();
    let per_second = latencies.len() as f64 / RUN.as_secs_f64();
    println!(
        "writes: {writers_count} writer(s), {in_flight} in flight: {per_second:.0}/s, p50 {:?}, p99 {:?}",
        percentile(&latencies, 50),
        percentile(&latencies, 99),
    );
}

/// Keeps so many writes in flight; how long each took.
async fn write(map: &MapWriter<u64, u64>, in_flight: usize) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut waiting = FuturesUnordered::new();
    let mut key = 0u64;
    let begin = Instant::now();
    loop {
        while waiting.len() < in_flight {
            key = (key + 1) % READ_ITEMS;
            let (start, written) = (Instant::now(), map.insert(key, key));
            waiting.push(async move {
                written.await.expect("a quorum is there");
                start.elapsed()
            });
        }
        let Some(latency) = waiting.next().await else {
            return latencies;
        };
        match begin.elapsed() {
            elapsed if elapsed > WARM_UP + RUN => return latencies,
            elapsed if elapsed > WARM_UP => latencies.push(latency),
            _ => {}
        }
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// Everything at once: writes that find no room are handed in again.
async fn measure_burst() {
    let nodes = nodes(3).await;
    let maps: Vec<_> = nodes.iter().map(|node| Map::writer(node, "map")).collect();
    online(&maps).await;
    let before = resident_bytes();
    let begin = Instant::now();
    let mut peak = before;
    let mut again = 0u64;
    let mut waiting: FuturesUnordered<_> = (0..BURST).map(|key| maps[0].insert(key, key)).collect();
    while let Some(outcome) = waiting.next().await {
        if let Err(error) = outcome {
            let (key, value) = error.into_value().expect("nothing is unknown here");
            again += 1;
            // As a program would: not at once.
            tokio::task::yield_now().await;
            waiting.push(maps[0].insert(key, value));
        }
        if waiting.len().is_multiple_of(1_000) {
            peak = peak.max(resident_bytes());
        }
    }
    assert_eq!(maps[0].len() as u64, BURST);
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "burst: {BURST} single writes in {seconds:.2} s, {:.0}/s; {again} handed in again; memory grew by {} MiB at most",
        BURST as f64 / seconds,
        peak.saturating_sub(before) >> 20,
    );
}

async fn measure_catch_up(items: u64) {
    let id = Digest::random();
    let first = another(id, &[]).await;
    let second = another(id, std::slice::from_ref(&first)).await;
    let nodes = [first, second];
    let maps: Vec<_> = nodes.iter().map(|node| Map::writer(node, "map")).collect();
    online(&maps).await;
    fill(&maps[0], items).await;
    let third = another(id, &nodes).await;
    let begin = Instant::now();
    let late = Map::<u64, u64>::writer(&third, "map");
    late.when().online().await;
    late.when().reaches(maps[0].version()).await;
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(late.len() as u64, items);
    println!("catch-up: a third replica has {items} items after {seconds:.2} s");
}

/// What this process takes of the machine's memory.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok());
    resident.unwrap_or_default() * 4_096
}
