//! Nodes that are gone, and come back.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::future::join_all;
use mosaik::{
    collections::{CollectionConfig, Error, Map, MapWriter},
    groups::Formation,
    *,
};

use super::{World, online, soon, until, within, written};

fn writer(node: &Network) -> MapWriter<u64, u64> {
    let config = CollectionConfig::default().with_formation(Formation::Expect(3));
    Map::writer_with_config(node, "map", config)
}

impl World {
    async fn node_with_key(&self, key: u8, seed: u64) -> Network {
        Network::builder("collections")
            .with_memory_net(&self.net)
            .with_clock(self.clock)
            .with_secret_key(SecretKey::from_bytes(&[key; 32]))
            .with_seed(seed)
            .build()
            .await
            .unwrap()
    }
}

async fn introduce(node: &Network, others: &[&Network]) {
    for other in others {
        soon(
            "nodes meet",
            node.discovery().sync_with(other.local().addr()),
        )
        .await
        .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_writer_comes_back_with_the_same_key() {
    let world = World::new(60);
    let (a, b, c) = (
        world.node_with_key(1, 1).await,
        world.node_with_key(2, 2).await,
        world.node_with_key(3, 3).await,
    );
    introduce(&b, &[&a]).await;
    introduce(&c, &[&a, &b]).await;
    let (first, second, third) = (writer(&a), writer(&b), writer(&c));
    online!(first, second, third);
    for key in 0..100 {
        third.insert(key, key).await.unwrap();
    }
    world.net.crash(c.local().id());
    drop((third, c));
    within(Duration::from_secs(10), "the other two go on", async {
        for key in 100..200 {
            written(|| first.insert(key, key)).await;
        }
    })
    .await;
    let c = world.node_with_key(3, 4).await;
    introduce(&c, &[&a, &b]).await;
    let third = writer(&c);
    within(Duration::from_secs(10), "it has everything", async {
        third.when().online().await;
        third.when().reaches(first.version()).await;
    })
    .await;
    assert_eq!(third.len(), 200);
    let version = third.insert(200, 200).await.unwrap();
    soon("the others follow", second.when().reaches(version)).await;
    assert_eq!(third.state_digest(), second.state_digest());
}

#[tokio::test(start_paused = true)]
async fn readers_survive_the_only_writer() {
    let world = World::new(61);
    let [a, b] = world.nodes().await;
    let only = Map::<u64, u64>::writer(&a, "map");
    let reader = Map::<u64, u64>::reader(&b, "map");
    online!(only, reader);
    let version = only.insert(1, 2).await.unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    world.net.crash(a.local().id());
    within(
        Duration::from_secs(30),
        "it is seen",
        reader.when().offline(),
    )
    .await;
    assert_eq!((reader.get(&1), reader.version()), (Some(2), version));
    // The silence of the leader is noticed first, and the end of the connection a moment later.
    let says = || reader.status().to_string().contains("no voter is left");
    within(Duration::from_secs(30), "it says so", until(says)).await;
    let status = reader.status();
    let why = status.why_offline.unwrap();
    assert!(why.contains("bring a writer back"), "{why}");
    assert!(!status.is_online && status.len == 1 && status.version == version);
    drop((only, a));
}

/// One of three is cut off: it says that it cannot decide, and gives back what it was told to write.
#[tokio::test(start_paused = true)]
async fn a_minority_gives_writes_back() {
    let world = World::new(62);
    let [a, b, c] = world.nodes().await;
    let (first, second, third) = (writer(&a), writer(&b), writer(&c));
    online!(first, second, third);
    first.insert(0, 0).await.unwrap();
    let (left, right) = ([c.local().id()], [a.local().id(), b.local().id()]);
    world.net.partition(&left, &right);
    soon("it is seen", third.when().offline()).await;
    let error = within(Duration::from_secs(4), "an answer", third.insert(1, 1))
        .await
        .unwrap_err();
    match error {
        Error::Offline(entry) | Error::NoQuorum(entry) => assert_eq!(entry, (1, 1)),
        error => panic!("{error}"),
    }
    let goes_on = written(|| first.insert(2, 2));
    let version = within(Duration::from_secs(10), "the others go on", goes_on).await;
    world.net.heal();
    soon("it is back", third.when().online()).await;
    soon("it follows", third.when().reaches(version)).await;
    assert_eq!((third.get(&1), third.get(&2)), (None, Some(2)));
    assert_eq!(second.state_digest(), third.state_digest());
}

/// What decodes to something else every time, as no value should.
#[derive(Clone, Debug)]
struct Fickle(u64);

impl Datum for Fickle {
    type EncodeError = std::convert::Infallible;
    type DecodeError = std::convert::Infallible;

    fn encode(&self) -> Result<Bytes, Self::EncodeError> {
        Ok(Bytes::copy_from_slice(&self.0.to_le_bytes()))
    }

    fn decode(_: &[u8]) -> Result<Self, Self::DecodeError> {
        static DECODED: AtomicU64 = AtomicU64::new(0);
        Ok(Self(DECODED.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Replicas look at each other's whole state now and then; one that differs from its leader stops, and says what it is,
/// and at which version.
#[tokio::test(start_paused = true)]
async fn states_that_differ_are_told() {
    let world = World::new(64);
    let nodes: [Network; 3] = world.nodes().await;
    let config = CollectionConfig::default().with_formation(Formation::Expect(3));
    let writers = nodes
        .each_ref()
        .map(|node| Map::<u64, Fickle>::writer_with_config(node, "fickle", config.clone()));
    for writer in &writers {
        online!(writer);
    }
    let writes = (0..1024).map(|key| writers[0].insert(key % 10, Fickle(0)));
    join_all(writes).await;
    let leader = writers[0].status().group.leader;
    let follower = nodes
        .iter()
        .zip(&writers)
        .find(|(node, _)| Some(node.local().id()) != leader);
    let (_, follower) = follower.unwrap();
    soon("it is found", follower.when().offline()).await;
    let why = follower.status().why_offline.unwrap();
    let store = &StoreId::from("fickle").to_string()[..10];
    assert!(
        why.contains(&format!(
            "map {store} at version 1024: the state differs from that of"
        )),
        "{why}"
    );
    assert_eq!(follower.len(), 10, "what is here can be read");
    match follower.insert(1, Fickle(7)).await.unwrap_err() {
        Error::Failed { reason, value } => {
            assert!(reason.contains("at version 1024"), "{reason}");
            assert_eq!(value.0, 1);
        }
        error => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn ten_collections_between_five_nodes_are_online_within_three_seconds() {
    let world = World::new(63);
    let nodes: [Network; 5] = world.nodes().await;
    let mut all = Vec::new();
    for store in 0..10u64 {
        for node in &nodes {
            all.push(Map::<u64, u64>::writer(
                node,
                format!("store {store}").as_str(),
            ));
        }
    }
    let online = join_all(all.iter().map(|map| map.when().online()));
    if tokio::time::timeout(Duration::from_secs(3), online)
        .await
        .is_err()
    {
        let late: Vec<String> = all
            .iter()
            .map(|map| map.status())
            .filter(|status| !status.is_online)
            .map(|status| status.to_string())
            .collect();
        panic!("not online: {}\n{}", late.len(), late.join("\n"));
    }
    // Nodes that began alone join the others a moment later, and cannot write in between.
    let all_written = all.iter().map(|map| written(|| map.insert(1, 1)));
    soon("everybody writes", join_all(all_written)).await;
}
