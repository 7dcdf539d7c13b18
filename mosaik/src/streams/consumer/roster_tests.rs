use {
    super::*,
    crate::primitives::{SecretKey, backoff::backoff::Constant},
};

const BACKOFF: Duration = Duration::from_secs(3);

struct Bench {
    roster: Roster,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let backoff = || Box::new(Constant::new(BACKOFF)) as Box<dyn Backoff + Send + Sync>;
        Self {
            roster: Roster::new(backoff, Rng::seeded(1)),
            now: crate::runtime::Clock::system().now(),
        }
    }

    fn scan(&mut self, local: u64, candidates: &[(u8, u64)]) -> Vec<Action> {
        let candidate = |(peer, mark): &(u8, u64)| Candidate {
            peer: id(*peer),
            mark: Mark::new(*mark),
            valid_until: ValidUntil(None),
        };
        let candidates: Vec<_> = candidates.iter().map(candidate).collect();
        self.roster.scan(self.now, Mark::new(local), &candidates)
    }

    fn ended(&mut self, peer: u8, generation: u64, outcome: Outcome) -> Vec<Action> {
        self.roster.ended(self.now, &id(peer), generation, outcome)
    }

    /// How long until the next attempt, which is then made.
    fn wait(&mut self) -> (Duration, Vec<Action>) {
        let until = self.roster.deadline().expect("an attempt is due");
        let wait = until - self.now;
        self.now = until;
        (wait, self.roster.tick(until))
    }
}

fn id(peer: u8) -> PeerId {
    SecretKey::from_bytes(&[peer; 32]).public()
}

fn start(peer: u8, generation: u64) -> Action {
    Action::Start {
        peer: id(peer),
        generation,
    }
}

#[test]
fn producers_are_started_once_and_stopped_when_no_longer_eligible() {
    let mut bench = Bench::new();
    let mut started = bench.scan(0, &[(1, 0), (2, 0)]);
    started.sort_by_key(|action| matches!(action, Action::Start { peer, .. } if *peer == id(2)));
    assert_eq!(started.len(), 2);
    assert_eq!(bench.scan(0, &[(1, 0), (2, 0)]), []);
    let stopped = bench.scan(0, &[(1, 0)]);
    assert!(
        matches!(stopped[..], [Action::Stop { peer, .. }] if peer == id(2)),
        "{stopped:?}"
    );
    assert_eq!(bench.scan(0, &[(1, 0)]), []);
}

/// Spec 11, S3: a receiver that was told to stop may still deliver; the next one starts only after it has reported, and
/// its report does not evict the next one.
#[test]
fn s3_a_stale_report_does_not_touch_the_next_receiver() {
    let mut bench = Bench::new();
    assert_eq!(bench.scan(0, &[(1, 0)]), [start(1, 1)]);
    assert_eq!(
        bench.scan(0, &[]),
        [Action::Stop {
            peer: id(1),
            generation: 1
        }]
    );
    // Eligible again before the first one is gone: nothing starts yet.
    assert_eq!(bench.scan(0, &[(1, 1)]), []);
    bench.ended(1, 1, Outcome::Stopped);
    assert_eq!(bench.wait(), (Duration::ZERO, vec![start(1, 2)]));
    // The first one again, late.
    assert_eq!(bench.ended(1, 1, Outcome::Stopped), []);
    assert_eq!(bench.scan(0, &[(1, 1)]), []);
    assert_eq!(bench.roster.deadline(), None);
}

#[test]
fn an_unknown_peer_syncs_and_then_tries_again() {
    let mut bench = Bench::new();
    bench.scan(0, &[(1, 0)]);
    for generation in 1..=3 {
        let sync = Action::Sync {
            peer: id(1),
            generation,
        };
        assert_eq!(bench.ended(1, generation, Outcome::UnknownPeer), [sync]);
        bench.roster.synced(bench.now, &id(1), generation + 7);
        assert_eq!(bench.roster.deadline(), None, "another generation's sync");
        bench.roster.synced(bench.now, &id(1), generation);
        assert_eq!(
            bench.wait(),
            (Duration::ZERO, vec![start(1, generation + 1)])
        );
    }
    assert_eq!(bench.ended(1, 4, Outcome::UnknownPeer), []);
    assert_eq!(bench.wait().0, BACKOFF);
}

#[test]
fn a_broken_link_is_taken_up_at_once_and_a_failed_attempt_by_the_policy() {
    let mut bench = Bench::new();
    bench.scan(0, &[(1, 0)]);
    bench.roster.connected(&id(1), 1);
    bench.ended(
        1,
        1,
        Outcome::Lost {
            was_connected: true,
        },
    );
    let (wait, started) = bench.wait();
    assert!(wait < Duration::from_millis(50), "{wait:?}");
    assert_eq!(started, [start(1, 2)]);
    bench.ended(
        1,
        2,
        Outcome::Lost {
            was_connected: false,
        },
    );
    assert_eq!(bench.wait().0, BACKOFF);
}

/// Spec 11, S5: a refused consumer does not retry on every change of the catalog, and not never either.
#[test]
fn s5_refusals_are_retried_when_entries_change_and_slowly_otherwise() {
    let mut bench = Bench::new();
    bench.scan(0, &[(1, 0)]);
    let mut waited = Duration::ZERO;
    let mut attempts = 0;
    let mut generation = 1;
    while waited < Duration::from_secs(1) {
        bench.ended(1, generation, Outcome::Refused);
        // Other peers' changes do not matter.
        assert_eq!(bench.scan(0, &[(1, 0)]), []);
        waited += bench.wait().0;
        attempts += 1;
        generation += 1;
    }
    assert!(
        (3..=10).contains(&attempts),
        "{attempts} attempts in the first second"
    );
    while waited < EAGER_FOR {
        bench.ended(1, generation, Outcome::Refused);
        let (wait, _) = bench.wait();
        assert!(
            wait < Duration::from_secs(1),
            "{wait:?} while entries are fresh"
        );
        waited += wait;
        generation += 1;
    }
    bench.ended(1, generation, Outcome::Refused);
    let (wait, _) = bench.wait();
    assert!(
        wait > Duration::from_secs(3),
        "{wait:?} long after a change"
    );
    // Our own entry changes: at once.
    bench.ended(1, generation + 1, Outcome::Refused);
    assert_eq!(bench.scan(1, &[(1, 0)]), [start(1, generation + 2)]);
    // The producer's entry changes: at once.
    bench.ended(1, generation + 2, Outcome::Refused);
    assert_eq!(bench.scan(1, &[(1, 1)]), [start(1, generation + 3)]);
}

#[test]
fn who_carries_a_ticket_asks_again_within_a_second_however_late() {
    let mut bench = Bench::new();
    bench.roster.carries_tickets(true);
    bench.scan(1, &[(1, 1)]);
    bench.now += Duration::from_secs(3600);
    for generation in 1..20 {
        bench.ended(1, generation, Outcome::Refused);
        let (waited, actions) = bench.wait();
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        assert_eq!(actions, [start(1, generation + 1)]);
    }
}

#[test]
fn a_freed_place_is_taken_within_two_seconds_however_late() {
    let mut bench = Bench::new();
    bench.scan(0, &[(1, 0)]);
    for generation in 1..200 {
        bench.ended(1, generation, Outcome::NoCapacity);
        let (wait, _) = bench.wait();
        assert!(
            wait < Duration::from_secs(1),
            "{wait:?} at attempt {generation}"
        );
    }
}

/// Spec 11, S4: what a policy has counted before a connection says nothing about the time after it.
#[test]
fn s4_the_policy_starts_anew_with_every_connection() {
    #[derive(Clone)]
    struct Twice(u8);
    impl Backoff for Twice {
        fn reset(&mut self) {
            self.0 = 0;
        }
        fn next_backoff(&mut self) -> Option<Duration> {
            self.0 += 1;
            (self.0 <= 2).then_some(BACKOFF)
        }
    }
    let mut bench = Bench::new();
    bench.roster = Roster::new(|| Box::new(Twice(0)), Rng::seeded(1));
    bench.scan(0, &[(1, 0)]);
    let lost = Outcome::Lost {
        was_connected: false,
    };
    for generation in [1, 2] {
        bench.ended(1, generation, lost);
        bench.wait();
    }
    bench.roster.connected(&id(1), 3);
    bench.ended(
        1,
        3,
        Outcome::Lost {
            was_connected: true,
        },
    );
    bench.wait();
    for generation in [4, 5] {
        bench.ended(1, generation, lost);
        assert_eq!(bench.wait().0, BACKOFF);
    }
    bench.ended(1, 6, lost);
    assert_eq!(bench.roster.deadline(), None);
    assert!(bench.roster.has_given_up(&id(1)));
    // The producer starts anew: so do we.
    assert_eq!(bench.scan(0, &[(1, 1)]), [start(1, 7)]);
}

#[test]
fn incompatible_ends_are_left_alone_for_long() {
    let mut bench = Bench::new();
    bench.scan(0, &[(1, 0)]);
    bench.ended(1, 1, Outcome::Incompatible);
    assert!(bench.wait().0 > Duration::from_secs(20));
}
