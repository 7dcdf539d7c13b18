//! What breaks, and how fast it heals.

use super::*;

#[test]
fn a_goodbye_is_heard_by_all_and_stays_said() {
    let mut network = Simulation::network(5, 20);
    network.run(secs(2));
    let goodbye = network.entry_of(3);
    network.input(3, Input::Leave);
    network.run(Duration::from_millis(200));
    network.kill(3);
    for node in network.alive().collect::<Vec<_>>() {
        assert_eq!(departed(&network, node), ids(&network, &[3]), "node {node}");
    }
    // A delayed copy does not bring it back.
    network.says(4, 0, records(vec![record_of(&goodbye)]));
    assert_eq!(network.refused(0, Refusal::Buried), 1);
    let now = network.time(0);
    assert!(!network.nodes[0].core.as_mut().unwrap().feed(now, goodbye));
    network.run(secs(30));
    assert!(network.all_know_all());

    // It starts again, and is discovered again.
    network.start(3, &[0]);
    let took = network.run_until_true(secs(5), Simulation::all_know_all);
    assert!(took.is_some());
    assert_eq!(network.nodes[0].discovered[&network.nodes[3].id], 2);
}

#[test]
fn the_dead_are_suspected_within_five_seconds_and_gone_within_fifteen() {
    let mut network = Simulation::network(7, 100);
    network.run(secs(60));
    let killed: Vec<usize> = (0..100).filter(|node| node % 10 == 3).collect();
    for node in &killed {
        network.kill(*node);
    }
    let killed_ids = ids(&network, &killed);
    let suspected = network.run_until_true(secs(5), |network| {
        let all: BTreeSet<PeerId> = network
            .alive()
            .flat_map(|node| network.core(node).suspects().copied())
            .collect();
        killed_ids.is_subset(&all)
    });
    assert!(suspected.is_some());
    let gone = network.run_until_true(secs(15), |network| {
        network
            .alive()
            .all(|node| departed(network, node) == killed_ids)
    });
    let total = suspected.unwrap() + gone.expect("the dead are gone, and nobody else");
    assert!(total <= secs(15), "{total:?}");
    network.run(secs(30));
    assert!(network.all_know_all());
}

#[test]
fn with_two_nodes_the_other_one_decides_alone() {
    let mut network = Simulation::network(8, 2);
    network.run(secs(2));
    network.kill(1);
    let took = network.run_until_true(secs(15), |network| !network.nodes[0].departed.is_empty());
    assert!(took.is_some());
}

#[test]
fn a_frozen_node_is_gone_and_comes_back_when_it_thaws() {
    let mut network = Simulation::network(9, 6);
    network.run(secs(2));
    network.freeze(2);
    let took = network.run_until_true(secs(15), |network| {
        (0..6).all(|node| node == 2 || network.nodes[node].departed.len() == 1)
    });
    assert!(took.is_some());
    network.run(secs(40));
    network.thaw(2);
    let took = network.run_until_true(secs(5), Simulation::all_know_all);
    assert!(took.is_some(), "the thawed node is back");
    assert!(
        network.nodes[2].departed.is_empty(),
        "it did not think that all others died"
    );
}

#[test]
fn a_hiccup_kills_nobody() {
    let mut network = Simulation::network(10, 12);
    network.run(secs(2));
    network.freeze(2);
    network.run(Duration::from_millis(4500));
    network.thaw(2);
    network.run(secs(30));
    assert!(network.nodes.iter().all(|node| node.departed.is_empty()));
    assert!(network.all_know_all());
}

#[test]
fn a_partition_heals_within_five_seconds() {
    for (seed, count, side) in [(11, 6, 3), (12, 6, 1), (13, 40, 20), (14, 40, 4)] {
        let mut network = Simulation::network(seed, count);
        network.run(secs(5));
        network.cut(0..side);
        let (a, b): (Vec<usize>, Vec<usize>) = (0..count).partition(|node| *node < side);
        let split = network.run_until_true(secs(20), |network| {
            network.know_each_other(&a) && network.know_each_other(&b)
        });
        println!("{side} of {count} cut off: each side for itself after {split:?}");
        assert!(
            split.is_some_and(|took| took <= secs(15)),
            "{count}/{side}: {split:?}"
        );
        network.run(secs(110));
        network.heal();
        let healed = network.run_until_true(secs(20), Simulation::all_know_all);
        println!("{side} of {count} cut off: together again after {healed:?}");
        assert!(
            healed.is_some_and(|took| took <= secs(5)),
            "{count}/{side}: {healed:?}"
        );
        network.run(secs(20));
        assert!(network.all_know_all(), "and they stay together");
    }
}

#[test]
fn a_bootstrap_peer_that_starts_a_minute_late_is_joined_within_five_seconds() {
    let mut network = Simulation::new(15);
    network.add(4);
    for node in 1..4 {
        network.start(node, &[0]);
    }
    network.run(secs(60));
    assert!(
        network
            .alive()
            .all(|node| network.core(node).held_count() == 0)
    );
    network.start(0, &[]);
    let took = network.run_until_true(secs(5), Simulation::all_know_all);
    assert!(took.is_some());
}

#[test]
fn lossy_links_only_cost_time() {
    let mut network = Simulation::new(16);
    network.loss = 0.1;
    network.add(40);
    for node in 0..40 {
        network.start(node, &[0]);
    }
    assert!(
        network
            .run_until_true(secs(10), Simulation::all_know_all)
            .is_some()
    );
    network.run(secs(60));
    assert!(network.nodes.iter().all(|node| node.departed.is_empty()));
}

#[test]
fn a_clock_set_back_across_a_restart_is_jumped_over() {
    for leaves in [false, true] {
        let mut network = Simulation::network(18, 5);
        network.run(secs(20));
        let before = network.entry_of(4);
        if leaves {
            network.input(4, Input::Leave);
            network.run(secs(1));
        }
        network.kill(4);
        network.run(secs(1));
        network.nodes[4].clock_ahead = chrono::Duration::seconds(-40);
        network.start(4, &[0]);
        let took = network.run_until_true(secs(12), Simulation::all_know_all);
        assert!(took.is_some(), "leaves: {leaves}");
        assert!(network.entry_of(4).is_newer_than(&before));
        network.tag(4, "back");
        network.run(secs(1));
        assert!((0..4).all(|node| network.sees_tag(node, 4, "back")));
    }
}
