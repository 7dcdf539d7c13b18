//! Random writes and faults on three writers and two readers; a seed makes a run.
//!
//! Every write has a version, and the state is a function of the versions up to one. So calls are linearizable if versions
//! keep the order of calls that did not overlap, and every replica has the same change at the same version.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use futures::StreamExt as _;
use mosaik::{
    collections::{CollectionConfig, Event, Map, MapChange, MapReader, MapWriter, Version},
    groups::Formation,
    testing::Conditions,
    *,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tokio::time::{sleep, timeout};

use super::{World, within};

/// Runs of one test; `MOSAIK_SEEDS` asks for more.
const SEEDS: u64 = 2;

/// How long writers write and links fail.
const TROUBLE: Duration = Duration::from_secs(20);

/// How long it may take until everybody has everything, once nothing fails any more.
const CALM: Duration = Duration::from_secs(40);

type Change = MapChange<u8, u64>;

/// What all calls together have seen.
#[derive(Default)]
struct History {
    /// Acknowledged writes: the version, and what was written where.
    written: Vec<(Version, u8, u64)>,
    /// The highest version that anybody was told of.
    told: Option<Version>,
    refused: usize,
    unknown: usize,
}

impl History {
    fn tell(&mut self, version: Version) {
        self.told = self.told.max(Some(version));
    }
}

type Shared = Rc<RefCell<History>>;

async fn write_for_a_while(map: &MapWriter<u8, u64>, history: Shared, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut number = seed << 32;
    loop {
        sleep(Duration::from_millis(rng.random_range(0..200))).await;
        let (key, value) = (rng.random_range(0..5), number);
        number += 1;
        let before = history.borrow().told;
        let outcome = if rng.random_bool(0.5) {
            map.insert(key, value).await
        } else {
            map.insert_returning(key, value)
                .await
                .map(|returned| returned.version)
        };
        let mut history = history.borrow_mut();
        match outcome {
            Ok(version) => {
                assert!(Some(version) > before, "{version} comes after {before:?}");
                history.written.push((version, key, value));
                history.tell(version);
            }
            Err(error) if error.is_definite() => {
                assert_eq!(error.into_value(), Some((key, value)));
                history.refused += 1;
            }
            Err(_) => history.unknown += 1,
        }
    }
}

/// Reads after `sync` have everything that anybody was told of before.
async fn read_for_a_while(map: &MapReader<u8, u64>, history: Shared, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    loop {
        sleep(Duration::from_millis(rng.random_range(0..500))).await;
        let before = history.borrow().told;
        if let Ok(version) = map.sync().await {
            assert!(Some(version) >= before, "{version} misses {before:?}");
            assert!(map.version() >= version);
            history.borrow_mut().tell(version);
        }
    }
}

/// Cuts and mends links, and makes them bad.
async fn fail_for_a_while(world: &World, nodes: &[Network], seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    loop {
        sleep(Duration::from_millis(rng.random_range(500..3_000))).await;
        let ids: Vec<PeerId> = nodes.iter().map(|node| node.local().id()).collect();
        match rng.random_range(0..4) {
            0 => {
                let (left, right): (Vec<PeerId>, Vec<PeerId>) =
                    ids.iter().partition(|_| rng.random_bool(0.4));
                world.net.partition(&left, &right);
            }
            1 => {
                let one = ids[rng.random_range(0..ids.len())];
                let other = ids[rng.random_range(0..ids.len())];
                world.net.cut(one, other);
            }
            2 => world.net.set_all(Conditions {
                delay: Duration::from_millis(rng.random_range(0..20)),
                jitter: Duration::from_millis(rng.random_range(0..50)),
                loss: rng.random_range(0.0..0.1),
            }),
            _ => world.net.heal(),
        }
    }
}

/// Follows a replica; where changes are lost to it, it goes on after them.
async fn note_changes(
    mut changes: collections::Changes<Change>,
    seen: Rc<RefCell<BTreeMap<Version, Vec<Change>>>>,
) {
    let mut own: BTreeMap<Version, Vec<Change>> = BTreeMap::new();
    while let Some(event) = changes.next().await {
        if let Event::Changed { version, change } = event {
            own.entry(version).or_default().push(change);
            let mut seen = seen.borrow_mut();
            let theirs = seen.entry(version).or_insert_with(|| own[&version].clone());
            assert_eq!(*theirs, own[&version], "at {version}");
        }
    }
}

async fn run(seed: u64) -> usize {
    let world = World::new(seed);
    let nodes: [Network; 5] = world.nodes().await;
    let config = CollectionConfig::default()
        .with_formation(Formation::Expect(3))
        .with_history(1_000_000);
    let writers: Vec<MapWriter<u8, u64>> = nodes[..3]
        .iter()
        .map(|node| Map::writer_with_config(node, "map", config.clone()))
        .collect();
    let readers: Vec<MapReader<u8, u64>> = nodes[3..]
        .iter()
        .map(|node| Map::<u8, u64>::reader_with_config(node, "map", config.clone()))
        .collect();
    let seen = Rc::new(RefCell::new(BTreeMap::new()));
    let history = Shared::default();
    let followed = futures::future::join_all(
        writers
            .iter()
            .map(MapWriter::changes)
            .chain(readers.iter().map(MapReader::changes))
            .map(|changes| note_changes(changes, seen.clone())),
    );
    let trouble = async {
        for writer in &writers {
            within(CALM, "writers are online", writer.when().online()).await;
        }
        let write = |index: usize| {
            write_for_a_while(&writers[index], history.clone(), seed * 10 + index as u64)
        };
        let read = |index: usize| {
            read_for_a_while(
                &readers[index],
                history.clone(),
                seed * 10 + 5 + index as u64,
            )
        };
        let all = async {
            tokio::join!(
                write(0),
                write(1),
                write(2),
                read(0),
                read(1),
                fail_for_a_while(&world, &nodes, seed * 10 + 9)
            )
        };
        let _ = timeout(TROUBLE, all).await;
        world.net.heal();
        world.net.set_all(Conditions::default());
        let last = within(CALM, "the last write", async {
            loop {
                if let Ok(version) = writers[0].insert(0, u64::MAX).await {
                    return version;
                }
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
        for writer in &writers {
            within(CALM, "writers agree", writer.when().reaches(last)).await;
        }
        for reader in &readers {
            within(CALM, "readers agree", reader.when().reaches(last)).await;
        }
    };
    tokio::select! {
        () = trouble => {}
        _ = followed => panic!("replicas end with their handles"),
    }
    // All have the same now, since nobody writes any more.
    let digest = writers[0].state_digest();
    assert!(writers.iter().all(|writer| writer.state_digest() == digest));
    assert!(readers.iter().all(|reader| reader.state_digest() == digest));
    let (seen, history) = (seen.borrow(), history.borrow());
    for (version, key, value) in &history.written {
        let Some(changes) = seen.get(version) else {
            panic!("{version} was acknowledged, and no replica has it");
        };
        match changes.as_slice() {
            [MapChange::Set { key: k, new, .. }] => assert_eq!((k, new), (key, value)),
            changes => panic!("{version} was {key} = {value}, and is {changes:?}"),
        }
    }
    history.written.len()
}

#[test]
fn writes_are_linearizable_and_none_is_lost() {
    let seeds = std::env::var("MOSAIK_SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    let mut acknowledged = 0;
    for seed in 1_000..1_000 + seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let outcome = std::panic::catch_unwind(|| runtime.block_on(run(seed)));
        match outcome {
            Ok(written) => acknowledged += written,
            Err(panic) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(
        acknowledged as u64 > seeds * 50,
        "{acknowledged} writes in {seeds} runs"
    );
}
