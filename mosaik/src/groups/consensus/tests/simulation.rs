//! Faults by seed: what was acknowledged stays, what was refused never was, and all agree.

#![expect(
    clippy::disallowed_methods,
    reason = "a test ends what it starts with its runtime"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::harness::{Cluster, Weather, id};
use crate::groups::consensus::{ProposeError, ReplicaConfig};
use crate::groups::identity::ReplicaId;
use crate::runtime::Rng;
use crate::runtime::time::{Duration, sleep};

/// Seeds of every run. More by `MOSAIK_CONSENSUS_SEEDS=10000`.
const SEEDS: u64 = 4;

const REPLICAS: u64 = 5;
const CLIENTS: u64 = 3;
const FAULTS: u64 = 15;

fn short_log(config: &mut ReplicaConfig) {
    config.limits.log_bytes = 4 * 1024;
    config.limits.log_bytes_kept = 1024;
    config.timings.propose_deadline = Duration::from_secs(3);
}

/// What became of each batch.
type History = Arc<Mutex<BTreeMap<String, Result<(), ProposeError>>>>;

#[tokio::test(start_paused = true)]
async fn acknowledged_batches_survive_faults() {
    let seeds = std::env::var("MOSAIK_CONSENSUS_SEEDS");
    let seeds = seeds.map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let (mut acknowledged, mut unknown, mut refused) = (0, 0, 0);
    for seed in 0..seeds {
        let history = run(seed).await;
        for outcome in history.values() {
            match outcome {
                Ok(()) => acknowledged += 1,
                Err(error) if error.is_definite() => refused += 1,
                Err(_) => unknown += 1,
            }
        }
    }
    // A run in which nothing goes wrong, or nothing right, shows nothing.
    assert!(acknowledged > 100 * seeds, "{acknowledged}");
    assert!(unknown > 0 && refused > 0, "{unknown}, {refused}");
}

async fn run(seed: u64) -> BTreeMap<String, Result<(), ProposeError>> {
    let mut rng = Rng::seeded(seed);
    let cluster = Cluster::founded_with(REPLICAS, true, short_log).await;
    cluster.leader().await;
    let history = History::default();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let replicas = cluster.replicas.iter();
            let replicas = replicas
                .map(|(id, (replica, _))| (*id, replica.clone()))
                .collect();
            let rng = rng.fork("client");
            tokio::spawn(write(
                client,
                replicas,
                rng,
                history.clone(),
                stopped.clone(),
            ))
        })
        .collect();
    for _ in 0..FAULTS {
        harm(&cluster, &mut rng).await;
        sleep(rng.jitter(Duration::from_millis(1_000), 0.9)).await;
    }
    cluster.net.set_weather(None);
    cluster.net.heal().await;
    sleep(Duration::from_secs(1)).await;
    stop.send_replace(true);
    for client in clients {
        client.await.unwrap();
    }
    cluster.write("the end").await;
    let leader = cluster.leader().await;
    let state = cluster.state(leader);
    let texts: Vec<&str> = state
        .iter()
        .map(|item| core::str::from_utf8(item).unwrap())
        .collect();
    cluster.all_hold(&texts).await;
    let history = history.lock().unwrap().clone();
    check(seed, &texts, &history);
    cluster.close().await;
    history
}

/// One fault, or the end of those before.
async fn harm(cluster: &Cluster, rng: &mut Rng) {
    let mut all: Vec<ReplicaId> = (1..=REPLICAS).map(id).collect();
    rng.shuffle(&mut all);
    match rng.next_u64() % 5 {
        0 => cluster.net.cut_off(&all[..1]),
        1 => cluster.net.cut_off(&all[..2]),
        2 => cluster.net.heal().await,
        3 => {
            let weather = Weather {
                rng: rng.fork("weather"),
                delay_max: Duration::from_millis(rng.next_u64() % 60),
                loss: 0.05 * rng.unit_f64(),
            };
            cluster.net.set_weather(Some(weather));
        }
        _ => {
            for one in &all {
                let replica = cluster.replica(*one).clone();
                if replica.watch().borrow().is_leader() {
                    let heir = *all.iter().find(|heir| *heir != one).unwrap();
                    // It may not succeed.
                    tokio::spawn(async move { replica.transfer_leader(heir).await });
                }
            }
        }
    }
}

/// Writes one batch after the other, each once, to whom it believes to lead.
async fn write(
    client: u64,
    replicas: BTreeMap<ReplicaId, crate::groups::consensus::Replica>,
    mut rng: Rng,
    history: History,
    stopped: tokio::sync::watch::Receiver<bool>,
) {
    let all: Vec<ReplicaId> = replicas.keys().copied().collect();
    let mut target = all[0];
    let mut number = 0;
    while !*stopped.borrow() {
        let text = format!("{client}-{number:06}");
        let outcome = replicas[&target].propose(Bytes::from(text.clone())).await;
        target = match &outcome {
            Ok(()) => target,
            Err(ProposeError::NotLeader {
                leader: Some(leader),
            }) => *leader,
            Err(ProposeError::Fatal(fatal)) => panic!("{fatal}"),
            Err(_) => *rng.choose(&all).unwrap(),
        };
        history.lock().unwrap().insert(text, outcome);
        number += 1;
        sleep(Duration::from_millis(10)).await;
    }
}

fn check(seed: u64, state: &[&str], history: &BTreeMap<String, Result<(), ProposeError>>) {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, text) in state.iter().enumerate() {
        places.entry(text).or_default().push(place);
    }
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (text, outcome) in history {
        let found = places.get(text.as_str()).map_or(&[][..], Vec::as_slice);
        match outcome {
            Ok(()) => {
                assert_eq!(
                    found.len(),
                    1,
                    "seed {seed}: {text} acknowledged, at {found:?}"
                );
                let client = text.split_once('-').unwrap().0;
                let before = last.insert(client, found[0]);
                assert!(
                    before < Some(found[0]),
                    "seed {seed}: {text} overtook one before it"
                );
            }
            Err(error) if error.is_definite() => {
                assert!(
                    found.is_empty(),
                    "seed {seed}: {text} was refused, at {found:?}"
                );
            }
            Err(_) => assert!(found.len() <= 1, "seed {seed}: {text} at {found:?}"),
        }
    }
}
