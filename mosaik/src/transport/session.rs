//! A connection whose both ends have said hello, and the leases of the streams on it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{
    primitives::PeerId,
    runtime::{Clock, time::Instant},
};

use super::{
    backend::{Conn, Ended},
    close::{CloseCode, ConnectionEnd},
    protocol::{Lane, Protocol},
};

/// An admitted connection.
pub(crate) struct Session {
    pub(crate) conn: Conn,
    pub(crate) peer: PeerId,
    pub(crate) lane: Lane,
    /// Whether this node dialled it.
    pub(crate) dialled: bool,
    /// The peer's hello named this life of its process.
    pub(crate) life: u64,
    pub(crate) admitted_at: Instant,
    clock: Clock,
    usage: Mutex<Usage>,
    /// Wakes the driver: streams came or went, or a better connection is there.
    pub(crate) changed: Notify,
    superseded: AtomicBool,
    closed_with: OnceLock<CloseCode>,
}

#[derive(Debug)]
struct Usage {
    stream_count: usize,
    idle_since: Instant,
}

impl Session {
    pub(crate) fn new(conn: Conn, dialled: bool, life: u64, clock: Clock) -> Arc<Self> {
        let now = clock.now();
        Arc::new(Self {
            peer: conn.peer(),
            lane: conn.lane(),
            conn,
            dialled,
            life,
            admitted_at: now,
            clock,
            usage: Mutex::new(Usage {
                stream_count: 0,
                idle_since: now,
            }),
            changed: Notify::new(),
            superseded: AtomicBool::new(false),
            closed_with: OnceLock::new(),
        })
    }

    /// Since when nobody has had a stream here; `None` while somebody has.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let usage = self.usage();
        (usage.stream_count == 0).then_some(usage.idle_since)
    }

    pub(crate) fn stream_count(&self) -> usize {
        self.usage().stream_count
    }

    /// Says whether a better connection is there. Returns whether that is news, and bad news.
    pub(crate) fn set_aside(&self, is_superseded: bool) -> bool {
        let is_news = self.superseded.swap(is_superseded, Ordering::Relaxed) != is_superseded;
        if is_news {
            self.changed.notify_one();
        }
        is_news && is_superseded
    }

    pub(crate) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::Relaxed)
    }

    pub(crate) fn close(&self, code: CloseCode) {
        let _ = self.closed_with.set(code);
        self.conn.close(code, code.to_string().as_bytes());
    }

    /// How the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<ConnectionEnd> {
        self.conn.end().map(|ended| self.end_with(&ended))
    }

    /// The end with our own code in it, which the QUIC layer does not keep.
    pub(crate) fn end_with(&self, ended: &Ended) -> ConnectionEnd {
        match (ended.end, self.closed_with.get()) {
            (ConnectionEnd::ByUs(_), Some(code)) => ConnectionEnd::ByUs(*code),
            (end, _) => end,
        }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("peer", &self.peer.fmt_short().to_string())
            .field("lane", &self.lane)
            .field("dialled", &self.dialled)
            .field("streams", &self.stream_count())
            .finish_non_exhaustive()
    }
}

/// The streams that each peer has open with us, by protocol.
#[derive(Debug, Default)]
pub(crate) struct StreamCounts(Mutex<BTreeMap<(PeerId, u16), usize>>);

impl StreamCounts {
    /// Counts one more, unless the protocol's cap is reached.
    pub(crate) fn take(
        self: &Arc<Self>,
        session: &Arc<Session>,
        protocol: &Protocol,
    ) -> Option<StreamLease> {
        let key = (session.peer, protocol.id);
        {
            let mut counts = self.lock();
            let count = counts.entry(key).or_insert(0);
            if *count >= protocol.streams_per_peer_max {
                return None;
            }
            *count += 1;
        }
        let mut lease = StreamLease::on(session);
        lease.counted = Some((Arc::clone(self), key));
        Some(lease)
    }

    fn give_back(&self, key: (PeerId, u16)) {
        let mut counts = self.lock();
        if let Some(count) = counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(PeerId, u16), usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a stream counted, and its connection in use, until both halves are gone.
pub(crate) struct StreamLease {
    session: Arc<Session>,
    counted: Option<(Arc<StreamCounts>, (PeerId, u16))>,
}

impl StreamLease {
    /// A lease for a stream that we open, or whose protocol is not known yet.
    pub(crate) fn on(session: &Arc<Session>) -> Self {
        session.usage().stream_count += 1;
        Self {
            session: Arc::clone(session),
            counted: None,
        }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for StreamLease {
    fn drop(&mut self) {
        if let Some((counts, key)) = self.counted.take() {
            counts.give_back(key);
        }
        let is_idle = {
            let now = self.session.clock.now();
            let mut usage = self.session.usage();
            usage.stream_count -= 1;
            usage.idle_since = now;
            usage.stream_count == 0
        };
        if is_idle {
            self.session.changed.notify_one();
        }
    }
}
