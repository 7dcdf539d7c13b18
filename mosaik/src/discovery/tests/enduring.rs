//! What a network of nodes lives through: partitions, pauses, restarts, slow readers.

use std::time::Duration;

use super::*;

/// Starts `count` nodes that know each other.
async fn cluster(net: &MemoryNet, network: &str, count: u8) -> Vec<Node> {
    let first = Plan::new(network, 1).start(net).await;
    let bootstrap = first.addr();
    let mut nodes = vec![first];
    for seed in 2..=count {
        let node = Plan::new(network, seed).start(net).await;
        node.discovery.dial(bootstrap.clone()).await;
        nodes.push(node);
    }
    until_acquainted(&nodes.iter().collect::<Vec<_>>()).await;
    nodes
}

/// Whether all nodes have the newest entry of each.
fn agree(nodes: &[&Node]) -> bool {
    nodes.iter().all(|one| {
        let catalog = one.discovery.catalog();
        nodes.iter().all(|other| {
            let newest = other.discovery.me();
            one.id() == other.id() || catalog.get_signed(&other.id()) == Some(&newest)
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_partition_of_two_minutes_heals_by_itself() {
    let net = MemoryNet::new(80);
    let nodes = cluster(&net, "partition", 6).await;
    let ids: Vec<PeerId> = nodes.iter().map(Node::id).collect();
    net.partition(&ids[..3], &ids[3..]);
    sleep(Duration::from_secs(60)).await;
    // Both halves go on, and change.
    nodes[0].discovery.add_tags("left");
    nodes[5].discovery.add_tags("right");
    sleep(Duration::from_secs(60)).await;
    assert!(
        !nodes[0].knows(&nodes[5]),
        "the halves lost sight of each other"
    );
    net.heal();
    let took = until("agreement of all", || {
        agree(&nodes.iter().collect::<Vec<_>>())
    })
    .await;
    println!("healed in {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_peer_departs_and_returns_when_it_thaws() {
    let net = MemoryNet::new(81);
    let nodes = cluster(&net, "frozen", 4).await;
    let frozen = nodes[3].id();
    let others: Vec<&Node> = nodes[..3].iter().collect();
    net.freeze(frozen);
    let took = until("the frozen one departs", || {
        !others.iter().any(|node| node.knows(&nodes[3]))
    })
    .await;
    println!("declared dead in {took:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    net.thaw(frozen);
    let took = until("it is back", || agree(&nodes.iter().collect::<Vec<_>>())).await;
    println!("back in {took:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_restarts_with_its_key_is_the_newer_one() {
    let net = MemoryNet::new(82);
    let mut nodes = cluster(&net, "restart", 3).await;
    let old = nodes.pop().unwrap();
    old.discovery.add_tags("old life");
    net.crash(old.id());
    drop(old);
    sleep(Duration::from_millis(200)).await;
    // No goodbye, same key, another port; nobody has noticed yet.
    let new = Plan::new("restart", 3).start(&net).await;
    new.discovery.add_tags("new life");
    new.discovery.dial(nodes[0].addr()).await;
    nodes.push(new);
    let took = until("the new life is known", || {
        agree(&nodes.iter().collect::<Vec<_>>())
    })
    .await;
    println!("known in {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_an_hour_ahead_disturbs_nobody() {
    let net = MemoryNet::new(83);
    let nodes = cluster(&net, "ahead", 3).await;
    let mut plan = Plan::new("ahead", 9);
    plan.clock = clock().with_offset(chrono::Duration::hours(1));
    let ahead = plan.start(&net).await;
    ahead.discovery.dial(nodes[0].addr()).await;
    sleep(Duration::from_secs(5)).await;
    nodes[1].discovery.add_tags("news");
    let took = until("news spread", || agree(&nodes.iter().collect::<Vec<_>>())).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(nodes.iter().all(|node| !node.knows(&ahead)));
    let refused = nodes[0].discovery.stats().entries_refused;
    assert!(
        refused.get("ahead").is_some_and(|count| *count > 0),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn thirty_five_nodes_of_one_process_know_each_other_within_a_second() {
    let net = MemoryNet::new(84);
    let mut nodes = Vec::new();
    for seed in 1..=35 {
        nodes.push(
            Plan::new("thirty-five", seed)
                .sources(Sources::local())
                .start(&net)
                .await,
        );
    }
    let took = until_acquainted(&nodes.iter().collect::<Vec<_>>()).await;
    // Connections are what costs time on real sockets.
    let dials = nodes
        .iter()
        .map(|node| node.discovery.stats().dials)
        .sum::<u64>();
    println!("acquainted in {took:?} with {dials} dials");
    assert!(dials < 140, "{dials} dials");
    assert!(took < Duration::from_secs(1), "{took:?}");
    // And they stay calm: no departures while nothing happens.
    let mut events = nodes[0].discovery.events();
    sleep(Duration::from_secs(30)).await;
    let departed = drain(&mut events)
        .into_iter()
        .filter(|e| matches!(e, Event::PeerDeparted(_)));
    assert_eq!(departed.count(), 0);
}
