//! The task of a consumer: looks for producers and keeps a receiver for each.

use {
    super::{
        receiver::{Ending, Receiver},
        roster::{Action, Candidate, Mark, Outcome, Roster},
        shared::{Memory, Shared},
    },
    crate::{
        primitives::{Datum, PeerEntry, PeerId, Short},
        runtime::{Rng, Shutdown, Tasks, time},
        streams::{
            admission::{check, until_the_calendar_shows},
            event::ConsumerEvent,
            registry::Surroundings,
        },
    },
    chrono::{DateTime, Utc},
    futures::StreamExt,
    std::{
        collections::BTreeMap,
        mem,
        sync::{Arc, Mutex, PoisonError},
        time::Duration,
    },
    tokio::sync::Notify,
    tracing::Instrument,
};

pub(crate) struct ConsumerActor<D> {
    shared: Arc<Shared<D>>,
    surroundings: Arc<Surroundings>,
    tasks: Tasks,
    roster: Roster,
    /// What is known of each producer that is not being received from right now.
    memories: BTreeMap<PeerId, Memory>,
    stops: BTreeMap<PeerId, Shutdown>,
    /// When a producer that was refused may be acceptable, though its entry does not change.
    refused_until: Option<DateTime<Utc>>,
    reports: Arc<Reports>,
}

/// What receivers tell the actor. Bounded by their number.
#[derive(Default)]
struct Reports {
    queue: Mutex<Vec<Report>>,
    told: Notify,
}

enum Report {
    Connected {
        peer: PeerId,
        generation: u64,
    },
    Synced {
        peer: PeerId,
        generation: u64,
    },
    Ended {
        peer: PeerId,
        generation: u64,
        ending: Ending,
        memory: Memory,
    },
}

impl Reports {
    fn tell(&self, report: Report) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(report);
        self.told.notify_one();
    }

    fn take(&self) -> Vec<Report> {
        mem::take(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<D: Datum> ConsumerActor<D> {
    pub(crate) fn new(
        shared: Arc<Shared<D>>,
        surroundings: Arc<Surroundings>,
        tasks: Tasks,
        rng: Rng,
    ) -> Self {
        let make_backoff = shared.config.backoff.clone();
        Self {
            shared,
            surroundings,
            tasks,
            roster: Roster::new(move || make_backoff(), rng),
            memories: BTreeMap::new(),
            stops: BTreeMap::new(),
            refused_until: None,
            reports: Arc::default(),
        }
    }

    pub(crate) async fn run(mut self) {
        let shutdown = self.tasks.shutdown().clone();
        // Subscribed before the first look, so that no change is missed.
        let mut entries = self.surroundings.directory.changes();
        let mut local = self.surroundings.registry.changes();
        self.scan();
        loop {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.reports.told.notified() => self.take_reports(),
                Some(()) = entries.next() => self.scan(),
                Ok(()) = local.changed() => self.scan(),
                () = time::sleep(deadline.unwrap_or(FAR)) => self.tick(),
                else => break,
            }
        }
        self.shared.board.end();
        self.shared.inbox.end();
    }

    /// When a right begins or ends though no entry changes.
    fn review_at(&self) -> Option<DateTime<Utc>> {
        [self.roster.expires_at(), self.refused_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// Until the next attempt is due, or a ticket runs out.
    fn deadline(&self) -> Option<Duration> {
        let clock = &self.shared.clock;
        let attempt = self
            .roster
            .deadline()
            .map(|due| due.saturating_duration_since(clock.now()));
        let expiry = self
            .review_at()
            .map(|at| until_the_calendar_shows(at, clock.utc()));
        [attempt, expiry].into_iter().flatten().min()
    }

    fn tick(&mut self) {
        let expired = self
            .review_at()
            .is_some_and(|at| at <= self.shared.clock.utc());
        if expired {
            self.scan();
        } else {
            let actions = self.roster.tick(self.shared.clock.now());
            self.apply(actions);
        }
    }

    /// Looks at every producer of the stream.
    fn scan(&mut self) {
        let directory = &self.surroundings.directory;
        let config = &self.shared.config;
        let me = directory.me();
        let utc = self.shared.clock.utc();
        let mut candidates = Vec::new();
        let mut refused_until = None;
        let mut consider = |entry: &PeerEntry, mark: Mark| match check(
            entry.id(),
            entry,
            &config.require,
            &config.gate,
            utc,
        ) {
            Ok(valid_until) => candidates.push(Candidate {
                peer: *entry.id(),
                mark,
                valid_until,
            }),
            Err(refusal) => {
                refused_until = [refused_until, refusal.judge_again_at()]
                    .into_iter()
                    .flatten()
                    .min();
                let reason = format!("{refusal}, as this consumer asks");
                self.shared
                    .refusals
                    .note(*entry.id(), &reason, self.shared.clock.now());
            }
        };
        for entry in directory.producers(&config.stream_id) {
            consider(&entry, Mark::of(&entry));
        }
        if let Some(core) = self.surroundings.registry.find(&config.stream_id) {
            consider(&me, Mark::of(&me).with(core.incarnation));
        }
        self.refused_until = refused_until;
        let now = self.shared.clock.now();
        self.roster.carries_tickets(!me.tickets().is_empty());
        let actions = self.roster.scan(now, Mark::of(&me), &candidates);
        self.apply(actions);
    }

    fn apply(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Start { peer, generation } => self.start(peer, generation),
                Action::Stop { peer, .. } => {
                    if let Some(stop) = self.stops.get(&peer) {
                        stop.cancel();
                    }
                }
                Action::Sync { peer, generation } => {
                    let reports = self.reports.clone();
                    let sync = self.surroundings.directory.sync_with(peer);
                    self.tasks.spawn("sync", async move {
                        if !sync.await {
                            tracing::debug!(%peer, "sync with a producer that does not know us failed");
                        }
                        reports.tell(Report::Synced { peer, generation });
                    });
                }
            }
        }
    }

    fn start(&mut self, peer: PeerId, generation: u64) {
        let stop = self.tasks.shutdown().child();
        self.stops.insert(peer, stop.clone());
        let shared = self.shared.clone();
        let surroundings = self.surroundings.clone();
        let memory = self
            .memories
            .remove(&peer)
            .unwrap_or_else(|| Memory::new(shared.config.window));
        // Reports whatever happens, also when a decoder of the user's brings the receiver down.
        let mut ward = Ward {
            reports: self.reports.clone(),
            peer,
            generation,
            ending: Ending {
                outcome: Outcome::Lost {
                    was_connected: false,
                },
                reason: "the receiver failed".to_owned(),
            },
            memory: Some(memory),
        };
        let span = tracing::debug_span!(
            "stream",
            stream = %Short(&shared.config.stream_id),
            producer = %Short(peer.as_bytes()),
        );
        let receive = async move {
            let reports = ward.reports.clone();
            let on_connected = move || reports.tell(Report::Connected { peer, generation });
            let ending = if peer == shared.local {
                let me = surroundings.directory.me();
                let receiver = ward.receiver(&shared, &me, stop, &on_connected);
                match (
                    surroundings.registry.find(&shared.config.stream_id),
                    receiver,
                ) {
                    (Some(core), Some(receiver)) => receiver.receive_locally(&core).await,
                    _ => Ending::gone(),
                }
            } else {
                let entry = surroundings.directory.peer(&peer);
                let receiver = entry
                    .as_ref()
                    .and_then(|entry| ward.receiver(&shared, entry, stop, &on_connected));
                match (receiver, &surroundings.transport) {
                    (Some(receiver), Some(transport)) => receiver.receive_from(transport).await,
                    _ => Ending::gone(),
                }
            };
            ward.end(ending);
        };
        self.tasks.spawn("receiver", receive.instrument(span));
    }

    fn take_reports(&mut self) {
        let now = self.shared.clock.now();
        for report in self.reports.take() {
            match report {
                Report::Connected { peer, generation } => {
                    self.roster.connected(&peer, generation);
                    self.shared.refusals.forget(&peer);
                }
                Report::Synced { peer, generation } => self.roster.synced(now, &peer, generation),
                Report::Ended {
                    peer,
                    generation,
                    ending,
                    memory,
                } => {
                    tracing::debug!(%peer, reason = ending.reason, outcome = ?ending.outcome, "channel ended");
                    self.stops.remove(&peer);
                    self.remember(peer, memory);
                    let actions = self.roster.ended(now, &peer, generation, ending.outcome);
                    let mut reason = ending.reason;
                    if self.roster.has_given_up(&peer) {
                        reason.push_str("; given up until its entry changes");
                    }
                    if ending.outcome != Outcome::Stopped {
                        self.shared.refusals.note(peer, &reason, now);
                    } else if let Some(why) = self.shared.refusals.reason(&peer) {
                        reason = why;
                    }
                    self.shared.tell(ConsumerEvent::Disconnected {
                        producer: peer,
                        reason,
                    });
                    self.apply(actions);
                }
            }
        }
        let actions = self.roster.tick(now);
        self.apply(actions);
        self.shared.meter.producers(self.stops.len());
    }

    fn remember(&mut self, peer: PeerId, memory: Memory) {
        if self.memories.len() >= MEMORIES_MAX
            && let Some(other) = self.memories.keys().next().copied()
        {
            self.memories.remove(&other);
        }
        self.memories.insert(peer, memory);
    }
}

/// Reports the end of a receiver when it is dropped.
struct Ward {
    reports: Arc<Reports>,
    peer: PeerId,
    generation: u64,
    ending: Ending,
    memory: Option<Memory>,
}

impl Ward {
    fn receiver<'a, D>(
        &'a mut self,
        shared: &'a Shared<D>,
        producer: &'a PeerEntry,
        stop: Shutdown,
        on_connected: &'a (dyn Fn() + Send + Sync),
    ) -> Option<Receiver<'a, D>> {
        let generation = self.generation;
        let memory = self.memory.as_mut()?;
        Some(Receiver {
            shared,
            producer,
            generation,
            memory,
            stop,
            on_connected,
        })
    }

    fn end(mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        let Some(memory) = self.memory.take() else {
            return;
        };
        let ending = Ending {
            outcome: self.ending.outcome,
            reason: mem::take(&mut self.ending.reason),
        };
        let (peer, generation) = (self.peer, self.generation);
        self.reports.tell(Report::Ended {
            peer,
            generation,
            ending,
            memory,
        });
    }
}

/// Nothing is due: a wait that something else will end.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// Producers whose place in their stream is remembered while they are away.
const MEMORIES_MAX: usize = 4096;
