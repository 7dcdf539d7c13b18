//! Snapshots on their way while links break and leaders die, and what many writes at once come to.

use std::time::Duration;

use futures::future::join_all;
use mosaik::{
    collections::{CollectionConfig, Map, MapWriter},
    groups::Formation,
    testing::Conditions,
    *,
};
use tokio::time::{Instant, sleep};

use super::{World, online, soon, within, written};

/// Large items, of which a snapshot takes some seconds on the links below.
const ITEMS: u64 = 60;

fn writer(node: &Network, writers_count: usize) -> MapWriter<u64, Bytes> {
    let config = CollectionConfig::default().with_formation(Formation::Expect(writers_count));
    Map::writer_with_config(node, "map", config)
}

/// Sets every item twice: so much is written that late members get a snapshot, not the log.
async fn fill(map: &MapWriter<u64, Bytes>) {
    for number in 0..2 * ITEMS {
        let value = Bytes::from(vec![number as u8; 700_000]);
        map.insert(number % ITEMS, value).await.unwrap();
    }
}

fn slow(world: &World) {
    world.net.set_all(Conditions {
        delay: Duration::from_millis(20),
        jitter: Duration::ZERO,
        loss: 0.0,
    });
}

/// Three nodes that write a map together, which is [full](fill), on slow links.
async fn three_that_are_full(world: &World) -> ([Network; 3], [MapWriter<u64, Bytes>; 3]) {
    let nodes: [Network; 3] = world.nodes().await;
    let writers = nodes.each_ref().map(|node| writer(node, 3));
    for writer in &writers {
        online!(writer);
    }
    fill(&writers[0]).await;
    slow(world);
    (nodes, writers)
}

/// How long one small write takes.
async fn write(map: &MapWriter<u64, Bytes>, number: u64) -> Duration {
    let begin = Instant::now();
    let small = Bytes::from_static(b"x");
    map.insert(ITEMS + number, small).await.unwrap();
    let took = begin.elapsed();
    // The next one begins at another moment between two signs of life.
    sleep(Duration::from_millis(7)).await;
    took
}

/// A link that is silent in the middle of a snapshot costs what it was silent for, and not what was sent before.
#[tokio::test(start_paused = true)]
async fn a_snapshot_goes_on_after_the_link_was_silent() {
    let world = World::new(70);
    let [a] = world.nodes().await;
    let first = writer(&a, 1);
    online!(first);
    fill(&first).await;
    slow(&world);
    let mut took = Vec::new();
    for (seed, silent) in [(8, None), (9, Some(Duration::from_millis(500)))] {
        let node = world.node_beside(seed, std::slice::from_ref(&a)).await;
        let reader = Map::<u64, Bytes>::reader(&node, "map");
        let begin = Instant::now();
        let cut = async {
            if let (Some(silent), Some(whole)) = (silent, took.first()) {
                sleep(*whole * 3 / 4).await;
                assert_eq!(reader.len(), 0, "it is still on its way");
                world.net.partition(&[a.local().id()], &[node.local().id()]);
                sleep(silent).await;
                world.net.heal();
            }
        };
        let whole = reader.when().reaches(first.version());
        within(Duration::from_secs(60), "everything", async {
            tokio::join!(cut, whole)
        })
        .await;
        took.push(begin.elapsed());
        assert_eq!(reader.state_digest(), first.state_digest());
    }
    let [whole, broken] = took[..] else {
        panic!("two readers");
    };
    assert!(whole > Duration::from_secs(1), "{whole:?}");
    assert!(
        broken < whole * 3 / 2 + Duration::from_millis(500),
        "{broken:?} with a pause, {whole:?} without"
    );
}

/// Whoever is up to date can bring the state: when the leader dies in the middle, the next one does.
#[tokio::test(start_paused = true)]
async fn another_writer_brings_the_state_when_the_leader_dies() {
    let world = World::new(71);
    let (nodes, writers) = three_that_are_full(&world).await;
    let late = world.node_beside(9, &nodes).await;
    let reader = Map::<u64, Bytes>::reader(&late, "map");
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(reader.len(), 0, "it is still on its way");
    let leader = writers[0].status().group.leader.unwrap();
    world.net.crash(leader);
    let alive = |(node, _): &(&Network, _)| node.local().id() != leader;
    let (_, other) = nodes.iter().zip(&writers).find(alive).unwrap();
    let goes_on = written(|| other.insert(ITEMS, Bytes::from_static(b"new")));
    let version = within(Duration::from_secs(15), "writes go on", goes_on).await;
    within(
        Duration::from_secs(60),
        "everything",
        reader.when().reaches(version),
    )
    .await;
    assert_eq!(reader.state_digest(), other.state_digest());
    assert_eq!(reader.len() as u64, ITEMS + 1);
}

/// The state is read from a follower, on the data connection; the leader and its signs of life go on as before.
#[tokio::test(start_paused = true)]
async fn a_snapshot_travels_apart_from_signs_of_life() {
    let world = World::new(73);
    let (nodes, writers) = three_that_are_full(&world).await;
    let leader = writers[0].status().group.leader.unwrap();
    let term = writers[0].status().group.term;
    let late = world.node_beside(9, &nodes).await;
    let mut usual = Duration::ZERO;
    for number in 0..20 {
        usual = usual.max(write(&writers[1], number).await);
    }
    let before = nodes.each_ref().map(|node| node.stats().data_bytes_sent);
    let reader = Map::<u64, Bytes>::reader(&late, "map");
    let mut written_count = 0;
    let mut during = Duration::ZERO;
    while reader.is_empty() {
        during = during.max(write(&writers[1], written_count).await);
        written_count += 1;
        assert!(written_count < 10_000, "{}", reader.status());
    }
    assert!(written_count > 10, "{written_count}");
    assert!(
        during < 2 * usual,
        "{during:?} while it travels, {usual:?} before"
    );
    let version = writers[1].version();
    within(
        Duration::from_secs(10),
        "everything",
        reader.when().reaches(version),
    )
    .await;
    assert_eq!(reader.state_digest(), writers[1].state_digest());
    let (state_bytes, spare) = (ITEMS * 700_000, 2_000_000);
    for (node, before) in nodes.iter().zip(before) {
        let sent = node.stats().data_bytes_sent - before;
        if node.local().id() == leader {
            assert!(sent < spare, "the leader sent {sent} bytes");
        }
    }
    let got = late.stats();
    assert!(got.data_bytes_received > state_bytes, "{got:#?}");
    let control = got.bytes_received - got.data_bytes_received;
    assert!(
        control < spare,
        "{control} bytes of it on the control connection"
    );
    let status = writers[0].status().group;
    assert_eq!((status.leader, status.term), (Some(leader), term));
}

/// No call waits for another: a hundred thousand single writes are under way together, and all take effect.
#[tokio::test(start_paused = true)]
async fn a_burst_of_a_hundred_thousand_writes() {
    const BURST: u64 = 100_000;
    let world = World::new(72);
    let nodes: [Network; 3] = world.nodes().await;
    let config = CollectionConfig::default().with_formation(Formation::Expect(3));
    let [first, second, third] = nodes
        .each_ref()
        .map(|node| Map::<u64, u64>::writer_with_config(node, "map", config.clone()));
    online!(first, second, third);
    let all: Vec<_> = (0..BURST).map(|key| second.insert(key, key)).collect();
    let outcomes = soon("all of them", join_all(all)).await;
    let versions: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(versions.is_sorted(), "in the order of calls");
    for map in [&first, &third] {
        soon("the others follow", map.when().reaches(second.version())).await;
        assert_eq!(map.len() as u64, BURST);
        assert_eq!(map.state_digest(), second.state_digest());
    }
}
