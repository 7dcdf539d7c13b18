//! One bond, as everybody but its own tasks sees it.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::{bulk::Bulk, outbox::Lane, way::Way, wire::Frame};
use crate::{
    primitives::{Digest, PeerId, SignedPeerEntry},
    runtime::{
        Clock,
        time::{self, Instant},
    },
    transport::CloseCode,
};

/// One bond. Its tasks end it; everybody else asks it to end.
pub(in crate::groups) struct Tied {
    pub(in crate::groups) id: Digest,
    pub(in crate::groups) peer: PeerId,
    /// Whose dial made it.
    pub(super) dialled_by: PeerId,
    /// What the peer says of its member, newest.
    facts: Mutex<Bytes>,
    entry: Mutex<SignedPeerEntry>,
    pub(super) way: Way,
    pub(super) bulk: Bulk,
    pub(super) clock: Clock,
    calls: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    next_call: AtomicU64,
    /// When the peer was last heard, in milliseconds after `formed_at`.
    heard_ms: AtomicU64,
    formed_at: Instant,
    closing: watch::Sender<Option<CloseCode>>,
    ended: watch::Sender<Option<CloseCode>>,
}

/// Why a call over a bond has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum CallError {
    /// It was not sent.
    #[error("too much is waiting to be sent")]
    NotSent,
    /// The bond ended; the peer may have got it.
    #[error("the bond has ended")]
    Ended,
    /// The peer may have got it.
    #[error("no answer in time")]
    Deadline,
}

impl Tied {
    pub(super) fn new(
        id: Digest,
        dialled_by: PeerId,
        entry: SignedPeerEntry,
        facts: Bytes,
        bulk: Bulk,
        clock: Clock,
    ) -> Self {
        Self {
            id,
            peer: *entry.id(),
            dialled_by,
            facts: Mutex::new(facts),
            entry: Mutex::new(entry),
            way: Way::default(),
            bulk,
            clock,
            calls: Mutex::default(),
            next_call: AtomicU64::new(0),
            heard_ms: AtomicU64::new(0),
            formed_at: clock.now(),
            closing: watch::Sender::new(None),
            ended: watch::Sender::new(None),
        }
    }

    /// The newest entry of the peer.
    pub(in crate::groups) fn entry(&self) -> SignedPeerEntry {
        lock(&self.entry).clone()
    }

    /// Takes an entry that the peer has signed; whether it is newer.
    pub(super) fn update_entry(&self, entry: &SignedPeerEntry) -> bool {
        let mut current = lock(&self.entry);
        let is_newer = entry.id() == &self.peer && entry.is_newer_than(&current);
        if is_newer {
            *current = entry.clone();
        }
        is_newer
    }

    /// What the peer said last of its member.
    pub(in crate::groups) fn facts(&self) -> Bytes {
        lock(&self.facts).clone()
    }

    pub(in crate::groups) fn set_facts(&self, facts: Bytes) {
        *lock(&self.facts) = facts;
    }

    /// Sends what needs no answer. `false` when it was not sent; the peer then is too slow, or gone.
    pub(in crate::groups) fn note(&self, kind: u8, body: Bytes) -> bool {
        self.way
            .queue(Lane::Control, Frame::Note { kind, body })
            .is_ok()
    }

    /// Asks the peer. The question is on its way when this returns; the future waits for the answer.
    pub(in crate::groups) fn call(
        self: &Arc<Self>,
        lane: Lane,
        kind: u8,
        (head, body): (Bytes, Bytes),
        deadline: Duration,
    ) -> impl Future<Output = Result<Bytes, CallError>> + Send + 'static + use<> {
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            tied: self.clone(),
            id,
        };
        let is_registered = {
            let mut calls = lock(&self.calls);
            let has_room = calls.len() < CALLS_MAX;
            if has_room {
                calls.insert(id, answer);
            }
            has_room
        };
        let is_sent = is_registered
            && self
                .way
                .send(
                    lane,
                    Frame::Request {
                        id,
                        kind,
                        head,
                        body,
                    },
                )
                .is_ok();
        async move {
            let _waiting = waiting;
            if !is_sent {
                return Err(CallError::NotSent);
            }
            match time::timeout(deadline, answered).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(_)) => Err(CallError::Ended),
                Err(_) => Err(CallError::Deadline),
            }
        }
    }

    /// The peer has answered.
    pub(super) fn answer(&self, id: u64, body: Bytes) {
        let waiting = lock(&self.calls).remove(&id);
        if let Some(waiting) = waiting {
            // Nobody waits any more: fine.
            let _ = waiting.send(body);
        }
    }

    pub(super) fn hear(&self, now: Instant) {
        let ms = now.saturating_duration_since(self.formed_at).as_millis();
        self.heard_ms
            .store(u64::try_from(ms).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long the peer has been silent.
    pub(in crate::groups) fn silence(&self, now: Instant) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(self.formed_at)
            .saturating_sub(heard)
    }

    /// Says goodbye, and ends the bond.
    pub(in crate::groups) fn depart(&self) {
        // One that is too slow to hear it finds out by the end of the link.
        let _ = self.way.queue(Lane::Control, Frame::Departure);
        self.close(CloseCode::GRACEFUL_SHUTDOWN);
    }

    /// Asks the bond's tasks to end.
    pub(in crate::groups) fn close(&self, code: CloseCode) {
        self.closing.send_if_modified(|closing| {
            let is_first = closing.is_none();
            closing.get_or_insert(code);
            is_first
        });
    }

    /// Until the tasks are asked to end: with which code.
    pub(super) async fn closing(&self) -> CloseCode {
        let mut closing = self.closing.subscribe();
        let code = closing.wait_for(Option::is_some).await;
        code.ok()
            .and_then(|code| *code)
            .unwrap_or(CloseCode::CANCELLED)
    }

    /// Told by the tasks: nothing travels any more.
    pub(super) fn set_ended(&self, code: CloseCode) {
        self.way.close();
        self.bulk.end();
        lock(&self.calls).clear();
        self.ended.send_replace(Some(code));
    }

    pub(in crate::groups) fn end(&self) -> Option<CloseCode> {
        *self.ended.borrow()
    }

    /// Until the bond has ended: why.
    pub(in crate::groups) fn ended(
        &self,
    ) -> impl Future<Output = CloseCode> + Send + Sync + 'static + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            let end = ended.wait_for(Option::is_some).await;
            end.ok()
                .and_then(|end| *end)
                .unwrap_or(CloseCode::CANCELLED)
        }
    }
}

impl fmt::Debug for Tied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tied")
            .field("peer", &self.peer.fmt_short().to_string())
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}

/// Gives up the place of a call whose asker does not wait any more.
struct Waiting {
    tied: Arc<Tied>,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.tied.calls).remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls that may wait for an answer on one bond: windows of appends and forwards, with room for queries.
const CALLS_MAX: usize = 1024;
