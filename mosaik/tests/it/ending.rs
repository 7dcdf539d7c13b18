//! How nodes end: in time however many they are, and without a word of complaint in the log.

use std::{
    cell::RefCell,
    io::Write,
    net::UdpSocket,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::future::join_all;
use mosaik::{Network, NetworkId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    node::alone,
    wait::{until, within},
};

const NODES: usize = 35;

/// What each of them is given: a close of 34 connections, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(3);

const SOON: Duration = Duration::from_secs(30);

async fn nodes(network: NetworkId, count: usize) -> Vec<Network> {
    let build = |_| Network::builder(network).loopback().build();
    let nodes: Vec<Network> = join_all((0..count).map(build))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for node in &nodes {
        let mut catalogs = node.discovery().catalog_watch();
        let known = catalogs.wait_for(|catalog| catalog.signed_peers_count() == count - 1);
        timeout(SOON, known).await.unwrap().unwrap();
    }
    nodes
}

fn run(test: impl Future<Output = ()>) {
    let _alone = alone();
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

#[test]
fn thirty_five_nodes_end_at_once_within_their_deadline() {
    run(async {
        let nodes = nodes(NetworkId::random(), NODES).await;
        let start = Instant::now();
        let ends = nodes.iter().map(|node| node.shutdown(DEADLINE));
        for report in join_all(ends).await {
            assert!(report.unwrap().elapsed <= DEADLINE);
        }
        println!("{NODES} nodes at once: {:?}", start.elapsed());
    });
}

#[test]
fn thirty_five_nodes_end_in_turn_within_their_deadline() {
    run(async {
        let nodes = nodes(NetworkId::random(), NODES).await;
        let mut slowest = Duration::ZERO;
        for node in &nodes {
            let report = node.shutdown(DEADLINE).await.unwrap();
            slowest = slowest.max(report.elapsed);
        }
        println!("{NODES} nodes in turn: {slowest:?} the slowest");
        assert!(slowest <= DEADLINE);
    });
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick(u64);

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Nodes that were shut down, and nodes that were dropped while they were in use, have closed their endpoints: nothing
/// below warns of one that was given up.
#[test]
fn no_endpoint_is_dropped_open() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // One thread, so that all tasks run under the subscriber.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let nodes = nodes(NetworkId::random(), 5).await;
            let _producer = nodes[0].streams().produce::<Tick>();
            let consumers: Vec<_> = nodes[1..]
                .iter()
                .map(|node| node.streams().consume::<Tick>())
                .collect();
            for consumer in &consumers {
                let subscribed = consumer.when().subscribed();
                timeout(SOON, subscribed).await.unwrap();
            }
            let _groups: Vec<_> = nodes
                .iter()
                .map(|node| node.groups().with_key("ending").join())
                .collect();
            let bound: Vec<_> = nodes
                .iter()
                .flat_map(|node| node.local().addr().ip_addrs().copied().collect::<Vec<_>>())
                .collect();
            assert!(bound.len() >= nodes.len());
            for (index, node) in nodes.into_iter().enumerate() {
                // One is shut down, the next is dropped.
                if index % 2 == 0 {
                    node.shutdown(SOON).await.unwrap();
                }
            }
            // A port that was free at some time was closed; the next test may have it already.
            let open = RefCell::new(bound);
            let all_closed = || {
                let mut open = open.borrow_mut();
                open.retain(|addr| UdpSocket::bind(addr).is_err());
                open.is_empty()
            };
            within(SOON, "all are closed", until(all_closed)).await;
        });
        drop(runtime);
    });
    let text = log.text();
    assert!(!text.contains("Endpoint dropped"), "{text}");
    println!("warnings: {text}");
}
