//! One direction of a stream in memory.

use std::{
    collections::VecDeque,
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::{Notify, watch};

use crate::{
    runtime::time::{Instant, sleep_until},
    transport::{close::CloseCode, error::LinkError},
};

use super::{
    conn::Shared,
    path::{Path, PathView},
};

/// What one read takes at most, as QUIC's reads are bounded by the buffer they are given.
const READ_BYTES_MAX: usize = 128 * 1024;

struct Segment {
    arrives: Instant,
    bytes: Bytes,
}

#[derive(Default)]
struct State {
    segments: VecDeque<Segment>,
    bytes: usize,
    /// Nothing arrives before what was written earlier.
    arrives_last: Option<Instant>,
    finished: Option<Instant>,
    reset: Option<(CloseCode, Instant)>,
    stopped: Option<(CloseCode, Instant)>,
}

pub(super) struct Pipe {
    shared: Arc<Shared>,
    /// The index of the writing end in the connection.
    writer: usize,
    window: usize,
    state: Mutex<State>,
    readable: Notify,
    writable: Notify,
}

impl Pipe {
    /// A pipe from the end `writer` of the connection to the other.
    pub(super) fn open(
        shared: &Arc<Shared>,
        writer: usize,
        window: usize,
    ) -> (MemorySend, MemoryRecv) {
        let pipe = Arc::new(Self {
            shared: Arc::clone(shared),
            writer,
            window,
            state: Mutex::default(),
            readable: Notify::new(),
            writable: Notify::new(),
        });
        let send = MemorySend {
            ended: shared.ended(writer),
            pipe: Arc::clone(&pipe),
            closed: false,
        };
        let recv = MemoryRecv {
            ended: shared.ended(1 - writer),
            changes: pipe.path().changes(),
            pipe,
            closed: false,
        };
        (send, recv)
    }

    fn path(&self) -> &Path {
        self.shared.path_from(self.writer)
    }

    fn path_back(&self) -> &Path {
        self.shared.path_from(1 - self.writer)
    }

    fn now(&self) -> Instant {
        self.shared.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When something said now arrives, in order.
    fn arrival(&self, state: &mut State) -> Instant {
        let arrives = self.now() + self.path().latency();
        let arrives = state.arrives_last.map_or(arrives, |last| last.max(arrives));
        state.arrives_last = Some(arrives);
        arrives
    }
}

/// Waits for `at`, or for ever.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => future::pending().await,
    }
}

async fn closed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        future::pending::<()>().await;
    }
}

/// The outgoing half.
pub(crate) struct MemorySend {
    pipe: Arc<Pipe>,
    ended: watch::Receiver<Option<crate::transport::backend::Ended>>,
    closed: bool,
}

impl MemorySend {
    pub(crate) async fn write(
        &mut self,
        chunks: &mut [Bytes],
    ) -> Result<(usize, usize), LinkError> {
        if self.closed {
            return Err(LinkError::Closed);
        }
        loop {
            if let Some(ended) = &*self.ended.borrow_and_update() {
                return Err(LinkError::ConnectionEnded(ended.end));
            }
            let wait = {
                let mut state = self.pipe.lock();
                match state.stopped {
                    Some((code, at)) if at <= self.pipe.now() => {
                        return Err(LinkError::Stopped(code));
                    }
                    _ => {}
                }
                let room = self.pipe.window.saturating_sub(state.bytes);
                if room > 0 {
                    let written = self.push(&mut state, chunks, room);
                    self.pipe.readable.notify_one();
                    return Ok(written);
                }
                state.stopped.map(|(_, at)| at)
            };
            tokio::select! {
                biased;
                () = closed(&mut self.ended) => {}
                () = self.pipe.writable.notified() => {}
                () = until(wait) => {}
            }
        }
    }

    fn push(&self, state: &mut State, chunks: &mut [Bytes], mut room: usize) -> (usize, usize) {
        let arrives = self.pipe.arrival(state);
        let (mut chunk_count, mut written) = (0, 0);
        for chunk in chunks {
            let part = chunk.split_to(chunk.len().min(room));
            room -= part.len();
            written += part.len();
            if !part.is_empty() {
                state.segments.push_back(Segment {
                    arrives,
                    bytes: part,
                });
            }
            if !chunk.is_empty() {
                break;
            }
            chunk_count += 1;
        }
        state.bytes += written;
        (chunk_count, written)
    }

    pub(crate) fn finish(&mut self) {
        // On a closed connection nothing follows the close.
        if std::mem::replace(&mut self.closed, true) || self.ended.borrow().is_some() {
            return;
        }
        let mut state = self.pipe.lock();
        let arrives = self.pipe.arrival(&mut state);
        state.finished.get_or_insert(arrives);
        drop(state);
        self.pipe.readable.notify_one();
    }

    pub(crate) async fn acknowledged(&mut self) -> Result<(), LinkError> {
        let mut changes = self.pipe.path().changes();
        loop {
            let wait = {
                let state = self.pipe.lock();
                let now = self.pipe.now();
                if let Some((code, at)) = state.stopped
                    && at <= now
                {
                    return Err(LinkError::Stopped(code));
                }
                let Some(finished) = state.finished else {
                    let ended = self.ended.borrow().clone();
                    return Err(ended.map_or(LinkError::Closed, |ended| {
                        LinkError::ConnectionEnded(ended.end)
                    }));
                };
                let is_cut = changes.borrow_and_update().cut_since.is_some();
                let heard = finished + self.pipe.path_back().delay();
                if heard <= now && !is_cut {
                    return Ok(());
                }
                let stopped = state.stopped.map(|(_, at)| at);
                if is_cut {
                    stopped
                } else {
                    Some(stopped.map_or(heard, |at| at.min(heard)))
                }
            };
            if let Some(ended) = &*self.ended.borrow_and_update() {
                return Err(LinkError::ConnectionEnded(ended.end));
            }
            tokio::select! {
                biased;
                () = closed(&mut self.ended) => {}
                () = closed(&mut changes) => {}
                () = self.pipe.writable.notified() => {}
                () = until(wait) => {}
            }
        }
    }

    pub(crate) fn reset(&mut self, code: CloseCode) {
        if std::mem::replace(&mut self.closed, true) || self.ended.borrow().is_some() {
            return;
        }
        let mut state = self.pipe.lock();
        let arrives = self.pipe.now() + self.pipe.path().latency();
        state.reset.get_or_insert((code, arrives));
        // What has not arrived yet never will, as when QUIC drops what it has not sent.
        let now = self.pipe.now();
        let State {
            segments, bytes, ..
        } = &mut *state;
        segments.retain(|segment| {
            let stays = segment.arrives <= now;
            if !stays {
                *bytes -= segment.bytes.len();
            }
            stays
        });
        drop(state);
        self.pipe.readable.notify_one();
    }
}

impl Drop for MemorySend {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The incoming half.
pub(crate) struct MemoryRecv {
    pipe: Arc<Pipe>,
    ended: watch::Receiver<Option<crate::transport::backend::Ended>>,
    changes: watch::Receiver<PathView>,
    closed: bool,
}

/// What a look at the pipe found.
enum Look {
    Bytes(usize),
    Reset(CloseCode),
    /// Nothing yet; something is known to come at this time.
    Nothing(Option<Instant>),
}

impl MemoryRecv {
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> Result<usize, LinkError> {
        if self.closed {
            return Err(LinkError::Closed);
        }
        loop {
            let view = *self.changes.borrow_and_update();
            let wait = match self.look(view, buffer) {
                Look::Bytes(bytes) => return Ok(bytes),
                Look::Reset(code) => return Err(LinkError::Reset(code)),
                Look::Nothing(next) => next.filter(|_| view.cut_since.is_none()),
            };
            if let Some(ended) = &*self.ended.borrow_and_update() {
                return Err(LinkError::ConnectionEnded(ended.end));
            }
            tokio::select! {
                biased;
                () = self.pipe.readable.notified() => {}
                () = closed(&mut self.ended) => {}
                () = closed(&mut self.changes) => {}
                () = until(wait) => {}
            }
        }
    }

    fn look(&self, view: PathView, buffer: &mut BytesMut) -> Look {
        let now = self.pipe.now();
        let has_arrived = |at: Instant| at <= now && view.cut_since.is_none_or(|since| at <= since);
        let mut state = self.pipe.lock();
        let mut taken = 0;
        while taken < READ_BYTES_MAX
            && let Some(segment) = state.segments.front_mut()
            && has_arrived(segment.arrives)
        {
            let part = segment.bytes.len().min(READ_BYTES_MAX - taken);
            buffer.extend_from_slice(&segment.bytes[..part]);
            segment.bytes.advance(part);
            taken += part;
            if segment.bytes.is_empty() {
                state.segments.pop_front();
            }
        }
        if taken > 0 {
            state.bytes -= taken;
            drop(state);
            self.pipe.writable.notify_one();
            return Look::Bytes(taken);
        }
        if let Some((code, at)) = state.reset {
            if has_arrived(at) {
                return Look::Reset(code);
            }
            return Look::Nothing(Some(at));
        }
        if let Some(segment) = state.segments.front() {
            return Look::Nothing(Some(segment.arrives));
        }
        match state.finished {
            Some(at) if has_arrived(at) => Look::Bytes(0),
            next => Look::Nothing(next),
        }
    }

    pub(crate) fn stop(&mut self, code: CloseCode) {
        if std::mem::replace(&mut self.closed, true) || self.ended.borrow().is_some() {
            return;
        }
        let mut state = self.pipe.lock();
        let now = self.pipe.now();
        let all_read = state.segments.is_empty() && state.finished.is_some_and(|at| at <= now);
        if !all_read {
            let arrives = now + self.pipe.path_back().latency();
            state.stopped.get_or_insert((code, arrives));
            let State {
                segments, bytes, ..
            } = &mut *state;
            segments.clear();
            *bytes = 0;
        }
        drop(state);
        self.pipe.writable.notify_one();
    }
}

impl Drop for MemoryRecv {
    fn drop(&mut self) {
        self.stop(CloseCode::DROPPED);
    }
}
