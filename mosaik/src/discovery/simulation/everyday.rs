//! What happens in every network, every day.

use super::*;
use crate::primitives::{Digest, Ticket};

#[test]
fn a_change_is_seen_by_connected_peers_at_once_and_by_all_soon() {
    let mut network = Simulation::network(1, 60);
    network.run(secs(2));
    network.tag(5, "new");
    network.run(Duration::from_millis(20));
    for peer in network.nodes[5].links.clone() {
        assert!(network.sees_tag(peer, 5, "new"));
    }
    let took = network.run_until_true(secs(1), |network| {
        network
            .alive()
            .all(|node| node == 5 || network.sees_tag(node, 5, "new"))
    });
    assert!(took.is_some());
}

#[test]
fn a_burst_of_changes_is_one_message_and_no_change_is_none() {
    let mut network = Simulation::network(2, 2);
    network.run(secs(1));
    let updated = network.nodes[1].updated;
    for n in 0..100 {
        network.tag(0, &format!("tag {n}"));
    }
    network.run(Duration::from_millis(50));
    assert!(network.sees_tag(1, 0, "tag 99"));
    assert_eq!(network.nodes[1].updated, updated + 1);
    assert_eq!(
        network.change(0, |entry| entry.add_tags("tag 7")),
        LocalChange::Unchanged
    );
}

#[test]
fn an_entry_of_200_kib_travels_and_a_larger_one_is_refused_at_home() {
    let mut network = Simulation::network(3, 12);
    network.run(secs(1));
    let ticket =
        |kib: usize, n: u8| Ticket::new(Digest::from_u8(n), Bytes::from(vec![n; kib << 10]));
    network.change(0, |entry| entry.add_ticket(ticket(200, 1)));
    let took = network.run_until_true(secs(3), |network| {
        network.alive().all(|node| {
            let catalog = network.core(node).catalog();
            node == 0
                || catalog
                    .get(&network.nodes[0].id)
                    .is_some_and(|e| e.tickets().len() == 1)
        })
    });
    assert!(took.is_some(), "a large entry travels");
    let before = network.entry_of(0);
    let result = network.change(0, |entry| entry.add_ticket(ticket(200, 2)));
    assert!(matches!(result, LocalChange::Refused(_)));
    assert_eq!(network.entry_of(0), before);
}

#[test]
fn nothing_is_announced_shortly_after_the_start() {
    let mut network = Simulation::network(4, 2);
    let before = network.entry_of(0);
    network.run(secs(15));
    assert_eq!(network.entry_of(0), before);
    network.run(secs(60));
    let after = network.entry_of(0);
    assert!(
        after.is_newer_than(&before),
        "but it is after the announce interval"
    );
}

#[test]
fn after_a_sync_both_sides_know_both_catalogs() {
    let mut network = Simulation::new(24);
    network.add(6);
    for node in 0..6 {
        network.start(node, if node < 3 { &[0] } else { &[3] });
    }
    network.run(secs(2));
    assert_eq!(network.core(0).held_count(), 2);
    let addr = EndpointAddr::new(network.nodes[3].id);
    network.input(
        0,
        Input::SyncWith {
            peer: addr,
            ticket: 9,
        },
    );
    while network.nodes[0].synced.is_empty() {
        network.run(Duration::from_millis(1));
    }
    assert_eq!(network.nodes[0].synced, [(9, Ok(()))]);
    assert_eq!(network.core(0).held_count(), 5);
    assert_eq!(network.core(3).held_count(), 5);
}

#[test]
fn syncs_that_cannot_be_say_why() {
    let mut network = Simulation::network(25, 2);
    network.add(2);
    let itself = EndpointAddr::new(network.nodes[0].id);
    network.input(
        0,
        Input::SyncWith {
            peer: itself,
            ticket: 1,
        },
    );
    let dead = EndpointAddr::new(network.nodes[2].id);
    network.input(
        0,
        Input::SyncWith {
            peer: dead,
            ticket: 2,
        },
    );
    let stranger = network.nodes[3].id;
    network.input(
        0,
        Input::SyncWith {
            peer: EndpointAddr::new(stranger),
            ticket: 3,
        },
    );
    let remote = NetworkId::from_u8(9);
    let reason = DialFailure::DifferentNetwork { remote };
    network.input(
        0,
        Input::DialFailed {
            peer: stranger,
            reason,
        },
    );
    network.run(secs(11));
    network.input(0, Input::Leave);
    let peer = EndpointAddr::new(network.nodes[1].id);
    network.input(0, Input::SyncWith { peer, ticket: 4 });
    let expected = [
        (1, Ok(())),
        (3, Err(SyncFailure::DifferentNetwork { remote })),
        (2, Err(SyncFailure::Unreachable)),
        (4, Err(SyncFailure::Leaving)),
    ];
    assert_eq!(network.nodes[0].synced, expected);
}

#[test]
fn settled_once_and_within_a_second() {
    let mut network = Simulation::new(26);
    network.add(3);
    // Nobody to ask; somebody who answers; somebody who does not.
    network.start(0, &[]);
    network.start(1, &[0]);
    let unreachable = 2;
    network.add(1);
    network.start(3, &[unreachable]);
    network.run(secs(5));
    assert_eq!(network.nodes[0].settled_at, Some(Duration::ZERO));
    assert!(network.nodes[1].settled_at.unwrap() < Duration::from_millis(100));
    assert_eq!(network.nodes[3].settled_at, Some(secs(1)));
}

#[test]
fn who_is_not_renewed_is_purged_in_time_and_can_come_back() {
    let mut network = Simulation::new(27);
    network.add(2);
    network.start(1, &[]);
    network.config = Config::builder().with_purge_after(secs(4)).build().unwrap();
    network.start(0, &[1]);
    network.run(secs(1));
    assert_eq!(network.nodes[0].discovered.len(), 1);
    let took = network.run_until_true(secs(5), |network| !network.nodes[0].departed.is_empty());
    let total = took.unwrap() + secs(1);
    assert!(total >= secs(4) && total <= secs(5), "{total:?}");
    network.tag(1, "again");
    network.run(secs(2));
    let id = network.nodes[1].id;
    assert_eq!(network.nodes[0].discovered[&id], 2);
}

#[test]
fn distant_peers_are_hidden_when_asked_for() {
    let mut network = Simulation::new(30);
    network.add(2);
    let limit = Duration::from_millis(50);
    network.config = Config {
        max_rtt: Some(limit),
        ..Config::default()
    };
    network.start(0, &[]);
    network.start(1, &[0]);
    network.run(secs(1));
    let peer = network.nodes[1].id;
    let hidden = |network: &Simulation| network.core(0).catalog().get(&peer).is_none();
    assert!(!hidden(&network));
    for _ in 0..60 {
        network.input(0, Input::Rtt { peer, rtt: secs(1) });
    }
    assert!(hidden(&network));
    assert!(network.core(0).catalog().get_signed(&peer).is_some());
}

#[test]
fn one_seed_is_one_run() {
    let run = || {
        let mut network = Simulation::network(31, 20);
        network.run(secs(20));
        network
            .nodes
            .iter()
            .map(|node| (node.sent_bytes, node.dials))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
