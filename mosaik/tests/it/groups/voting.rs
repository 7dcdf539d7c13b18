//! How soon those who come vote: until then, who was there before them holds the history alone.
//!
//! In virtual time, with the order by a seed.

use std::time::Duration;

use mosaik::{
    testing::{Conditions, MemoryNet},
    *,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::{Instant, sleep};

use super::{Counter, counter, introduce, soon, together::in_virtual_time};
use crate::world::calendar;

/// Orders that are tried.
const SEEDS: u64 = 40;

/// Half a second of being up to date, two changes of members, and a few round trips of up to 80 ms.
const ALL_VOTE_WITHIN: Duration = Duration::from_millis(700);

#[test]
fn the_third_of_three_votes_soon_after_it_is_online() {
    let mut all = Vec::new();
    for seed in 0..SEEDS {
        in_virtual_time(async { all.push(Coming::of(seed).await) });
    }
    all.sort_by_key(Coming::took);
    let (median, slowest) = (&all[all.len() / 2], &all[all.len() - 1]);
    println!(
        "all vote after {:?} in the median, {:?} at most",
        median.took(),
        slowest.took()
    );
    assert!(slowest.took() < ALL_VOTE_WITHIN, "{slowest:#?}");
}

/// How three came that know each other.
#[derive(Debug)]
struct Coming {
    #[expect(dead_code, reason = "shown where it took too long")]
    seed: u64,
    /// When the last of them was online.
    online: Duration,
    /// When each of them knew that all vote.
    all_vote: Duration,
    /// What the members saw, and when.
    steps: Vec<String>,
}

impl Coming {
    fn took(&self) -> Duration {
        self.all_vote - self.online
    }

    async fn of(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let net = MemoryNet::new(seed);
        net.set_all(Conditions {
            delay: Duration::from_millis(rng.random_range(0..30)),
            jitter: Duration::from_millis(rng.random_range(0..10)),
            loss: 0.0,
        });
        // At once, nearly at once, or one after the other.
        let spread = [1, 20, 300, 3_000][rng.random_range(0..4)];
        let start = Instant::now();
        let mut nodes: Vec<Network> = Vec::new();
        let mut groups: Vec<Group<Counter>> = Vec::new();
        for number in 0..3 {
            sleep(Duration::from_millis(rng.random_range(0..spread))).await;
            let node = Network::builder("voting")
                .with_memory_net(&net)
                .with_clock(calendar())
                .with_seed(seed * 100 + number)
                .build();
            nodes.push(node.await.unwrap());
            introduce(&nodes).await;
            groups.push(counter(nodes.last().expect("it was pushed")));
        }
        let mut coming = Self {
            seed,
            online: Duration::ZERO,
            all_vote: Duration::ZERO,
            steps: Vec::new(),
        };
        let mut seen = vec![(false, 0, 0); groups.len()];
        let voting = async {
            while seen != [(true, 3, 0); 3] {
                let at = start.elapsed();
                for ((number, group), before) in groups.iter().enumerate().zip(&mut seen) {
                    let status = group.status();
                    let now = (status.is_online, status.voters.len(), status.learners.len());
                    if now == *before {
                        continue;
                    }
                    let (is_online, voters, learners) = now;
                    coming.steps.push(format!(
                        "{at:?}: member {number}, online: {is_online}, sees {voters} voters, {learners} learners"
                    ));
                    if is_online && !before.0 {
                        coming.online = at;
                    }
                    coming.all_vote = at;
                    *before = now;
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        soon("all to vote", voting).await;
        coming
    }
}
