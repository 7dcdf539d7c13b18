//! A connection in memory: two ends, a path each way, and the silence that ends it.

use std::{
    collections::VecDeque,
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::{
    primitives::{Digest, PeerId},
    runtime::{
        Clock,
        time::{Instant, sleep_until},
    },
    transport::{
        backend::{Ended, RecvHalf, SendHalf},
        close::{CloseCode, ConnectionEnd},
        config::LaneSettings,
        protocol::Lane,
    },
};

use super::{
    MemoryNet,
    path::Path,
    pipe::{MemoryRecv, MemorySend, Pipe},
};

/// What both ends of a connection share.
pub(super) struct Shared {
    net: MemoryNet,
    clock: Clock,
    lane: Lane,
    secret: Digest,
    ends: [End; 2],
    /// `paths[i]` leads from end `i` to the other.
    paths: [Arc<Path>; 2],
}

struct End {
    peer: PeerId,
    state: Mutex<EndState>,
    ended: watch::Sender<Option<Ended>>,
    /// Something for this end has happened: a close, or the silence of the other end.
    notify: Notify,
    /// A stream is on its way to this end.
    arriving: Notify,
}

#[derive(Default)]
struct EndState {
    incoming: VecDeque<(Instant, MemorySend, MemoryRecv)>,
    /// The other end's close, on its way here.
    closing: Option<(Instant, Ended)>,
    /// Since when this end says nothing any more: it crashed, or gave up on the other.
    silent_since: Option<Instant>,
}

impl Shared {
    pub(super) fn new(
        net: MemoryNet,
        clock: Clock,
        lane: Lane,
        secret: Digest,
        peers: [PeerId; 2],
        paths: [Arc<Path>; 2],
    ) -> Arc<Self> {
        let ends = peers.map(|peer| End {
            peer,
            state: Mutex::default(),
            ended: watch::Sender::new(None),
            notify: Notify::new(),
            arriving: Notify::new(),
        });
        Arc::new(Self {
            net,
            clock,
            lane,
            secret,
            ends,
            paths,
        })
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn path_from(&self, end: usize) -> &Path {
        &self.paths[end]
    }

    pub(super) fn ended(&self, end: usize) -> watch::Receiver<Option<Ended>> {
        self.ends[end].ended.subscribe()
    }

    /// The process of `peer` is gone, and with it this end.
    pub(super) fn abandon(&self, peer: PeerId, now: Instant) {
        for index in 0..2 {
            if self.ends[index].peer == peer {
                self.fall_silent(index, now);
                self.end(index, ConnectionEnd::Failed, Bytes::new());
            }
        }
    }

    fn fall_silent(&self, index: usize, now: Instant) {
        self.ends[index].lock().silent_since.get_or_insert(now);
        self.ends[1 - index].notify.notify_one();
    }

    /// Ends one side of the connection, once.
    fn end(&self, index: usize, end: ConnectionEnd, reason: Bytes) {
        self.ends[index].ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            if is_first {
                *ended = Some(Ended { end, reason });
            }
            is_first
        });
        // Streams that nobody accepted refer to this connection: let them go, outside the lock.
        let left = std::mem::take(&mut self.ends[index].lock().incoming);
        drop(left);
        self.ends[index].notify.notify_one();
    }
}

impl End {
    fn lock(&self) -> MutexGuard<'_, EndState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end of a connection in memory.
#[derive(Clone)]
pub(crate) struct MemoryConn {
    shared: Arc<Shared>,
    index: usize,
}

impl MemoryConn {
    /// The dialler's end and the acceptor's.
    pub(super) fn pair(shared: Arc<Shared>) -> (Self, Self) {
        let acceptor = Self {
            shared: Arc::clone(&shared),
            index: 1,
        };
        (Self { shared, index: 0 }, acceptor)
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.shared.ends[1 - self.index].peer
    }

    pub(crate) fn lane(&self) -> Lane {
        self.shared.lane
    }

    pub(crate) fn open_bi(&self) -> Result<(SendHalf, RecvHalf), Ended> {
        if let Some(ended) = self.end() {
            return Err(ended);
        }
        let window = LaneSettings::of(self.shared.lane).stream_window_bytes as usize;
        let (our_send, their_recv) = Pipe::open(&self.shared, self.index, window);
        let (their_send, our_recv) = Pipe::open(&self.shared, 1 - self.index, window);
        let arrives = self.shared.now() + self.shared.paths[self.index].latency();
        let other = &self.shared.ends[1 - self.index];
        if other.ended.borrow().is_none() {
            other
                .lock()
                .incoming
                .push_back((arrives, their_send, their_recv));
            other.arriving.notify_one();
        }
        Ok((SendHalf::Memory(our_send), RecvHalf::Memory(our_recv)))
    }

    pub(crate) async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), Ended> {
        let mut ended = self.shared.ended(self.index);
        let mut changes = self.shared.paths[1 - self.index].changes();
        loop {
            if let Some(ended) = &*ended.borrow_and_update() {
                return Err(ended.clone());
            }
            let is_cut = changes.borrow_and_update().cut_since.is_some();
            let next = {
                let mut state = self.shared.ends[self.index].lock();
                let now = self.shared.now();
                match state.incoming.front().map(|(at, ..)| *at) {
                    Some(at) if at <= now && !is_cut => {
                        let (_, send, recv) = state
                            .incoming
                            .pop_front()
                            .expect("invariant: the queue is locked and was not empty");
                        return Ok((SendHalf::Memory(send), RecvHalf::Memory(recv)));
                    }
                    next => next.filter(|_| !is_cut),
                }
            };
            tokio::select! {
                biased;
                _ = ended.changed() => {}
                _ = changes.changed() => {}
                () = self.arrival(next) => {}
            }
        }
    }

    /// Waits until a stream that is on its way has arrived, or until one starts out.
    async fn arrival(&self, next: Option<Instant>) {
        match next {
            Some(at) => sleep_until(at).await,
            None => self.shared.ends[self.index].arriving.notified().await,
        }
    }

    /// Keeps the time-outs of this end, and completes when it has ended.
    pub(crate) async fn run(&self) -> Ended {
        let mut ended = self.shared.ended(self.index);
        let mut inbound = self.shared.paths[1 - self.index].changes();
        loop {
            if let Some(ended) = &*ended.borrow_and_update() {
                return ended.clone();
            }
            let view = *inbound.borrow_and_update();
            let now = self.shared.now();
            let closing = self.closing_at().filter(|_| view.cut_since.is_none());
            if closing.is_some_and(|at| at <= now) {
                self.take_closing();
                continue;
            }
            let deadline = self.silence_ends(view.cut_since);
            if deadline.is_some_and(|at| at <= now) {
                self.shared.fall_silent(self.index, now);
                self.shared
                    .end(self.index, ConnectionEnd::TimedOut, Bytes::new());
                continue;
            }
            let next = [closing, deadline].into_iter().flatten().min();
            tokio::select! {
                biased;
                _ = ended.changed() => {}
                _ = inbound.changed() => {}
                () = self.shared.ends[self.index].notify.notified() => {}
                () = async {
                    match next {
                        Some(at) => sleep_until(at).await,
                        None => future::pending().await,
                    }
                } => {}
            }
        }
    }

    /// Lets go of this end without a word.
    pub(super) fn abandon(&self) {
        self.shared.fall_silent(self.index, self.shared.now());
        self.shared
            .end(self.index, ConnectionEnd::Failed, Bytes::new());
    }

    fn closing_at(&self) -> Option<Instant> {
        let state = self.shared.ends[self.index].lock();
        state.closing.as_ref().map(|(at, _)| *at)
    }

    fn take_closing(&self) {
        let closing = self.shared.ends[self.index].lock().closing.take();
        if let Some((_, ended)) = closing {
            self.shared.end(self.index, ended.end, ended.reason);
        }
    }

    /// When this end gives up on the other; never while its own process is frozen.
    fn silence_ends(&self, cut_since: Option<Instant>) -> Option<Instant> {
        let other_silent = self.shared.ends[1 - self.index].lock().silent_since;
        let silent_since = [cut_since, other_silent].into_iter().flatten().min()?;
        if self
            .shared
            .net
            .is_frozen(&self.shared.ends[self.index].peer)
        {
            return None;
        }
        Some(silent_since + LaneSettings::of(self.shared.lane).idle)
    }

    pub(crate) fn end(&self) -> Option<Ended> {
        self.shared.ends[self.index].ended.borrow().clone()
    }

    pub(crate) fn close(&self, code: CloseCode, reason: &[u8]) {
        if self.end().is_some() {
            return;
        }
        let now = self.shared.now();
        let arrives = now + self.shared.paths[self.index].latency();
        let other = &self.shared.ends[1 - self.index];
        other.lock().closing.get_or_insert((
            arrives,
            Ended {
                end: ConnectionEnd::ByPeer(code),
                reason: Bytes::copy_from_slice(reason),
            },
        ));
        self.shared.fall_silent(self.index, now);
        self.shared
            .end(self.index, ConnectionEnd::ByUs(code), Bytes::new());
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        let [there, back] = &self.shared.paths;
        Some(there.delay() + back.delay())
    }

    pub(crate) fn export_keying_material(&self, label: &[u8], context: &[u8]) -> [u8; 32] {
        let material = self.shared.secret.derive(label).derive(context);
        *material.as_bytes()
    }
}
