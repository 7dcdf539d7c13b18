//! What attackers do, one task each.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use mosaik::{Network, SecretKey, discovery, iroh::EndpointAddr, testing::Clock};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    Attack, BATCH, Plan, Record, STRANGERS,
    intruder::{self, Arena, Intruder, Lane},
    program::Counts,
};

/// Connections of each kind that are held open at a target.
const HELD: u32 = 16;

/// A stranger shows another ticket after this many attempts.
const ATTEMPTS_PER_TICKET: u64 = 25;

/// Answers that take longer are not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the attack on one target.
pub(super) fn launch(
    tasks: &mut JoinSet<()>,
    arena: &Arc<Arena>,
    target: &EndpointAddr,
    plan: &Plan,
    counts: &Arc<Counts>,
) {
    let raid = Raid {
        arena: Arc::clone(arena),
        target: target.clone(),
        counts: Arc::clone(counts),
        pace: Duration::from_secs(1) / plan.per_second,
    };
    match plan.attack.clone() {
        Attack::Silence => {
            for number in 0..2 * HELD {
                // One after the other from the beginning.
                let (first, after_hello) = (raid.pace * number, number % 2 == 1);
                let raid = raid.paced_for(2 * HELD);
                tasks.spawn(async move {
                    sleep(first).await;
                    raid.says_nothing(after_hello).await;
                });
            }
        }
        Attack::Oversize => drop(tasks.spawn(raid.announces_too_much())),
        Attack::Deaf => drop(tasks.spawn(raid.never_reads())),
        Attack::Ahead => drop(tasks.spawn(raid.comes_from_the_future())),
        Attack::Forged(genuine) => drop(tasks.spawn(raid.forges(genuine))),
        Attack::Replayed(genuine) => drop(tasks.spawn(raid.replays(genuine))),
        Attack::DeafConsumer { stream, schema } => {
            let request = intruder::open_stream(stream, schema);
            tasks.spawn(raid.consumes_unread(request));
        }
        Attack::Stream {
            stream,
            schema,
            issuer,
        } => {
            let request = intruder::open_stream(stream, schema);
            for _ in 0..STRANGERS {
                let raid = raid.paced_for(STRANGERS);
                tasks.spawn(raid.insists(Lane::Data, request.clone(), None, issuer));
            }
        }
        Attack::Bond { group, issuer } => {
            let request = intruder::open_bond(group);
            for _ in 0..STRANGERS {
                let raid = raid.paced_for(STRANGERS);
                tasks.spawn(raid.insists(Lane::Control, request.clone(), Some(group), issuer));
            }
        }
    }
}

/// What every attack needs.
#[derive(Clone)]
struct Raid {
    arena: Arc<Arena>,
    target: EndpointAddr,
    counts: Arc<Counts>,
    /// Between two attempts.
    pace: Duration,
}

impl Raid {
    /// One of so many, which keep the pace together.
    fn paced_for(&self, count: u32) -> Self {
        let mut one = self.clone();
        one.pace *= count;
        one
    }

    fn pacer(&self) -> tokio::time::Interval {
        let mut pacer = interval(self.pace);
        pacer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        pacer
    }

    fn count(&self, attempts: usize) {
        self.counts
            .made
            .fetch_add(attempts as u64, Ordering::Relaxed);
    }

    async fn says_nothing(self, after_hello: bool) {
        let mut pacer = self.pacer();
        loop {
            pacer.tick().await;
            let mute = Intruder::new(&self.arena).await;
            if after_hello {
                if let Some(connection) = mute.greeted(&self.target, Lane::Control).await {
                    let stream = connection.open_bi().await.ok();
                    self.count(1);
                    if let Some((mut send, _receive)) = stream {
                        // The other side learns of a stream with its first byte.
                        let _ = send.write_all(&[0]).await;
                        let _ = send.stopped().await;
                    }
                }
            } else if let Some(connection) = mute.connect(&self.target, Lane::Control).await {
                self.count(1);
                connection.closed().await;
            }
            mute.leave().await;
        }
    }

    async fn announces_too_much(self) {
        let mut pacer = self.pacer();
        loop {
            pacer.tick().await;
            let intruder = Intruder::new(&self.arena).await;
            if let Some(mut link) = intruder.linked(&self.target).await {
                let _ = link.send.write_all(&[0xff; 64]).await;
                self.count(1);
                // Until the other side has ended the stream.
                let read = link.receive.read_to_end(1024 * 1024);
                let _ = timeout(PATIENCE, read).await;
            }
            intruder.leave().await;
        }
    }

    async fn never_reads(self) {
        let mut pacer = self.pacer();
        loop {
            pacer.tick().await;
            let intruder = Intruder::new(&self.arena).await;
            if let Some(mut link) = intruder.linked(&self.target).await {
                self.count(1);
                // Each ping is owed an answer that nobody takes.
                let pings = async {
                    let mut nonce = 0;
                    while link.write(&intruder::ping(nonce)).await.is_some() {
                        nonce += 1;
                        // Otherwise the clock has no turn.
                        tokio::task::yield_now().await;
                    }
                };
                let _ = timeout(PATIENCE, pings).await;
            }
            intruder.leave().await;
        }
    }

    async fn comes_from_the_future(self) {
        let mut pacer = self.pacer();
        loop {
            pacer.tick().await;
            let ahead = Clock::system().with_offset(chrono::Duration::hours(1));
            let discovery = discovery::Config::builder().no_auto_bootstrap();
            let built = Network::builder(self.arena.network())
                .loopback()
                .with_clock(ahead)
                .with_discovery(discovery)
                .build()
                .await;
            let Ok(network) = built else { continue };
            // It does not wait to be found, and it always has news.
            let synced = network.discovery().sync_with(self.target.clone());
            let _ = timeout(PATIENCE, synced).await;
            for news in 0..NEWS_FROM_THE_FUTURE {
                network.discovery().add_tags(news.to_string().as_str());
                self.count(1);
                pacer.tick().await;
            }
            let _ = network.shutdown(Duration::from_secs(2)).await;
        }
    }

    async fn forges(self, genuine: Record) {
        let mut pacer = self.batches();
        let mut number = 0;
        loop {
            pacer.tick().await;
            let intruder = Intruder::new(&self.arena).await;
            if let Some(mut link) = intruder.linked(&self.target).await {
                let forged = |_| {
                    number += 1;
                    // A newer version, under a signature that is not its own.
                    let mut forged = genuine.clone();
                    forged.version.1 += number;
                    let byte = forged.signed.len() - 1 - usize::try_from(number).unwrap() % 64;
                    forged.signed[byte] ^= 1;
                    forged
                };
                let batch: Vec<Record> = (0..BATCH).map(forged).collect();
                if link.write(&intruder::records(&batch)).await.is_some() {
                    // Either it has read it all, or it has had enough.
                    let _ = timeout(PATIENCE, link.is_heard_out()).await;
                    self.count(BATCH);
                }
            }
            intruder.leave().await;
        }
    }

    async fn replays(self, genuine: Record) {
        let mut pacer = self.batches();
        let batch = intruder::records(&vec![genuine; BATCH]);
        loop {
            let intruder = Intruder::new(&self.arena).await;
            if let Some(mut link) = intruder.linked(&self.target).await {
                loop {
                    pacer.tick().await;
                    if link.write(&batch).await.is_none() {
                        break;
                    }
                    match timeout(PATIENCE, link.is_heard_out()).await {
                        Ok(true) => self.count(BATCH),
                        _ => break,
                    }
                }
            }
            intruder.leave().await;
        }
    }

    async fn consumes_unread(self, request: Vec<u8>) {
        let mut pacer = self.pacer();
        let intruder = Intruder::new(&self.arena).await;
        loop {
            pacer.tick().await;
            let Some(mut entries) = intruder.introduced(&self.target).await else {
                continue;
            };
            if entries.show(None, None).await.is_none() {
                continue;
            }
            let connection = intruder.beside(&entries, &self.target, Lane::Data);
            let Some(connection) = connection.await else {
                continue;
            };
            // Until the entry has arrived it is refused as unknown.
            loop {
                let Some((send, receive, answer)) = intruder::open(&connection, &request).await
                else {
                    break;
                };
                if intruder::is_accepted(&answer) {
                    self.count(1);
                    // Until the other side ends the stream.
                    let _ = send.stopped().await;
                    drop(receive);
                }
                pacer.tick().await;
            }
        }
    }

    /// The pace of entries, taken in messages.
    fn batches(&self) -> tokio::time::Interval {
        self.paced_for(u32::try_from(BATCH).expect("a small number"))
            .pacer()
    }

    /// Asks to be served again and again, with one bad ticket after the other.
    async fn insists(
        self,
        lane: Lane,
        request: Vec<u8>,
        group: Option<mosaik::Digest>,
        issuer: [u8; 32],
    ) {
        let mut pacer = self.pacer();
        let secret = SecretKey::from_bytes(mosaik::Digest::random().as_bytes());
        let stranger = Intruder::with_secret(&self.arena, secret).await;
        let mut round = 0;
        loop {
            pacer.tick().await;
            let Some(mut entries) = stranger.introduced(&self.target).await else {
                continue;
            };
            let Some(connection) = stranger.beside(&entries, &self.target, lane).await else {
                continue;
            };
            loop {
                if round % ATTEMPTS_PER_TICKET == 0 {
                    let ticket =
                        intruder::bad_ticket(&stranger.id(), issuer, round / ATTEMPTS_PER_TICKET);
                    if entries.show(Some(ticket), group).await.is_none() {
                        break;
                    }
                }
                pacer.tick().await;
                let answer = timeout(PATIENCE, intruder::ask(&connection, &request)).await;
                let Ok(Some(answer)) = answer else { break };
                round += 1;
                self.count(1);
                if intruder::is_accepted(&answer) {
                    self.counts.admitted.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// What a node from the future announces before it comes again.
const NEWS_FROM_THE_FUTURE: usize = 20;
