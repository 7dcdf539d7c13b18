//! Which producers a consumer connects to, and when it tries again. Pure.
//!
//! There is at most one receiver for a producer: one that was told to stop is waited for before the next starts, and a
//! report that names another generation changes nothing.

use {
    crate::{
        primitives::{PeerEntry, PeerId, backoff::Backoff},
        runtime::{Rng, time::Instant},
        streams::admission::ValidUntil,
    },
    chrono::{DateTime, Utc},
    std::{
        collections::BTreeMap,
        hash::{DefaultHasher, Hash, Hasher},
        time::Duration,
    },
};

/// The producers of a stream, as one consumer deals with them.
pub(crate) struct Roster {
    slots: BTreeMap<PeerId, Slot>,
    /// Whether this node carries a ticket, which may become valid as time goes by.
    carries_tickets: bool,
    generations: u64,
    make_backoff: Box<dyn Fn() -> Box<dyn Backoff + Send + Sync> + Send + Sync>,
    rng: Rng,
}

struct Slot {
    phase: Phase,
    /// The versions of the producer's entry and of our own by which the last attempt was judged.
    judged: Versions,
    valid_until: ValidUntil,
    /// Whether the last scan found it eligible.
    eligible: bool,
    backoff: Box<dyn Backoff + Send + Sync>,
    /// When the entries last changed: attempts are frequent for a while after that.
    fresh_since: Instant,
    refusals: u32,
}

/// What of an entry bears on admission; two entries that differ in nothing else have the same mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn of(entry: &PeerEntry) -> Self {
        let mut hasher = DefaultHasher::new();
        (entry.id(), entry.started_at(), entry.tags()).hash(&mut hasher);
        for id in entry.tickets().keys() {
            id.hash(&mut hasher);
        }
        Self(hasher.finish())
    }

    /// Another mark for another incarnation of what is behind the entry.
    pub(crate) const fn with(self, incarnation: u64) -> Self {
        Self(self.0 ^ incarnation)
    }
}

/// The entries that bear on whether a producer admits us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Versions {
    producer: Mark,
    local: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A receiver runs.
    Running { generation: u64 },
    /// A receiver was told to stop and has not reported yet.
    Stopping { generation: u64 },
    /// A sync with the producer runs, so that it learns who we are.
    Syncing { generation: u64 },
    /// The next attempt, unless the entries change before.
    Waiting { until: Instant },
    /// No further attempt until the entries change.
    GivenUp,
}

/// A producer that satisfies the consumer's requirements.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) peer: PeerId,
    pub(crate) mark: Mark,
    pub(crate) valid_until: ValidUntil,
}

/// What the shell is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start { peer: PeerId, generation: u64 },
    Stop { peer: PeerId, generation: u64 },
    Sync { peer: PeerId, generation: u64 },
}

/// How a receiver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The producer does not know us.
    UnknownPeer,
    /// The producer does not want us, as things stand.
    Refused,
    /// The producer has no place for us.
    NoCapacity,
    /// The two ends do not fit together.
    Incompatible,
    /// The producer has ended.
    Gone,
    /// The link failed, or the producer gave this consumer up for being slow.
    Lost { was_connected: bool },
    /// We stopped it.
    Stopped,
}

impl Roster {
    pub(crate) fn new(
        make_backoff: impl Fn() -> Box<dyn Backoff + Send + Sync> + Send + Sync + 'static,
        rng: Rng,
    ) -> Self {
        Self {
            slots: BTreeMap::new(),
            carries_tickets: false,
            generations: 0,
            make_backoff: Box::new(make_backoff),
            rng,
        }
    }

    /// Whether this node carries tickets: then who refuses it is asked again within a second, always.
    pub(crate) fn carries_tickets(&mut self, carries: bool) {
        self.carries_tickets = carries;
    }

    /// The eligible producers as of now: starts the new ones, stops those that are no longer among them, and tries
    /// those again whose entries changed.
    pub(crate) fn scan(
        &mut self,
        now: Instant,
        local: Mark,
        candidates: &[Candidate],
    ) -> Vec<Action> {
        for slot in self.slots.values_mut() {
            slot.eligible = false;
        }
        let mut actions = Vec::new();
        for candidate in candidates {
            let judged = Versions {
                producer: candidate.mark,
                local,
            };
            let slot = self.slots.entry(candidate.peer).or_insert_with(|| Slot {
                phase: Phase::Waiting { until: now },
                judged,
                valid_until: candidate.valid_until,
                eligible: true,
                backoff: (self.make_backoff)(),
                fresh_since: now,
                refusals: 0,
            });
            slot.eligible = true;
            slot.valid_until = candidate.valid_until;
            if slot.judged != judged {
                slot.judged = judged;
                slot.fresh_since = now;
                slot.refusals = 0;
                if matches!(slot.phase, Phase::Waiting { .. } | Phase::GivenUp) {
                    slot.backoff.reset();
                    slot.phase = Phase::Waiting { until: now };
                }
            }
        }
        for (peer, slot) in &mut self.slots {
            if let (false, Phase::Running { generation }) = (slot.eligible, slot.phase) {
                slot.phase = Phase::Stopping { generation };
                actions.push(Action::Stop {
                    peer: *peer,
                    generation,
                });
            }
        }
        self.slots
            .retain(|_, slot| slot.eligible || matches!(slot.phase, Phase::Stopping { .. }));
        actions.extend(self.tick(now));
        actions
    }

    /// Starts what is due.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (peer, slot) in &mut self.slots {
            if matches!(slot.phase, Phase::Waiting { until } if until <= now) {
                self.generations += 1;
                let generation = self.generations;
                slot.phase = Phase::Running { generation };
                actions.push(Action::Start {
                    peer: *peer,
                    generation,
                });
            }
        }
        actions
    }

    /// A receiver's producer accepted it.
    pub(crate) fn connected(&mut self, peer: &PeerId, generation: u64) {
        if let Some(slot) = self.slots.get_mut(peer)
            && slot.phase == (Phase::Running { generation })
        {
            slot.backoff.reset();
            slot.refusals = 0;
        }
    }

    /// A sync has ended, well or not.
    pub(crate) fn synced(&mut self, now: Instant, peer: &PeerId, generation: u64) {
        if let Some(slot) = self.slots.get_mut(peer)
            && slot.phase == (Phase::Syncing { generation })
        {
            slot.phase = Phase::Waiting { until: now };
        }
    }

    /// A receiver has ended.
    pub(crate) fn ended(
        &mut self,
        now: Instant,
        peer: &PeerId,
        generation: u64,
        outcome: Outcome,
    ) -> Vec<Action> {
        let Some(slot) = self.slots.get_mut(peer) else {
            return Vec::new();
        };
        match slot.phase {
            Phase::Stopping {
                generation: stopping,
            } if stopping == generation => {
                if slot.eligible {
                    slot.phase = Phase::Waiting { until: now };
                } else {
                    self.slots.remove(peer);
                }
                return Vec::new();
            }
            Phase::Running {
                generation: running,
            } if running == generation => {}
            _ => return Vec::new(),
        }
        let eager = now.saturating_duration_since(slot.fresh_since) < EAGER_FOR;
        slot.phase = match outcome {
            Outcome::UnknownPeer if slot.refusals < SYNCS_IN_A_ROW => {
                slot.refusals += 1;
                slot.phase = Phase::Syncing { generation };
                return vec![Action::Sync {
                    peer: *peer,
                    generation,
                }];
            }
            Outcome::Lost {
                was_connected: true,
            } => {
                slot.backoff.reset();
                Phase::Waiting {
                    until: now + self.rng.jitter(RECONNECT_AFTER, JITTER),
                }
            }
            Outcome::UnknownPeer
            | Outcome::Lost {
                was_connected: false,
            } => match slot.backoff.next_backoff() {
                Some(wait) => Phase::Waiting { until: now + wait },
                None => Phase::GivenUp,
            },
            Outcome::Refused
            | Outcome::NoCapacity
            | Outcome::Gone
            | Outcome::Incompatible
            | Outcome::Stopped => {
                let doubled = REFUSED_FIRST * 2u32.saturating_pow(slot.refusals.min(8));
                let wait = match outcome {
                    Outcome::Incompatible => INCOMPATIBLE_AFTER,
                    Outcome::NoCapacity => doubled.min(REFUSED_EAGER_MAX),
                    Outcome::Refused if eager || self.carries_tickets => {
                        doubled.min(REFUSED_EAGER_MAX)
                    }
                    Outcome::Refused => REFUSED_SLOW,
                    // It may well come back at once: a producer that is opened anew.
                    _ => doubled.min(REFUSED_SLOW),
                };
                slot.refusals += 1;
                Phase::Waiting {
                    until: now + self.rng.jitter(wait, JITTER),
                }
            }
        };
        Vec::new()
    }

    /// When [`Roster::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = |slot: &Slot| match slot.phase {
            Phase::Waiting { until } => Some(until),
            _ => None,
        };
        self.slots.values().filter_map(due).min()
    }

    /// When a ticket of a producer runs out, so that eligibility has to be looked at again.
    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.slots
            .values()
            .filter_map(|slot| slot.valid_until.0)
            .min()
    }

    /// Whether no further attempt is made until an entry changes.
    pub(crate) fn has_given_up(&self, peer: &PeerId) -> bool {
        self.slots
            .get(peer)
            .is_some_and(|slot| slot.phase == Phase::GivenUp)
    }
}

/// After a link broke: soon, so that the producer still keeps what it sent.
const RECONNECT_AFTER: Duration = Duration::from_millis(20);

/// After the first refusal; doubled for each further one.
const REFUSED_FIRST: Duration = Duration::from_millis(50);

/// Between attempts while entries are fresh, and for a place at a full producer: a freed place is taken within 2 s, and
/// who becomes eligible is admitted within 1 s.
const REFUSED_EAGER_MAX: Duration = Duration::from_millis(700);

/// How long after a change of entries attempts are frequent: longer than a change takes to reach a producer.
const EAGER_FOR: Duration = Duration::from_secs(30);

/// Between attempts of a node without tickets once nothing has changed for a while: rules may depend on more than entries.
const REFUSED_SLOW: Duration = Duration::from_secs(5);

/// Between attempts at a producer that does not fit: only a new build on either side changes that.
const INCOMPATIBLE_AFTER: Duration = Duration::from_secs(30);

/// Syncs with a producer that does not know us, before the back-off policy takes over.
const SYNCS_IN_A_ROW: u32 = 3;

/// Waits are spread by this share, so that consumers do not come all at once.
const JITTER: f32 = 0.2;

#[cfg(test)]
impl Mark {
    pub(crate) const fn new(mark: u64) -> Self {
        Self(mark)
    }
}

#[cfg(test)]
#[path = "roster_tests.rs"]
mod tests;
