//! What breaks, and how fast it heals.

use super::*;
use crate::discovery::message::{Departure, Hashes, Obituary, RawId, Record};
use crate::primitives::Digest;

fn ids(network: &Simulation, nodes: &[usize]) -> BTreeSet<PeerId> {
    nodes.iter().map(|node| network.nodes[*node].id).collect()
}

fn departed(network: &Simulation, node: usize) -> BTreeSet<PeerId> {
    network.nodes[node].departed.keys().copied().collect()
}

fn record_of(signed: &SignedPeerEntry) -> Record {
    let stored = Stored::new(signed.clone());
    Record {
        id: (*signed.id()).into(),
        version: signed.update_version(),
        same_as: 0,
        bytes: stored.bytes,
    }
}

fn records(records: Vec<Record>) -> Message {
    Message::Records {
        records,
        ends_answer: false,
    }
}

impl Simulation {
    fn entry_of(&self, node: usize) -> SignedPeerEntry {
        self.core(node).catalog().local().clone()
    }

    /// A peer that is no core: the test speaks for it.
    fn puppet(&mut self, node: usize) -> usize {
        self.add(1);
        let puppet = self.nodes.len() - 1;
        let peer = self.nodes[puppet].id;
        self.input(node, Input::LinkUp { peer });
        puppet
    }

    fn says(&mut self, puppet: usize, node: usize, message: Message) {
        let from = self.nodes[puppet].id;
        self.input(node, Input::Message { from, message });
    }

    fn refused(&self, node: usize, refusal: Refusal) -> u64 {
        self.core(node).counters().refused(refusal)
    }
}

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
    let ticket = |kib: usize, n: u8| {
        crate::primitives::Ticket::new(Digest::from_u8(n), Bytes::from(vec![n; kib << 10]))
    };
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
fn goodbyes_that_are_forged_old_or_of_another_time_are_not_believed() {
    let mut network = Simulation::network(6, 3);
    network.run(secs(1));
    let victim = network.nodes[1].id;
    let entry = network.entry_of(1);
    let key = network.nodes[1].key.clone();
    let now_ms = network.time(0).utc.timestamp_millis();
    let departure = |key: &SecretKey, net: [u8; 32], version: PeerEntryVersion, at_ms: i64| {
        let id = RawId::from(victim);
        let bytes = Departure::signed_bytes(&net, &id, version, at_ms);
        let signature = Bytes::copy_from_slice(&key.sign(&bytes).to_bytes());
        Message::Departures {
            departures: vec![Departure {
                id,
                version,
                at_ms,
                signature,
            }],
        }
    };
    let network_id = *NETWORK.as_bytes();
    let version = entry.update_version();
    let older = PeerEntryVersion::from_ms(version.start_ms(), version.update_ms() - 1);
    let stranger = network.nodes[2].key.clone();
    let table = [
        departure(&stranger, network_id, version, now_ms),
        departure(&key, [8; 32], version, now_ms),
        departure(&key, network_id, older, now_ms),
        departure(&key, network_id, version, now_ms + 51_000),
        departure(&key, network_id, version, now_ms - 301_000),
    ];
    for (index, message) in (1..).zip(table) {
        network.says(2, 0, message);
        assert!(network.nodes[0].departed.is_empty());
        assert_eq!(network.core(0).counters().departures_refused, index);
    }
    network.says(2, 0, departure(&key, network_id, version, now_ms));
    assert_eq!(departed(&network, 0), ids(&network, &[1]));
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
fn a_clock_an_hour_ahead_disturbs_nobody() {
    let mut network = Simulation::new(17);
    network.add(8);
    network.nodes[7].clock_ahead = chrono::Duration::hours(1);
    for node in 0..8 {
        network.start(node, &[0]);
    }
    let honest: Vec<usize> = (0..7).collect();
    let took = network.run_until_true(secs(1), |network| network.know_each_other(&honest));
    assert!(took.is_some());
    network.run(secs(120));
    assert!(network.know_each_other(&honest));
    assert!(network.refused(0, Refusal::Ahead) > 0, "and it is counted");
    assert!(
        network.refused(0, Refusal::Ahead) < 500,
        "and does not keep anybody busy"
    );
    let now = network.time(0);
    let ahead = network.entry_of(7);
    assert!(!network.nodes[0].core.as_mut().unwrap().feed(now, ahead));
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

#[test]
fn a_false_obituary_is_refuted_before_it_is_believed() {
    let mut network = Simulation::network(19, 30);
    network.run(secs(5));
    // A node that is no neighbour of the victim hears it first.
    let victim = 7;
    let liar = (0..30).find(|node| !network.nodes[victim].links.contains(node) && *node != victim);
    let liar = liar.unwrap();
    let target = *network.nodes[liar]
        .links
        .iter()
        .find(|peer| !network.nodes[victim].links.contains(peer) && **peer != victim)
        .unwrap();
    let version = network.entry_of(victim).update_version();
    let id = RawId::from(network.nodes[victim].id);
    let obituaries = vec![
        Obituary { id, version },
        Obituary {
            id,
            version: PeerEntryVersion::from_ms(i64::MAX, i64::MAX),
        },
    ];
    network.says(liar, target, Message::Obituaries { obituaries });
    network.run(secs(10));
    assert!(network.nodes.iter().all(|node| node.departed.is_empty()));
    assert_eq!(network.core(victim).counters().refutations, 1);
    assert!(network.all_know_all());
}

#[test]
fn ten_thousand_forgeries_cost_little_and_stop_nobody() {
    let mut network = Simulation::network(20, 10);
    network.run(secs(2));
    let forger = network.puppet(0);
    let entry = network.entry_of(1);
    let mut forged = record_of(&entry);
    let mut bytes = forged.bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    forged.bytes = bytes.into();
    let before = network.core(0).counters().clone();
    for n in 0..40 {
        let batch = (0..250).map(|m| {
            let update = entry.update_version().update_ms() + 1 + n * 250 + m;
            let version = PeerEntryVersion::from_ms(entry.update_version().start_ms(), update);
            Record {
                version,
                ..forged.clone()
            }
        });
        network.says(forger, 0, records(batch.collect()));
    }
    let after = network.core(0).counters().clone();
    assert!(after.verifications - before.verifications <= 8);
    assert_eq!(after.refused(Refusal::BadSignature), 8);
    assert_eq!(after.violations, 1, "the forger is cut off");
    let forger_id = network.nodes[forger].id;
    assert!(network.core(0).linked().all(|peer| *peer != forger_id));
    network.input(0, Input::LinkUp { peer: forger_id });
    assert!(
        network.core(0).linked().all(|peer| *peer != forger_id),
        "and stays so for a while"
    );
    network.tag(3, "meanwhile");
    network.run(Duration::from_millis(50));
    assert!((0..10).all(|node| node == 3 || network.sees_tag(node, 3, "meanwhile")));
}

#[test]
fn ten_thousand_replays_are_not_even_verified() {
    let mut network = Simulation::network(21, 3);
    network.run(secs(2));
    let replayer = network.puppet(0);
    let old = record_of(&network.entry_of(1));
    network.tag(1, "newer");
    network.run(secs(1));
    let before = network.core(0).counters().verifications;
    for _ in 0..40 {
        network.says(replayer, 0, records(vec![old.clone(); 250]));
    }
    assert_eq!(network.core(0).counters().verifications, before);
    assert!(network.refused(0, Refusal::NotNewer) >= 10_000);
}

#[test]
fn inventions_are_bounded_and_a_real_peer_still_gets_in() {
    let mut network = Simulation::network(22, 3);
    network.run(secs(2));
    let inventor = network.puppet(0);
    let now = network.time(0).utc;
    for batch in 0..40_u64 {
        let invented = (0..125_u64).map(|n| {
            let mut seed = [9; 32];
            seed[..8].copy_from_slice(&(batch * 125 + n).to_be_bytes());
            let key = SecretKey::from_bytes(&seed);
            let entry = PeerEntry::new_at(NETWORK, EndpointAddr::new(key.public()), now);
            record_of(&entry.signed_by(&key).unwrap())
        });
        network.says(inventor, 0, records(invented.collect()));
    }
    // Its burst, and nothing beyond.
    assert!(network.core(0).held_count() <= 2048 + 2);
    assert!(network.refused(0, Refusal::TooFast) >= 5000 - 2048);
    network.add(1);
    let late = network.nodes.len() - 1;
    network.start(late, &[0]);
    let id = network.nodes[late].id;
    // What the first node passed on used up its share with the others: it takes them a moment.
    let took = network.run_until_true(secs(10), |network| {
        (0..3).all(|node| network.core(node).catalog().get_signed(&id).is_some())
    });
    println!("among inventions a peer is known after {took:?}");
    assert!(took.is_some());
}

#[test]
fn a_peer_that_says_nothing_delays_only_those_who_wait_for_it() {
    let mut network = Simulation::network(23, 4);
    network.run(secs(2));
    let silent = network.puppet(0);
    let addr = EndpointAddr::new(network.nodes[silent].id);
    network.input(
        0,
        Input::SyncWith {
            peer: addr,
            ticket: 1,
        },
    );
    let addr = EndpointAddr::new(network.nodes[2].id);
    network.input(
        0,
        Input::SyncWith {
            peer: addr,
            ticket: 2,
        },
    );
    network.run(Duration::from_millis(100));
    assert_eq!(network.nodes[0].synced, [(2, Ok(()))]);
    network.run(secs(11));
    assert_eq!(network.nodes[0].synced.len(), 2);
    assert!(matches!(network.nodes[0].synced[1], (1, Err(_))));
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
fn messages_of_the_future_are_passed_over_and_garbage_cuts_off() {
    let mut network = Simulation::network(28, 2);
    let from = network.nodes[1].id;
    for _ in 0..100 {
        let error = Message::decode(&[1, 99, 0x90]).unwrap_err();
        network.input(0, Input::Undecodable { from, error });
    }
    assert_eq!(network.core(0).counters().messages_unknown, 100);
    assert_eq!(network.core(0).linked().count(), 1);
    for _ in 0..8 {
        let error = Message::decode(&[1, 1, 0xc1]).unwrap_err();
        network.input(0, Input::Undecodable { from, error });
    }
    assert_eq!(network.core(0).counters().messages_malformed, 8);
    assert_eq!(network.core(0).linked().count(), 0);
}

#[test]
fn requests_beyond_reason_are_not_served() {
    let mut network = Simulation::network(29, 3);
    let greedy = network.puppet(0);
    for exchange in 0..1000 {
        let message = Message::Compare {
            exchange,
            salt: 1,
            count: 1,
            sum: 1,
        };
        network.says(greedy, 0, message);
    }
    assert_eq!(network.core(0).counters().requests_refused, 1000 - 64);
    // Versions that nobody has are asked for in bounded number.
    for n in 0..100_u64 {
        let hashes = Hashes((n * 5000..(n + 1) * 5000).collect());
        network.says(greedy, 0, Message::Have { hashes });
    }
    // A range that does not fit its bits is no list.
    for _ in 0..8 {
        let message = Message::Buckets {
            exchange: 0,
            bits: 40,
            sums: Bytes::new(),
        };
        network.says(greedy, 0, message);
    }
    network.run(secs(20));
    assert!(network.all_know_all() || network.alive().count() == 3);
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
