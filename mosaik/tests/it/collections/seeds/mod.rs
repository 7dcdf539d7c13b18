//! Random writes and faults on three writers and two readers, beside a collection of std; a seed makes a run.
//!
//! Every write has a version, and the state is a function of the versions up to one. So calls are linearizable if versions
//! keep the order of calls that did not overlap, and if at every acknowledged version the collection changed as that of
//! std does. `MOSAIK_SEEDS=first..end` chooses the seeds.

mod kinds;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::Range,
    rc::Rc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use kinds::{Handle, Kind, Maps, Queues, Rows, Told};
use mosaik::{
    collections::{Changes, CollectionConfig, Event, Version},
    groups::{ConsensusConfig, Formation},
    testing::Conditions,
    *,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tokio::time::{sleep, timeout};

use super::{World, within};

/// Seeds without `MOSAIK_SEEDS`. At the usual pace, a seed takes 4 s of a core without optimization, and half a second with
/// it: then a thousand are run, by `.ci/long/collections-seeds`. `.ci/run` has a step for a thousand at the brisk pace.
const SEEDS: Range<u64> = if cfg!(debug_assertions) {
    0..3
} else {
    0..1_000
};

/// How long writers write and links fail.
const TROUBLE: Duration = Duration::from_secs(10);

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// With the times that collections have by default.
    Usual,
    /// Links fail and heal eight times as fast; elections, and calls of each client, come three times as fast. So a run has
    /// as many faults, with a third of the calls, for a fraction of the work.
    Brisk,
}

impl Pace {
    /// A time of links, and of how long they make trouble.
    fn of(self, time: Duration) -> Duration {
        match self {
            Self::Usual => time,
            Self::Brisk => time / 8,
        }
    }

    /// A pause between two calls of one client, at most.
    fn between_calls(self, usual_ms: u64) -> u64 {
        match self {
            Self::Usual => usual_ms,
            Self::Brisk => usual_ms / 3,
        }
    }

    /// Writes that a run has at least, on the average.
    fn written_min(self) -> usize {
        match self {
            Self::Usual => 50,
            Self::Brisk => 20,
        }
    }

    fn consensus(self) -> ConsensusConfig {
        let mut config = ConsensusConfig::default();
        if self == Self::Brisk {
            for time in [
                &mut config.heartbeat_interval,
                &mut config.heartbeat_jitter,
                &mut config.election_timeout,
                &mut config.election_timeout_jitter,
                &mut config.bootstrap_delay,
                &mut config.forward_timeout,
                &mut config.query_timeout,
            ] {
                *time /= 3;
            }
        }
        config
    }
}

/// How long it may take until everybody has everything, once nothing fails any more.
const CALM: Duration = Duration::from_secs(40);

/// How long nothing has changed when all agree.
const QUIET: Duration = Duration::from_millis(100);

/// A write that was acknowledged.
struct Written<K: Kind> {
    write: K::Write,
    told: Told,
}

/// What all calls together have seen.
struct History<K: Kind> {
    written: BTreeMap<Version, Written<K>>,
    /// What was read after `sync`, and as of when.
    read: Vec<(Version, K::Model)>,
    /// The highest version that anybody was told of.
    told: Option<Version>,
    unknown_count: usize,
}

impl<K: Kind> History<K> {
    fn tell(&mut self, version: Version) {
        self.told = self.told.max(Some(version));
    }
}

type Shared<K> = Rc<RefCell<History<K>>>;

/// The changes of every version, as the first replica that had them saw them.
type Seen<K> = Rc<RefCell<BTreeMap<Version, Vec<<K as Kind>::Change>>>>;

async fn write_for_a_while<K: Kind>(
    writer: &K::Writer,
    history: Shared<K>,
    (pace, seed): (Pace, u64),
) {
    let pause_ms = pace.between_calls(100);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut number = seed << 32;
    loop {
        sleep(Duration::from_millis(rng.random_range(0..pause_ms))).await;
        number += 1;
        let write = K::think(&mut rng, writer, number);
        let before = history.borrow().told;
        let outcome = K::write(writer, &write).await;
        let mut history = history.borrow_mut();
        match outcome {
            Ok((version, told)) => {
                assert!(Some(version) > before, "{version} comes after {before:?}");
                history.tell(version);
                let other = history.written.insert(version, Written { write, told });
                assert!(other.is_none(), "two writes have version {version}");
            }
            Err(failed) => history.unknown_count += usize::from(!failed.is_definite),
        }
    }
}

/// Reads after `sync` have everything that anybody was told of before.
async fn read_for_a_while<K: Kind>(
    reader: &K::Reader,
    history: Shared<K>,
    (pace, seed): (Pace, u64),
) {
    let pause_ms = pace.between_calls(300);
    let mut rng = SmallRng::seed_from_u64(seed);
    loop {
        sleep(Duration::from_millis(rng.random_range(0..pause_ms))).await;
        let before = history.borrow().told;
        if let Some(version) = reader.sync().await {
            assert!(Some(version) >= before, "{version} misses {before:?}");
            let (at, content) = reader.content();
            assert!(at >= version);
            let mut history = history.borrow_mut();
            history.tell(at);
            history.read.push((at, content));
        }
    }
}

/// Cuts and mends links, and makes them bad.
async fn fail_for_a_while(world: &World, nodes: &[Network], (pace, seed): (Pace, u64)) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let ids: Vec<PeerId> = nodes.iter().map(|node| node.local().id()).collect();
    loop {
        let pause = Duration::from_millis(rng.random_range(300..2_000));
        sleep(pace.of(pause)).await;
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
                delay: pace.of(Duration::from_millis(rng.random_range(0..20))),
                jitter: pace.of(Duration::from_millis(rng.random_range(0..50))),
                loss: rng.random_range(0.0..0.1),
            }),
            _ => world.net.heal(),
        }
    }
}

/// Follows a replica; where changes are lost to it, it goes on after them.
async fn note_changes<K: Kind>(mut changes: Changes<K::Change>, seen: Seen<K>) {
    let mut own: BTreeMap<Version, Vec<K::Change>> = BTreeMap::new();
    while let Some(event) = changes.next().await {
        if let Event::Changed { version, change } = event {
            own.entry(version).or_default().push(change);
            let (own, mut seen) = (&own[&version], seen.borrow_mut());
            let first = seen.entry(version).or_default();
            // Versions that make several changes are looked at again with each of them.
            if first.len() < own.len() {
                first.clone_from(own);
            }
            assert_eq!(first[..own.len()], own[..], "at {version}");
        }
    }
}

/// What one run came to.
#[derive(Clone, Copy, Default)]
struct Totals {
    written: usize,
    read: usize,
    unknown: usize,
}

async fn run<K: Kind>(seed: u64, pace: Pace) -> Totals {
    let world = World::new(seed);
    let nodes: [Network; 5] = world.nodes().await;
    let config = CollectionConfig::default()
        .with_formation(Formation::Expect(3))
        .with_consensus(pace.consensus())
        .with_history(1_000_000);
    let open = |node| K::writer(node, config.clone());
    let writers: Vec<K::Writer> = nodes[..3].iter().map(open).collect();
    let open = |node| K::reader(node, config.clone());
    let readers: Vec<K::Reader> = nodes[3..].iter().map(open).collect();
    let seen = Seen::<K>::default();
    let history = Rc::new(RefCell::new(History::<K> {
        written: BTreeMap::new(),
        read: Vec::new(),
        told: None,
        unknown_count: 0,
    }));
    let followed = futures::future::join_all(
        writers
            .iter()
            .map(Handle::changes)
            .chain(readers.iter().map(Handle::changes))
            .map(|changes| note_changes::<K>(changes, seen.clone())),
    );
    let trouble = async {
        for writer in &writers {
            within(CALM, "writers are online", writer.when().online()).await;
        }
        let write = |index: usize| {
            let seed = seed * 10 + index as u64;
            write_for_a_while::<K>(&writers[index], history.clone(), (pace, seed))
        };
        let read = |index: usize| {
            let seed = seed * 10 + 5 + index as u64;
            read_for_a_while::<K>(&readers[index], history.clone(), (pace, seed))
        };
        let all = async {
            tokio::join!(
                write(0),
                write(1),
                write(2),
                read(0),
                read(1),
                fail_for_a_while(&world, &nodes, (pace, seed * 10 + 9))
            )
        };
        let _ = timeout(pace.of(TROUBLE), all).await;
        world.net.heal();
        world.net.set_all(Conditions::default());
        let mut rng = SmallRng::seed_from_u64(seed);
        let last = within(CALM, "the last write", async {
            loop {
                let write = K::think(&mut rng, &writers[0], u64::MAX);
                if let Ok((version, told)) = K::write(&writers[0], &write).await {
                    let written = Written { write, told };
                    history.borrow_mut().written.insert(version, written);
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
        // A write whose caller did not wait for it may come even after the last one.
        within(CALM, "all agree", async {
            let versions = || {
                let writers = writers.iter().map(|writer| writer.content().0);
                let readers = readers.iter().map(|reader| reader.content().0);
                writers.chain(readers).collect::<Vec<_>>()
            };
            let mut before = versions();
            loop {
                sleep(QUIET).await;
                let now = versions();
                if now == before && now.iter().all(|version| *version == now[0]) {
                    return;
                }
                before = now;
            }
        })
        .await;
    };
    tokio::select! {
        () = trouble => {}
        _ = followed => panic!("replicas end with their handles"),
    }
    // All have the same now, and those who follow have seen how it came about.
    let (version, content) = writers[0].content();
    let digest = writers[0].state_digest();
    for (name, status, other, other_digest) in writers
        .iter()
        .map(|writer| {
            (
                "writer",
                writer.status(),
                writer.content(),
                writer.state_digest(),
            )
        })
        .chain(readers.iter().map(|reader| {
            (
                "reader",
                reader.status(),
                reader.content(),
                reader.state_digest(),
            )
        }))
    {
        assert_eq!(other, (version, content.clone()), "{name}: {status}");
        assert_eq!(other_digest, digest, "{name}: {status}");
    }
    judge::<K>(&history.borrow(), &seen.borrow(), (version, content))
}

/// Replays it all on a collection of std.
fn judge<K: Kind>(
    history: &History<K>,
    seen: &BTreeMap<Version, Vec<K::Change>>,
    last: (Version, K::Model),
) -> Totals {
    let mut model = K::Model::default();
    let mut read = history.read.clone();
    read.sort_by_key(|(version, _)| *version);
    let mut read = read.into_iter().peekable();
    for index in 0..=last.0.0.0 {
        let version = Version(index.into());
        let before = model.clone();
        for change in seen.get(&version).into_iter().flatten() {
            K::follow(&mut model, change.clone());
        }
        if let Some(Written { write, told }) = history.written.get(&version) {
            let mut expected = before;
            let should_be_told = K::step(&mut expected, write);
            assert_eq!(model, expected, "after {write:?} at {version}");
            assert_eq!(told, &should_be_told, "of {write:?} at {version}");
        }
        while let Some((_, content)) = read.next_if(|(at, _)| *at == version) {
            assert_eq!(content, model, "read at {version}");
        }
    }
    assert_eq!(model, last.1, "at the end");
    assert!(read.next().is_none(), "read beyond the end");
    Totals {
        written: history.written.len(),
        read: history.read.len(),
        unknown: history.unknown_count,
    }
}

/// One run; what panics names its seed.
fn run_seed(seed: u64, pace: Pace) -> Totals {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let outcome = std::panic::catch_unwind(|| {
        runtime.block_on(async {
            match seed % 3 {
                0 => run::<Maps>(seed, pace).await,
                1 => run::<Rows>(seed, pace).await,
                _ => run::<Queues>(seed, pace).await,
            }
        })
    });
    outcome.unwrap_or_else(|panic| {
        eprintln!("seed {seed}");
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn collections_under_faults_are_those_of_std() {
    run_all(Pace::Usual);
}

#[test]
fn brisk_collections_under_faults_are_those_of_std() {
    run_all(Pace::Brisk);
}

fn run_all(pace: Pace) {
    let seeds = seeds().unwrap_or(SEEDS);
    let begin = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let totals: Vec<Totals> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let seeds = seeds.clone().skip(worker).step_by(workers);
                let run = move |seed| run_seed(seed, pace);
                scope.spawn(move || seeds.map(run).collect::<Vec<_>>())
            })
            .collect();
        let joined = handles.into_iter().flat_map(|handle| {
            handle
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    });
    let sum = |count: fn(&Totals) -> usize| totals.iter().map(count).sum::<usize>();
    println!(
        "{} seeds in {:.1?}: {} writes acknowledged, {} unknown, {} strong reads",
        totals.len(),
        begin.elapsed(),
        sum(|totals| totals.written),
        sum(|totals| totals.unknown),
        sum(|totals| totals.read),
    );
    let written = sum(|totals| totals.written);
    assert!(
        written > totals.len() * pace.written_min(),
        "{written} writes"
    );
}

fn seeds() -> Option<Range<u64>> {
    let text = std::env::var("MOSAIK_SEEDS").ok()?;
    let (first, end) = text.split_once("..").expect("MOSAIK_SEEDS is first..end");
    let number = |text: &str| text.parse().expect("MOSAIK_SEEDS is first..end");
    Some(number(first)..number(end))
}
