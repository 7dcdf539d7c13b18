//! Several hosts, as network namespaces on a bridge. Needs root and `ip`; says so and passes where they are missing.

mod lan;
mod quorum;

use std::{collections::BTreeMap, time::Duration};

use mosaik::PeerId;
use tokio::time::Instant;

use self::lan::Lan;
use crate::node::{Ask, Node, NodeConfig, View, alone, hold};

/// How long hosts that nobody introduced may take to know each other.
const FIRST_CONTACT: Duration = Duration::from_secs(5);

/// How long catalogs may differ once a cut is mended.
const CONVERGENCE: Duration = Duration::from_secs(5);

#[test]
fn three_hosts_find_each_other_and_converge_after_a_cut() {
    let _alone = alone();
    let Some(lan) = Lan::new([3, 0]) else { return };
    let mut nodes = start_one_per_host(&lan, 3, "netns.three-hosts");
    let begin = Instant::now();
    know_each_other(&nodes, FIRST_CONTACT);
    eprintln!(
        "three hosts knew each other {:?} after the last start",
        begin.elapsed()
    );

    lan.cut(2);
    hold(Duration::from_secs(8));
    nodes[0].ask(&Ask::AddTag("one-side".to_owned()));
    nodes[2].ask(&Ask::AddTag("other-side".to_owned()));
    sees_tags(&nodes[1], nodes[0].id(), 1, CONVERGENCE);
    assert_ne!(
        versions(&nodes[0].view()),
        versions(&nodes[2].view()),
        "the cut did not cut"
    );

    lan.join(2);
    let begin = Instant::now();
    agree(&nodes, CONVERGENCE);
    eprintln!(
        "catalogs were equal {:?} after the cut was mended",
        begin.elapsed()
    );
}

#[test]
#[ignore = "takes minutes: .ci/long/partition"]
fn three_and_three_hosts_converge_after_a_partition_of_two_minutes() {
    let _alone = alone();
    let Some(lan) = Lan::new([3, 3]) else {
        panic!("this test needs root and `ip`")
    };
    let mut nodes = start_one_per_host(&lan, 6, "netns.partition");
    know_each_other(&nodes, Duration::from_secs(10));

    lan.part();
    hold(Duration::from_secs(120));
    nodes[0].ask(&Ask::AddTag("one-side".to_owned()));
    nodes[5].ask(&Ask::AddTag("other-side".to_owned()));
    sees_tags(&nodes[2], nodes[0].id(), 1, CONVERGENCE);
    sees_tags(&nodes[3], nodes[5].id(), 1, CONVERGENCE);

    lan.heal();
    let begin = Instant::now();
    // The study asks for 15 s after a partition as long as this one.
    agree(&nodes, Duration::from_secs(15));
    println!(
        "3 + 3 hosts: catalogs equal {:?} after a partition of 120 s",
        begin.elapsed()
    );
}

fn start_one_per_host(lan: &Lan, count: usize, network: &str) -> Vec<Node> {
    (0..count)
        .map(|host| Node::start(lan.host(host), &NodeConfig::lan(network)))
        .collect()
}

/// Waits until every node has every other in its catalog.
fn know_each_other(nodes: &[Node], limit: Duration) {
    let ids: Vec<PeerId> = nodes.iter().map(Node::id).collect();
    let end = Instant::now() + limit;
    for node in nodes {
        node.wait_for_peers(&ids, end.saturating_duration_since(Instant::now()));
    }
}

/// Waits until every node holds the newest version of every entry.
fn agree(nodes: &[Node], limit: Duration) {
    let newest = |id: &PeerId| {
        let views = nodes.iter().map(Node::view);
        views
            .filter_map(|view| view.catalog.get(id).map(|peer| peer.version.clone()))
            .max()
    };
    let end = Instant::now() + limit;
    for id in nodes.iter().map(Node::id) {
        for node in nodes {
            // A node may go on to a newer version while we look: at least the newest of now.
            let version = newest(&id);
            let left = end.saturating_duration_since(Instant::now());
            node.wait_for("to hold the newest entry of each peer", left, |view| {
                view.catalog.get(&id).map(|peer| peer.version.clone()) >= version
            });
        }
    }
}

fn sees_tags(node: &Node, peer: PeerId, tags: usize, limit: Duration) {
    node.wait_for("to see a new tag", limit, |view| {
        view.catalog
            .get(&peer)
            .is_some_and(|peer| peer.tags >= tags)
    });
}

fn versions(view: &View) -> BTreeMap<PeerId, String> {
    view.catalog
        .iter()
        .map(|(id, peer)| (*id, peer.version.clone()))
        .collect()
}
