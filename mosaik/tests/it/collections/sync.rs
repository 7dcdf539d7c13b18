//! Replicas that come late, and get the state from the others.

use std::time::Duration;

use futures::future::join_all;
use mosaik::{
    collections::{Map, MapReader, PriorityQueue, SyncConfig, VecWriter},
    *,
};
use tokio::time::timeout;

use super::{World, online, soon};

/// A row with a batch size of snapshots.
fn writer(node: &Network, batch_size: u64) -> VecWriter<u64> {
    collections::Vec::writer_with_config(node, "row", config(batch_size))
}

fn config(batch_size: u64) -> SyncConfig {
    SyncConfig::default().with_fetch_batch_size(batch_size)
}

#[tokio::test(start_paused = true)]
async fn every_batch_size_brings_everything() {
    for (seed, batch_size) in [(40, 1), (41, 7), (42, 100), (43, 100_000)] {
        let world = World::new(seed);
        let [a] = world.nodes().await;
        let first = writer(&a, batch_size);
        online!(first);
        first.extend(0..1_000).await.unwrap();
        let b = world.node_beside(9, std::slice::from_ref(&a)).await;
        let second = collections::Vec::<u64>::reader_with_config(&b, "row", config(batch_size));
        online!(second);
        soon("it follows", second.when().reaches(first.version())).await;
        assert!(second.iter().eq(0..1_000), "by {batch_size}");
        // From here on, by ordinary writes.
        let version = first.push_back(7).await.unwrap();
        soon("it follows", second.when().reaches(version)).await;
        assert_eq!((second.len(), second.last()), (1_001, Some(7)));
    }
}

/// A hundred thousand writes of their own, and a third node: online within two seconds.
#[tokio::test(start_paused = true)]
async fn a_late_reader_of_many_items() {
    let world = World::new(44);
    let [a, b] = world.nodes().await;
    let (first, second) = (writer(&a, 100), writer(&b, 100));
    online!(first, second);
    let mut writes = Vec::new();
    for start in 0..10u64 {
        writes.extend((start * 1_000..(start + 1) * 1_000).map(|n| first.push_back(n)));
        join_all(writes.drain(..)).await;
    }
    first.extend(10_000..100_000).await.unwrap();
    let nodes = [a, b];
    let c = world.node_beside(3, &nodes).await;
    let third = collections::Vec::<u64>::reader_with_config(&c, "row", config(100));
    let online = timeout(Duration::from_secs(2), third.when().online()).await;
    assert!(online.is_ok(), "not online: {}", third.status());
    soon("it follows", third.when().reaches(first.version())).await;
    assert!(third.iter().eq(0..100_000));
}

#[tokio::test(start_paused = true)]
async fn writes_go_on_while_a_reader_gets_the_state() {
    let world = World::new(45);
    let [a] = world.nodes().await;
    let first = writer(&a, 10);
    online!(first);
    first.extend(0..20_000).await.unwrap();
    let b = world.node_beside(9, std::slice::from_ref(&a)).await;
    let second = collections::Vec::<u64>::reader_with_config(&b, "row", config(10));
    let writes = join_all((20_000..21_000).map(|n| first.push_back(n)));
    let look = async {
        // At every moment, what is there is whole.
        while second.len() < 21_000 {
            let len = second.len();
            assert!(len == 0 || second.get(len as u64 - 1).is_some());
            second.when().updated().await;
        }
    };
    soon("everything is there", async { tokio::join!(writes, look) }).await;
    assert!(
        second.iter().eq(0..21_000),
        "nothing is lost, and nothing comes twice"
    );
    assert_eq!(second.state_digest(), first.state_digest());
}

#[tokio::test(start_paused = true)]
async fn five_readers_at_once() {
    let world = World::new(46);
    let [a] = world.nodes().await;
    let first = Map::<u64, String>::writer(&a, "map");
    online!(first);
    first
        .extend((0..500).map(|n| (n, n.to_string())))
        .await
        .unwrap();
    let mut nodes = vec![a];
    for seed in 10..15 {
        let node = world.node_beside(seed, &nodes).await;
        nodes.push(node);
    }
    let readers: Vec<MapReader<u64, String>> = nodes[1..]
        .iter()
        .map(|node| Map::<u64, String>::reader(node, "map"))
        .collect();
    for reader in &readers {
        online!(reader);
        soon("it follows", reader.when().reaches(first.version())).await;
        assert_eq!(reader.state_digest(), first.state_digest());
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_go_and_come_back() {
    let [a, b] = World::new(47).nodes().await;
    let first = PriorityQueue::<u64, u64, u64>::writer(&a, "queue");
    online!(first);
    for round in 0..3u64 {
        first.insert(round, round, round).await.unwrap();
        let reader = PriorityQueue::<u64, u64, u64>::reader(&b, "queue");
        online!(reader);
        soon("it follows", reader.when().reaches(first.version())).await;
        assert_eq!(reader.len() as u64, round + 1);
        drop(reader);
    }
}

#[tokio::test(start_paused = true)]
async fn large_values_travel_in_pieces() {
    let world = World::new(48);
    let [a] = world.nodes().await;
    let first = Map::<u64, Vec<u8>>::writer(&a, "map");
    online!(first);
    for key in 0..8u8 {
        first
            .insert(u64::from(key), vec![key; 700_000])
            .await
            .unwrap();
    }
    let b = world.node_beside(9, std::slice::from_ref(&a)).await;
    let second = Map::<u64, Vec<u8>>::reader(&b, "map");
    online!(second);
    soon("it follows", second.when().reaches(first.version())).await;
    assert_eq!(second.get(&7), Some(vec![7; 700_000]));
    assert_eq!(second.state_digest(), first.state_digest());
}
