//! Nodes in processes of their own, on this host: how they meet, die, freeze and come back.

use std::{net::UdpSocket, time::Duration};

use mosaik::{PeerId, SecretKey, iroh::EndpointAddr};
use tokio::time::Instant;

use crate::node::{Node, NodeConfig, Place, RuntimeDir, View, alone, hold};

#[test]
fn two_processes_on_one_host_know_each_other_within_a_second() {
    let _alone = alone();
    let runtime_dir = RuntimeDir::new();
    let config = NodeConfig::loopback("processes.two");
    let first = Node::start(Place::here(&runtime_dir), &config);
    first.id();
    let second = Node::start(Place::here(&runtime_dir), &config);
    let last_start = second.started();
    let ids = [first.id(), second.id()];
    for node in [&first, &second] {
        node.wait_for_peers(&ids, Duration::from_secs(10));
    }
    let took = last_start.elapsed();
    assert!(
        took < Duration::from_secs(1),
        "took {took:?} from the start of the second process"
    );
}

#[test]
fn a_bootstrap_peer_that_comes_up_late_is_joined() {
    bootstrap_peer_comes_up_after(Duration::from_secs(5));
}

#[test]
#[ignore = "takes a minute: .ci/long/late-bootstrap"]
fn a_bootstrap_peer_that_comes_up_a_minute_late_is_joined() {
    bootstrap_peer_comes_up_after(Duration::from_secs(60));
}

fn bootstrap_peer_comes_up_after(delay: Duration) {
    let _alone = alone();
    // Each has a rendezvous folder of its own, so the bootstrap address is the only way to meet.
    let here = RuntimeDir::new();
    let there = RuntimeDir::new();
    let secret = [7; 32];
    let free_port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = free_port.expect("127.0.0.1 has a free port");
    let id = SecretKey::from_bytes(&secret).public();
    let config = NodeConfig {
        no_auto_bootstrap: true,
        ..NodeConfig::loopback("processes.late-bootstrap")
    };
    let waiting = Node::start(
        Place::here(&here),
        &NodeConfig {
            bootstrap: vec![EndpointAddr::new(id).with_ip_addr(address)],
            ..config.clone()
        },
    );
    waiting.id();
    hold(delay);
    let bootstrap = Node::start(
        Place::here(&there),
        &NodeConfig {
            secret: Some(secret),
            addresses: vec![address],
            ..config
        },
    );
    let ids = [waiting.id(), bootstrap.id()];
    for node in [&waiting, &bootstrap] {
        let left = Duration::from_secs(5).saturating_sub(bootstrap.started().elapsed());
        node.wait_for_peers(&ids, left);
    }
    println!(
        "joined {:?} after the start of the bootstrap peer",
        bootstrap.started().elapsed()
    );
}

#[test]
fn a_killed_peer_is_suspected_and_then_dead() {
    let _alone = alone();
    let runtime_dir = RuntimeDir::new();
    let mut nodes = three_that_know_each_other(&runtime_dir, "processes.killed");
    let victim = nodes[2].id();
    nodes[2].kill();
    is_suspected_and_then_dead(&nodes[..2], victim, Instant::now());
}

#[test]
fn a_frozen_peer_is_suspected_and_dead_and_recovers_when_thawed() {
    let _alone = alone();
    let runtime_dir = RuntimeDir::new();
    let nodes = three_that_know_each_other(&runtime_dir, "processes.frozen");
    let victim = nodes[2].id();
    nodes[2].freeze();
    is_suspected_and_then_dead(&nodes[..2], victim, Instant::now());
    nodes[2].thaw();
    for node in &nodes[..2] {
        node.wait_for("to see the thawed peer alive", RECOVERED_WITHIN, |view| {
            is_alive(view, victim)
        });
    }
}

/// The study's bounds on noticing that a peer has gone without a word.
const SUSPECTED_WITHIN: Duration = Duration::from_secs(5);
const DEAD_WITHIN: Duration = Duration::from_secs(15);

/// How long a peer that lives again may be taken for dead.
const RECOVERED_WITHIN: Duration = Duration::from_secs(15);

fn three_that_know_each_other(runtime_dir: &RuntimeDir, network: &str) -> Vec<Node> {
    let config = NodeConfig {
        health: true,
        ..NodeConfig::loopback(network)
    };
    let nodes: Vec<Node> = (0..3)
        .map(|_| Node::start(Place::here(runtime_dir), &config))
        .collect();
    let ids: Vec<_> = nodes.iter().map(Node::id).collect();
    for node in &nodes {
        node.wait_for_peers(&ids, Duration::from_secs(10));
        node.wait_for("to find all peers alive", Duration::from_secs(10), |view| {
            ids.iter().filter(|id| is_alive(view, **id)).count() == 2
        });
    }
    nodes
}

fn is_suspected_and_then_dead(nodes: &[Node], victim: PeerId, gone: Instant) {
    let left = |limit: Duration| limit.saturating_sub(gone.elapsed());
    // Who has no link with the peer learns of its death from those who have.
    while nodes.iter().all(|node| is_alive(&node.view(), victim)) {
        assert!(
            !left(SUSPECTED_WITHIN).is_zero(),
            "no node suspects the peer"
        );
        hold(Duration::from_millis(20));
    }
    println!("suspected after {:?}", gone.elapsed());
    for node in nodes {
        node.wait_for("to take the peer for dead", left(DEAD_WITHIN), |view| {
            !view.catalog.contains_key(&victim)
        });
    }
    println!("dead on every node after {:?}", gone.elapsed());
}

/// Whether nothing speaks against a known peer.
fn is_alive(view: &View, peer: PeerId) -> bool {
    view.health
        .get(&peer)
        .is_some_and(|health| health != "Suspect")
}
