//! Nodes that know each other before they join: one history from the first command on, in whatever order things happen.
//!
//! In virtual time, with the order by a seed.

use std::{cell::Cell, time::Duration};

use futures::future::join_all;
use mosaik::{
    groups::{Config, Formation},
    testing::{Conditions, Flaw, MemoryNet},
    *,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::{Instant, sleep};

use super::{Ask, Counter, all_vote, counter, introduce, online, soon, until};
use crate::world::calendar;

/// Pairs that start at the same time.
const PAIRS: u64 = 100;

/// Orders that are tried.
const SEEDS: u64 = 60;

/// Calls of each member.
const ROUNDS: usize = 5;

#[test]
fn nodes_that_know_each_other_never_miss_what_one_of_them_acknowledged() {
    for seed in 0..SEEDS {
        in_virtual_time(async {
            let found = never_apart(seed, None).await;
            found.unwrap_or_else(|finding| panic!("seed {seed}: {finding}"));
        });
    }
}

/// What the test above is for: members that found as soon as discovery has settled.
#[test]
fn founding_unheard_is_found() {
    let mut found = 0;
    for seed in 0..SEEDS / 6 {
        in_virtual_time(async {
            if let Err(finding) = never_apart(seed, Some(Flaw::FoundsUnheard)).await {
                println!("seed {seed}: {finding}");
                found += 1;
            }
        });
    }
    assert!(found > 0, "no answer gave the mistake away");
}

async fn never_apart(seed: u64, flaw: Option<Flaw>) -> Result<(), String> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let net = MemoryNet::new(seed);
    let nodes = flawed_nodes(&net, seed, rng.random_range(2..=5), flaw).await;
    introduce(&nodes).await;
    net.set_all(Conditions {
        delay: Duration::from_millis(rng.random_range(0..30)),
        jitter: Duration::from_millis(rng.random_range(0..10)),
        loss: 0.0,
    });
    // At once, nearly at once, or one after the other.
    let spread = [1, 20, 300, 3_000][rng.random_range(0..4)];
    let acknowledged = Cell::new(0);
    let members = nodes.iter().map(|node| {
        let wait = Duration::from_millis(rng.random_range(0..spread));
        let acknowledged = &acknowledged;
        async move {
            sleep(wait).await;
            let group = counter(node);
            soon("online", group.when().online()).await;
            for _ in 0..ROUNDS {
                let before = acknowledged.get();
                let sum = soon("a strong query", group.query(Ask::Sum, Strong)).await;
                let sum = sum.map_err(|error| error.to_string())?.result()[0];
                if sum < before {
                    return Err(format!("a strong query saw {sum} of {before} acknowledged"));
                }
                let index = soon("a command", group.execute(1)).await;
                let index = index.map_err(|error| error.to_string())?;
                if (index.0 as i64) <= before {
                    return Err(format!("{index:?} given after {before}"));
                }
                acknowledged.set(acknowledged.get() + 1);
            }
            Ok(group)
        }
    });
    let groups: Vec<_> = join_all(members)
        .await
        .into_iter()
        .collect::<Result<_, String>>()?;
    all_vote_or_learn(&groups).await;
    let lineage = groups[0].status().lineage;
    for group in &groups {
        if lineage.is_none() || group.status().lineage != lineage {
            return Err("members of different histories".to_owned());
        }
        let sum = soon("a strong query", group.query(Ask::Sum, Strong)).await;
        assert_eq!(sum.unwrap(), vec![(nodes.len() * ROUNDS) as i64]);
    }
    Ok(())
}

#[test]
fn a_late_joiner_has_the_history_when_it_is_online() {
    for seed in 0..SEEDS / 3 {
        in_virtual_time(late(seed));
    }
}

async fn late(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let net = MemoryNet::new(seed);
    let nodes = nodes(&net, seed, 3).await;
    // One knows of the other only through a third that is not in the group.
    introduce(&nodes[..2]).await;
    introduce(&nodes[1..]).await;
    net.set_all(Conditions::delay(Duration::from_millis(
        rng.random_range(0..30),
    )));
    let first = counter(&nodes[0]);
    soon("the first", first.when().online()).await;
    soon("commands", first.execute_many(1..=200)).await.unwrap();
    sleep(Duration::from_millis(rng.random_range(0..100))).await;
    let late = counter(&nodes[2]);
    soon("the late one", late.when().online()).await;
    let history = late.query(Ask::History, Strong).await.unwrap();
    assert_eq!(history.result().len(), 200, "seed {seed}");
    let groups = [first, late];
    all_vote(&groups).await;
    assert_eq!(groups[0].status().lineage, groups[1].status().lineage);
}

#[test]
fn who_is_alone_in_the_group_does_not_wait_for_those_that_are_not() {
    in_virtual_time(async {
        let net = MemoryNet::new(1);
        let nodes = nodes(&net, 1, 4).await;
        introduce(&nodes).await;
        net.set_all(Conditions::delay(Duration::from_millis(10)));
        let start = Instant::now();
        let group = counter(&nodes[0]);
        soon("the first command", group.when().online()).await;
        soon("the first command", group.execute(1)).await.unwrap();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        // One that has just died may have been a member: it is waited for, but not long.
        net.crash(nodes[3].local().id());
        let start = Instant::now();
        let group = super::builder(&nodes[1], "another").join();
        soon("the first command", group.when().online()).await;
        soon("the first command", group.execute(1)).await.unwrap();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(4), "{took:?}");
    });
}

#[test]
fn two_that_expect_two_are_one_group_within_five_seconds() {
    let mut took = Vec::new();
    for seed in 0..PAIRS {
        in_virtual_time(async { took.push(pair(seed).await) });
    }
    took.sort();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    println!("{PAIRS} pairs: online after {median:?} in the median, {slowest:?} at most");
    assert!(slowest < Duration::from_secs(5), "{took:?}");
}

/// How long two take that know each other and start at the same time.
async fn pair(seed: u64) -> Duration {
    let mut rng = SmallRng::seed_from_u64(seed);
    let net = MemoryNet::new(seed);
    let nodes = nodes(&net, seed, 2).await;
    introduce(&nodes).await;
    net.set_all(Conditions {
        delay: Duration::from_millis(rng.random_range(0..20)),
        jitter: Duration::from_millis(rng.random_range(0..10)),
        loss: rng.random_range(0.0..0.02),
    });
    let start = Instant::now();
    let join = |node| {
        let builder = super::builder(node, "pair");
        builder.with_formation(Formation::Expect(2)).join()
    };
    let first = join(&nodes[0]);
    sleep(Duration::from_millis(rng.random_range(0..50))).await;
    let groups = [first, join(&nodes[1])];
    online(&groups).await;
    let took = start.elapsed();
    assert_eq!(
        groups[0].status().lineage,
        groups[1].status().lineage,
        "seed {seed}"
    );
    assert!(
        groups.iter().all(|group| group.bonds().len() == 1),
        "seed {seed}"
    );
    took
}

#[test]
fn a_group_across_an_ocean_keeps_its_leader_and_its_lease() {
    in_virtual_time(async {
        let net = MemoryNet::new(1);
        let nodes = nodes(&net, 1, 3).await;
        introduce(&nodes).await;
        // A round trip of 300 ms: three times the interval between signs of life.
        net.set_all(Conditions::delay(Duration::from_millis(150)));
        let groups: Vec<_> = nodes.iter().map(counter).collect();
        all_vote(&groups).await;
        online(&groups).await;
        let (leader, term) = (groups[0].leader(), groups[0].status().term);
        let end = Instant::now() + Duration::from_secs(30);
        let mut count = 0;
        while Instant::now() < end {
            let group = &groups[count % groups.len()];
            assert!(group.status().is_online, "{:#?}", group.status());
            soon("a command", group.execute(1)).await.unwrap();
            count += 1;
            let sum = soon("a strong query", group.query(Ask::Sum, Strong)).await;
            assert_eq!(sum.unwrap(), vec![count as i64]);
            sleep(Duration::from_millis(700)).await;
        }
        assert_eq!(
            (groups[0].leader(), groups[0].status().term),
            (leader, term)
        );
    });
}

pub(super) fn in_virtual_time(run: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run);
}

/// Nodes that do not know each other yet, all chance of theirs by the seed.
async fn nodes(net: &MemoryNet, seed: u64, count: usize) -> Vec<Network> {
    flawed_nodes(net, seed, count, None).await
}

async fn flawed_nodes(
    net: &MemoryNet,
    seed: u64,
    count: usize,
    flaw: Option<Flaw>,
) -> Vec<Network> {
    let network = NetworkId::from("together");
    let build = |number| {
        Network::builder(network)
            .with_memory_net(net)
            .with_clock(calendar())
            .with_seed(seed * 100 + number as u64)
            .with_groups(
                flaw.map_or_else(Config::builder, |flaw| Config::builder().with_flaw(flaw)),
            )
            .build()
    };
    let nodes = join_all((0..count).map(build)).await;
    nodes.into_iter().map(Result::unwrap).collect()
}

/// All are voters, but the last of an even number, which has no need to be.
async fn all_vote_or_learn(groups: &[Group<Counter>]) {
    online(groups).await;
    let is_in = |group: &Group<Counter>| {
        let status = group.status();
        status.voters.len() + status.learners.len() == groups.len()
    };
    soon("all to be in", until(|| groups.iter().all(is_in))).await;
}
