//! How long nodes take to find each other, and what a node costs that has nothing to do.
//!
//! `cargo bench -p mosaik --bench discovery`, with a word of a section's title to run only that one. Each section prints
//! one line with what it measured. Nothing leaves this host; the sections on hosts of their own need root and `ip`.

use std::time::Duration;

use futures::future::join_all;
use mosaik::{Digest, Network, discovery::Discovery};
use tokio::time::Instant;

#[path = "../tests/it/netns/lan.rs"]
#[expect(dead_code, reason = "the tests on hosts use more of it")]
mod lan;
#[path = "../tests/it/node/mod.rs"]
#[expect(dead_code, reason = "the tests on processes use more of it")]
mod node;
#[path = "../tests/it/scratch.rs"]
mod scratch;

use lan::Lan;
use node::{Node, NodeConfig, Place, Report, RuntimeDir, hold};

/// Runs of each section: enough for a p50, and for the p99 to be the worst but one at most.
const RUNS: usize = 20;

/// Beyond this a run has failed, and the bench with it.
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// How long the nodes of a run may take to say goodbye.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// Peers that an idle node knows.
const IDLE_PEERS: usize = 10;

/// How long an idle node is watched.
const IDLE_WATCH: Duration = Duration::from_secs(30);

/// How long a node may settle before it counts as idle.
const IDLE_SETTLE: Duration = Duration::from_secs(10);

fn main() {
    // The nodes in processes of their own are this program again.
    node::program::run_if_child();
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let section = |title: &str, run: &dyn Fn()| {
        if wanted
            .as_ref()
            .is_none_or(|wanted| title.contains(wanted.as_str()))
        {
            run();
        }
    };
    section("build", &measure_build);
    for count in [2, 10, 35] {
        section("networks", &|| measure_networks(count));
    }
    section("processes", &measure_processes);
    section("idle", &measure_idle);
}

/// `Network::new` on a host that has no route to anywhere.
fn measure_build() {
    let Some(lan) = Lan::new([1, 0]) else { return };
    let samples = (0..RUNS).map(|_| {
        let network = Digest::random().to_string();
        let node = Node::start(
            lan.host(0),
            &NodeConfig {
                plain: true,
                network,
                ..NodeConfig::default()
            },
        );
        node.id();
        match node.view().ready {
            Some(Report::Ready { build_ms, .. }) => Duration::from_secs_f64(build_ms / 1000.0),
            other => panic!("not a report of readiness: {other:?}"),
        }
    });
    print("Network::new, no route out", samples.collect());
}

/// All of `count` networks in this process know each other, after the last began to start.
fn measure_networks(count: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let samples = (0..RUNS).map(|_| {
        runtime.block_on(async {
            let network = Digest::random();
            let mut networks = Vec::new();
            let mut last_start = Instant::now();
            for _ in 0..count {
                last_start = Instant::now();
                let built = Network::builder(network).loopback().build().await;
                networks.push(built.expect("a loopback node can be built"));
            }
            let all_known = async {
                for network in &networks {
                    wait_for_peers(network.discovery(), count - 1).await;
                }
            };
            tokio::time::timeout(RUN_LIMIT, all_known)
                .await
                .expect("all know each other");
            let took = last_start.elapsed();
            // At once, as when a process ends.
            let ends = networks
                .iter()
                .map(|network| network.shutdown(SHUTDOWN_LIMIT));
            for ended in join_all(ends).await {
                ended.expect("a node ends in time");
            }
            took
        })
    });
    print(
        &format!("{count} networks in one process know each other"),
        samples.collect(),
    );
}

async fn wait_for_peers(discovery: &Discovery, count: usize) {
    let mut catalogs = discovery.catalog_watch();
    let known = catalogs
        .wait_for(|catalog| catalog.signed_peers_count() >= count)
        .await;
    known.expect("the node runs");
}

/// Two processes on this host know each other, after the second was started.
fn measure_processes() {
    let samples = (0..RUNS).map(|_| {
        let runtime_dir = RuntimeDir::new();
        let config = NodeConfig::loopback(&Digest::random().to_string());
        let first = Node::start(Place::here(&runtime_dir), &config);
        first.id();
        let second = Node::start(Place::here(&runtime_dir), &config);
        let ids = [first.id(), second.id()];
        for node in [&first, &second] {
            node.wait_for_peers(&ids, RUN_LIMIT);
        }
        second.started().elapsed()
    });
    print("2 processes on one host know each other", samples.collect());
}

/// CPU time of a node that knows ten peers and has nothing to do.
fn measure_idle() {
    let runtime_dir = RuntimeDir::new();
    let config = NodeConfig::loopback(&Digest::random().to_string());
    let nodes: Vec<Node> = (0..=IDLE_PEERS)
        .map(|_| Node::start(Place::here(&runtime_dir), &config))
        .collect();
    let ids: Vec<_> = nodes.iter().map(Node::id).collect();
    for node in &nodes {
        node.wait_for_peers(&ids, RUN_LIMIT);
    }
    hold(IDLE_SETTLE);
    let before: Vec<Duration> = nodes.iter().map(|node| cpu_time(node.pid())).collect();
    hold(IDLE_WATCH);
    let mut shares: Vec<f64> = nodes
        .iter()
        .zip(before)
        .map(|(node, before)| {
            (cpu_time(node.pid()) - before).as_secs_f64() / IDLE_WATCH.as_secs_f64()
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    println!(
        "{:<48} p50 {:>7.3} %  max {:>7.3} %  of a core, {} nodes over {IDLE_WATCH:?}",
        format!("idle node with {IDLE_PEERS} known peers"),
        shares[shares.len() / 2] * 100.0,
        shares[shares.len() - 1] * 100.0,
        shares.len(),
    );
}

/// User and system time of a process, from `/proc/<pid>/stat`.
fn cpu_time(pid: u32) -> Duration {
    /// `USER_HZ`, which Linux has fixed for programs.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the node runs");
    // The second field is the name in parentheses, and may hold spaces; the fields behind it count from 3.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap_or(0)..]
        .split_whitespace()
        .collect();
    let field = |number: usize| {
        fields[number - 2]
            .parse::<f64>()
            .expect("a number of ticks")
    };
    Duration::from_secs_f64((field(14) + field(15)) / TICKS_PER_SECOND)
}

fn print(title: &str, mut samples: Vec<Duration>) {
    samples.sort();
    let at = |share: f64| {
        let index = (samples.len() as f64 * share).ceil() as usize;
        samples[index.clamp(1, samples.len()) - 1].as_secs_f64() * 1000.0
    };
    println!(
        "{title:<48} p50 {:>8.1} ms  p99 {:>8.1} ms  {} runs",
        at(0.5),
        at(0.99),
        samples.len()
    );
}
