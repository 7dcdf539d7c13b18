//! Ten thousand attempts with bad tickets, over sockets and in real time: who is admitted does not notice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use mosaik::{
    streams::{Consumer, Producer},
    tickets::{Es256SigningKey, SigningKey},
};
use serde::{Deserialize, Serialize};

use super::*;

/// Attempts of all strangers together.
const ATTEMPTS: usize = 10_000;

/// Strangers, each with an identity of its own.
const STRANGERS: usize = 8;

/// A stranger shows another ticket after this many attempts.
const ATTEMPTS_PER_TICKET: usize = 25;

/// Attempts of one stranger at a time.
const ATTEMPTS_AT_ONCE: usize = 5;

/// Datums of a measurement without strangers.
const QUIET: usize = 2000;

/// Between two datums.
const PACE: Duration = Duration::from_millis(2);

/// Under this, the scheduler of a shared two-core machine is measured, on which the strangers themselves run too.
const NOISE: Duration = Duration::from_millis(5);

/// A measurement that something else on the machine has disturbed is made again, this often.
const MEASUREMENTS: usize = 3;

#[derive(Debug, Serialize, Deserialize)]
struct Sent {
    micros: u64,
}

async fn node(seed: &str) -> Network {
    Network::builder("tickets.hostile")
        .with_secret_key(SecretKey::from(Digest::from(seed)))
        .loopback()
        .build()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_attempts_with_bad_tickets_slow_nobody() {
    let issuer = Es256SigningKey::random();
    let rule = Jwt::with_key(issuer.verifying_key()).allow_issuer("issuer");
    let (guard, member) = (node("guard").await, node("member").await);
    let valid = JwtTicketBuilder::new(issuer.clone())
        .issuer("issuer")
        .build(&member.local().id(), Expiration::in_1h());
    member.discovery().add_ticket(valid);
    let mut producer = guard
        .streams()
        .producer::<Sent>()
        .require_ticket(rule)
        .build()
        .unwrap();
    let mut consumer = member.streams().consume::<Sent>();
    member.discovery().dial(guard.local().addr()).await;
    soon("the member is in", consumer.when().subscribed()).await;

    for measurement in 1..=MEASUREMENTS {
        let start = Instant::now();
        let quiet = p99(&mut producer, &mut consumer, start, |sent| sent < QUIET).await;

        let attack = Attack::start(&guard, issuer.clone(), measurement).await;
        let begun = Instant::now();
        let hostile = p99(&mut producer, &mut consumer, start, |_| !attack.is_over()).await;
        let seconds = begun.elapsed().as_secs_f64();
        let (made, admitted) = attack.end().await;
        println!(
            "{made} attempts in {seconds:.1} s; p99 of the member: {quiet:?} quiet, {hostile:?} under attack"
        );
        assert_eq!(admitted, 0);
        assert!(made >= ATTEMPTS);
        assert_eq!(producer.consumers().count(), 1);
        let told = producer.status().to_string();
        assert!(told.contains("JWT: "), "{told}");
        if hostile <= (2 * quiet).max(NOISE) {
            return;
        }
    }
    panic!("slowed in each of {MEASUREMENTS} measurements");
}

/// How long datums take from the producer to the consumer, but for one in a hundred.
async fn p99(
    producer: &mut Producer<Sent>,
    consumer: &mut Consumer<Sent>,
    start: Instant,
    goes_on: impl Fn(usize) -> bool,
) -> Duration {
    let now = || u64::try_from(start.elapsed().as_micros()).unwrap();
    let mut delays = Vec::new();
    while goes_on(delays.len()) {
        producer.try_send(Sent { micros: now() }).unwrap();
        let sent = soon("a datum", consumer.recv()).await.unwrap();
        delays.push(now() - sent.micros);
        sleep(PACE).await;
    }
    delays.sort_unstable();
    Duration::from_micros(delays[delays.len() * 99 / 100])
}

struct Attack {
    threads: Vec<std::thread::JoinHandle<()>>,
    made: Arc<AtomicUsize>,
    admitted: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Attack {
    /// Strangers on threads of their own, so that they take nothing from the runtime that is measured.
    async fn start(guard: &Network, issuer: Es256SigningKey, measurement: usize) -> Self {
        let attack = Self {
            threads: Vec::new(),
            made: Arc::default(),
            admitted: Arc::default(),
            over: Arc::default(),
        };
        let to = guard.local().addr();
        let (made, admitted, over) = (
            attack.made.clone(),
            attack.admitted.clone(),
            attack.over.clone(),
        );
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let strangers = (0..STRANGERS).map(|index| {
                    let (to, issuer) = (to.clone(), issuer.clone());
                    let (made, admitted) = (made.clone(), admitted.clone());
                    async move {
                        let stranger = node(&format!("stranger {measurement} {index}")).await;
                        stranger.discovery().dial(to).await;
                        insist(&stranger, issuer, &made, &admitted).await;
                        stranger.shutdown(SECOND).await
                    }
                });
                for shut in futures::future::join_all(strangers).await {
                    drop(shut);
                }
            });
            over.store(true, Ordering::Relaxed);
        };
        let thread = std::thread::spawn(run);
        Self {
            threads: vec![thread],
            ..attack
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    async fn end(self) -> (usize, usize) {
        for thread in self.threads {
            tokio::task::spawn_blocking(move || thread.join().unwrap())
                .await
                .unwrap();
        }
        (
            self.made.load(Ordering::Relaxed),
            self.admitted.load(Ordering::Relaxed),
        )
    }
}

/// Asks to be served again and again, with one bad ticket after the other.
async fn insist(
    stranger: &Network,
    issuer: Es256SigningKey,
    made: &AtomicUsize,
    admitted: &AtomicUsize,
) {
    let bad = bad_tickets(stranger, issuer);
    let mut round = 0;
    while made.load(Ordering::Relaxed) < ATTEMPTS {
        if round % ATTEMPTS_PER_TICKET == 0 {
            let next = round / ATTEMPTS_PER_TICKET;
            stranger.discovery().replace_ticket(bad(next));
        }
        round += ATTEMPTS_AT_ONCE;
        let attempts = (0..ATTEMPTS_AT_ONCE).map(|_| async {
            let consumer = stranger.streams().consume::<Sent>();
            let refused = || !consumer.status().refused.is_empty();
            let start = Instant::now();
            while !refused() && start.elapsed() < SECOND {
                sleep(Duration::from_millis(1)).await;
            }
            if consumer.producers().any(|channel| channel.is_connected()) {
                admitted.fetch_add(1, Ordering::Relaxed);
            }
            made.fetch_add(1, Ordering::Relaxed);
        });
        futures::future::join_all(attempts).await;
    }
}

/// Tickets that are wrong in one way each; no two are the same.
fn bad_tickets(stranger: &Network, issuer: Es256SigningKey) -> impl Fn(usize) -> Ticket {
    let id = stranger.local().id();
    move |number| {
        let signed_by = |key: SigningKey| {
            JwtTicketBuilder::new(key)
                .issuer("issuer")
                .token_id(number.to_string())
        };
        let hour = Expiration::in_1h();
        match number % 5 {
            0 => signed_by(Es256SigningKey::random().into()).build(&id, hour),
            1 => signed_by(issuer.clone().into()).build(&id, Expiration::already_expired()),
            2 => signed_by(issuer.clone().into())
                .issuer("somebody")
                .build(&id, hour),
            3 => {
                let other = SecretKey::from(Digest::from_u64(number as u64)).public();
                signed_by(issuer.clone().into()).build(&other, hour)
            }
            _ => Ticket::new(Jwt::CLASS, Bytes::from(vec![b'.'; number % 8000])),
        }
    }
}
