//! Nodes on loopback in this process, with a map each.

use std::time::Duration;

use futures::future::join_all;
use mosaik::{
    Bytes, Network, NetworkId,
    collections::{CollectionConfig, Map, MapWriter},
    groups::Formation,
};

/// The map that is measured: a command of it takes some 64 bytes, as those of bare openraft do.
pub(crate) type Blobs = MapWriter<u64, Bytes>;

/// A value.
pub(crate) fn blob() -> Bytes {
    Bytes::from_static(&[7; 40])
}

/// Writers of one map.
pub(crate) struct Cluster {
    id: NetworkId,
    nodes: Vec<Network>,
    pub(crate) maps: Vec<Blobs>,
}

impl Cluster {
    /// Starts `count` writers and waits until they all vote.
    pub(crate) async fn start(count: usize) -> Self {
        let mut cluster = Self {
            id: NetworkId::random(),
            nodes: Vec::new(),
            maps: Vec::new(),
        };
        for _ in 0..count {
            let node = cluster.node().await;
            cluster.maps.push(open(&node, count));
            cluster.nodes.push(node);
        }
        join_all(cluster.maps.iter().map(|map| map.when().online())).await;
        let votes = |map: &Blobs| map.status().group.voters.len() == count;
        while !cluster.maps.iter().all(votes) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cluster
    }

    /// Another node beside those that are there.
    pub(crate) async fn node(&self) -> Network {
        Network::builder(self.id)
            .loopback()
            .build()
            .await
            .expect("a node on loopback starts")
    }

    /// The map of the node that leads.
    pub(crate) fn leader(&self) -> &Blobs {
        let leads =
            |(node, map): &(&Network, &Blobs)| map.status().group.leader == Some(node.local().id());
        let mut all = self.nodes.iter().zip(&self.maps);
        all.find(leads).expect("one of them leads").1
    }

    pub(crate) async fn stop(self) {
        drop(self.maps);
        for node in self.nodes {
            // Whoever does not end in time is ended.
            let _ = node.shutdown(Duration::from_secs(2)).await;
        }
    }
}

/// The map on a node, to be founded by `count` writers.
pub(crate) fn open(node: &Network, count: usize) -> Blobs {
    let config = CollectionConfig::default().with_formation(Formation::Expect(count));
    Map::writer_with_config(node, "map", config)
}

/// Fills a map, many items a write.
pub(crate) async fn fill(map: &Blobs, items_count: u64) {
    for start in (0..items_count).step_by(10_000) {
        let end = (start + 10_000).min(items_count);
        map.extend((start..end).map(|key| (key, blob())))
            .await
            .expect("a map that is online takes writes");
    }
}
