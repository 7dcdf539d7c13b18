//! Which connections there are, and which one of several with a peer is used.
//!
//! The choice is a pure function of who dialled and when, so that both ends make the same one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast, watch};

use crate::{primitives::PeerId, runtime::time::Instant};

use super::{
    close::{CloseCode, ConnectionEnd},
    error::OpenError,
    protocol::Lane,
    session::Session,
};

/// Events that a slow listener may be behind before it misses some; [`Table::connected`] tells the state again.
const EVENTS_MAX: usize = 1024;

/// A peer came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum PeerEvent {
    /// Both ends of a control connection have said hello.
    Up {
        /// The peer.
        peer: PeerId,
    },
    /// The last control connection with the peer has ended.
    Down {
        /// The peer.
        peer: PeerId,
        /// How it ended.
        reason: ConnectionEnd,
    },
}

/// What counts in the choice between connections with one peer.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    dialled_by_smaller: bool,
    admitted_at: Instant,
}

/// Chooses among connections with one peer on one lane; the index of the one to use.
///
/// Of two that were dialled at the same time from both sides, the one that the smaller id dialled: both ends know that
/// without asking. Otherwise the newest, since a peer that dials anew has lost the old one.
fn choose(candidates: &[Candidate], simultaneous: Duration) -> Option<usize> {
    let (newest_index, newest) = candidates
        .iter()
        .enumerate()
        .max_by_key(|(index, candidate)| (candidate.admitted_at, *index))?;
    candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| {
            candidate.dialled_by_smaller
                && newest
                    .admitted_at
                    .saturating_duration_since(candidate.admitted_at)
                    <= simultaneous
        })
        .max_by_key(|(index, candidate)| (candidate.admitted_at, *index))
        .map(|(index, _)| index)
        .or(Some(newest_index))
}

/// The outcome of a dial, for everybody who waits for it.
pub(crate) type DialOutcome = watch::Receiver<Option<Result<(), OpenError>>>;

#[derive(Default)]
struct Slot {
    sessions: Vec<Arc<Session>>,
    dial: Option<DialOutcome>,
    arrived: Arc<Notify>,
}

impl Slot {
    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.dial.is_none()
    }
}

/// What a caller who needs a connection finds.
pub(crate) enum Found {
    Session(Arc<Session>),
    /// Somebody is dialling; wait for the outcome, or for a connection from the other side.
    Dialling(DialOutcome, Arc<Notify>),
    /// The caller is to dial, and to send the outcome.
    Dial(
        watch::Sender<Option<Result<(), OpenError>>>,
        DialOutcome,
        Arc<Notify>,
    ),
}

/// All connections of a transport.
pub(crate) struct Table {
    local: PeerId,
    /// Two dials this close to each other count as simultaneous.
    simultaneous: Duration,
    per_peer_max: usize,
    slots: Mutex<BTreeMap<(PeerId, Lane), Slot>>,
    events: broadcast::Sender<PeerEvent>,
}

impl Table {
    pub(crate) fn new(local: PeerId, simultaneous: Duration, per_peer_max: usize) -> Self {
        Self {
            local,
            simultaneous,
            per_peer_max,
            slots: Mutex::default(),
            events: broadcast::Sender::new(EVENTS_MAX),
        }
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<PeerEvent> {
        self.events.subscribe()
    }

    /// The connection to use for a peer, or what to do to get one.
    pub(crate) fn find(&self, peer: PeerId, lane: Lane) -> Found {
        let mut slots = self.lock();
        let slot = slots.entry((peer, lane)).or_default();
        if let Some(session) = self.chosen(&slot.sessions) {
            return Found::Session(Arc::clone(session));
        }
        if let Some(outcome) = &slot.dial {
            return Found::Dialling(outcome.clone(), Arc::clone(&slot.arrived));
        }
        let (tx, rx) = watch::channel(None);
        slot.dial = Some(rx.clone());
        Found::Dial(tx, rx, Arc::clone(&slot.arrived))
    }

    /// The dial of this slot is over, whatever came of it.
    pub(crate) fn dial_over(&self, peer: PeerId, lane: Lane) {
        let mut slots = self.lock();
        if let Some(slot) = slots.get_mut(&(peer, lane)) {
            slot.dial = None;
            if slot.is_empty() {
                slots.remove(&(peer, lane));
            }
        }
    }

    /// Takes in a connection. Returns how many others it put out of use.
    pub(crate) fn admit(&self, session: &Arc<Session>) -> usize {
        let mut slots = self.lock();
        let is_control = session.lane == Lane::Control;
        let was_up = slots
            .get(&(session.peer, Lane::Control))
            .is_some_and(|slot| !slot.sessions.is_empty());
        let mut restarted = false;
        for lane in Lane::ALL {
            let Some(slot) = slots.get_mut(&(session.peer, lane)) else {
                continue;
            };
            // The process behind these is gone; QUIC would need seconds to notice.
            slot.sessions.retain(|old| {
                let is_same_life = old.life == session.life;
                if !is_same_life {
                    old.close(CloseCode::RESTARTED);
                    restarted |= lane == Lane::Control;
                }
                is_same_life
            });
        }
        let slot = slots.entry((session.peer, session.lane)).or_default();
        slot.sessions.push(Arc::clone(session));
        if slot.sessions.len() > self.per_peer_max {
            let oldest = slot.sessions.remove(0);
            oldest.close(CloseCode::DUPLICATE);
        }
        let superseded = self.rank(&slot.sessions);
        slot.arrived.notify_waiters();
        let is_down_first = was_up && restarted;
        if is_down_first {
            self.tell(PeerEvent::Down {
                peer: session.peer,
                reason: ConnectionEnd::ByUs(CloseCode::RESTARTED),
            });
        }
        if is_control && (!was_up || is_down_first) {
            self.tell(PeerEvent::Up { peer: session.peer });
        }
        superseded
    }

    /// Takes out a connection that has ended.
    pub(crate) fn remove(&self, session: &Arc<Session>, end: ConnectionEnd) {
        let key = (session.peer, session.lane);
        let mut slots = self.lock();
        let Some(slot) = slots.get_mut(&key) else {
            return;
        };
        let before = slot.sessions.len();
        slot.sessions.retain(|other| !Arc::ptr_eq(other, session));
        let was_last = before > 0 && slot.sessions.is_empty();
        // One that was set aside may be the one to use now.
        self.rank(&slot.sessions);
        if slot.is_empty() {
            slots.remove(&key);
        }
        if was_last && session.lane == Lane::Control {
            self.tell(PeerEvent::Down {
                peer: session.peer,
                reason: end,
            });
        }
    }

    /// The connection in use with a peer.
    pub(crate) fn current(&self, peer: &PeerId, lane: Lane) -> Option<Arc<Session>> {
        let slots = self.lock();
        let slot = slots.get(&(*peer, lane))?;
        self.chosen(&slot.sessions).cloned()
    }

    /// Every connection, of one peer or of all.
    pub(crate) fn sessions(&self, peer: Option<&PeerId>) -> Vec<Arc<Session>> {
        let slots = self.lock();
        slots
            .iter()
            .filter(|((id, _), _)| peer.is_none_or(|peer| peer == id))
            .flat_map(|(_, slot)| slot.sessions.iter().cloned())
            .collect()
    }

    /// The peers that are up.
    pub(crate) fn connected(&self) -> Vec<PeerId> {
        let slots = self.lock();
        slots
            .iter()
            .filter(|((_, lane), slot)| *lane == Lane::Control && !slot.sessions.is_empty())
            .map(|((peer, _), _)| *peer)
            .collect()
    }

    pub(crate) fn session_count(&self) -> usize {
        self.lock().values().map(|slot| slot.sessions.len()).sum()
    }

    /// Sets aside all but the one to use. Returns how many were not set aside before.
    fn rank(&self, sessions: &[Arc<Session>]) -> usize {
        let chosen = self.chosen(sessions).map(Arc::as_ptr);
        sessions
            .iter()
            .filter(|session| session.set_aside(chosen != Some(Arc::as_ptr(session))))
            .count()
    }

    fn chosen<'a>(&self, sessions: &'a [Arc<Session>]) -> Option<&'a Arc<Session>> {
        let alive: Vec<&Arc<Session>> = sessions
            .iter()
            .filter(|session| session.conn.end().is_none())
            .collect();
        let candidates: Vec<Candidate> = alive
            .iter()
            .map(|session| Candidate {
                dialled_by_smaller: session.dialled == (self.local < session.peer),
                admitted_at: session.admitted_at,
            })
            .collect();
        choose(&candidates, self.simultaneous).map(|index| alive[index])
    }

    fn tell(&self, event: PeerEvent) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(PeerId, Lane), Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    const SIMULTANEOUS: Duration = Duration::from_secs(5);

    #[test]
    fn both_ends_of_a_simultaneous_dial_choose_the_same() {
        let start = Clock::system().now();
        let at = |ms: u64, dialled_by_smaller: bool| Candidate {
            dialled_by_smaller,
            admitted_at: start + Duration::from_millis(ms),
        };
        let table: &[(&str, &[Candidate], Option<usize>)] = &[
            ("none", &[], None),
            ("one", &[at(0, false)], Some(0)),
            ("smaller first", &[at(0, true), at(3, false)], Some(0)),
            ("smaller second", &[at(0, false), at(3, true)], Some(1)),
            (
                "redial by the larger, long after",
                &[at(0, true), at(9000, false)],
                Some(1),
            ),
            (
                "redial by the smaller, long after",
                &[at(0, false), at(9000, true)],
                Some(1),
            ),
            ("twice by the smaller", &[at(0, true), at(9, true)], Some(1)),
            (
                "twice by the larger",
                &[at(0, false), at(9, false)],
                Some(1),
            ),
            (
                "three",
                &[at(0, true), at(8000, false), at(8001, true)],
                Some(2),
            ),
            ("same instant", &[at(0, false), at(0, false)], Some(1)),
        ];
        for (name, candidates, expected) in table {
            assert_eq!(choose(candidates, SIMULTANEOUS), *expected, "{name}");
        }
    }
}
