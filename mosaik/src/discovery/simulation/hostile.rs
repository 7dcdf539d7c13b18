//! Peers that lie, forge, flood or say nothing.

use super::*;
use crate::discovery::message::{Departure, Hashes, Obituary, RawId};

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
    // Whatever arrived with the last of them; later messages are not read any more.
    assert_eq!(after.refused(Refusal::Banned), 250 - 8);
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
fn a_flood_of_pings_ends_the_link() {
    let mut network = Simulation::network(31, 3);
    let flood = network.puppet(0);
    for nonce in 0..256 + 7 {
        network.says(flood, 0, Message::Ping { nonce });
    }
    let counters = network.core(0).counters();
    assert_eq!((counters.requests_refused, counters.violations), (7, 0));
    network.says(flood, 0, Message::Ping { nonce: 0 });
    let counters = network.core(0).counters();
    assert_eq!((counters.requests_refused, counters.violations), (8, 1));
    // What it says now is not heard.
    network.says(flood, 0, Message::Ping { nonce: 0 });
    assert_eq!(network.core(0).counters().requests_refused, 8);
    network.run(secs(20));
    assert!(network.know_each_other(&[0, 1, 2]));
}

#[test]
fn a_flood_of_obituaries_makes_us_announce_a_few_times_only() {
    let mut network = Simulation::network(32, 5);
    network.run(secs(2));
    let liar = network.puppet(0);
    for _ in 0..500 {
        let version = network.entry_of(0).update_version();
        let id = RawId::from(network.nodes[0].id);
        let obituaries = vec![Obituary { id, version }];
        network.says(liar, 0, Message::Obituaries { obituaries });
        network.run(Duration::from_millis(2));
    }
    assert!(network.core(0).counters().refutations <= 5);
    network.run(secs(5));
    assert!(network.nodes.iter().all(|node| node.departed.is_empty()));
}
