//! Giving others a snapshot of the state here, piece by piece, as they ask for it.

use core::panic::AssertUnwindSafe;
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::convert;
use super::machine::{Content, panic_text};
use super::replica::Replica;
use super::serve::Refusal;
use super::types::Snapshot;
use super::wire::{Head, Piece, Pull, Pulled, Running};
use crate::groups::identity::ReplicaId;
use crate::groups::{CHECKPOINT_CHUNK_BYTES_MAX, Checkpoint};
use crate::runtime::Clock;
use crate::runtime::time::{self, Duration, Instant};

/// The snapshots that others are reading, at most one each.
#[derive(Default)]
pub(super) struct Sources(Mutex<BTreeMap<ReplicaId, Reading>>);

struct Reading {
    transfer: u64,
    asked: Instant,
    /// Locked while a piece is made.
    outlet: Arc<tokio::sync::Mutex<Outlet>>,
}

/// A snapshot that another replica reads.
struct Outlet {
    head: Option<Head>,
    checkpoint: Box<dyn Checkpoint>,
    digest: Running,
    /// Chunks that were given.
    offset: u64,
    /// A chunk that did not fit into the piece before.
    left_over: Option<Bytes>,
    /// Where the last piece began, and what it was: its answer may be lost.
    last: Option<(u64, Piece)>,
}

/// Bytes of one piece: enough that a round trip a piece does not matter, little enough to hold.
const PIECE_BYTES: usize = 512 * 1024;

/// Bytes that a chunk takes beside what is in it, so that a piece of empty ones ends.
const CHUNK_BYTES_FIXED: usize = 8;

/// Silence after which a reader is taken to be gone.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// How long a reader waits here until the state stands for enough. It is asked for as soon as the leader has it.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);

impl Replica {
    pub(super) async fn serve_pull(&self, from: ReplicaId, pull: Pull) -> Result<Pulled, Refusal> {
        convert::log_id(pull.least)?;
        // Known late, but not for ever: the entry that takes a member in is agreed on before it is fed.
        if !self.is_member(from) {
            return Ok(Pulled::Late);
        }
        let now = Clock::system().now();
        let outlet = match self.0.sources.find(from, pull.transfer, now) {
            Some(outlet) => outlet,
            None if pull.offset > 0 => return Ok(Pulled::Gone),
            None => match self.open(from, &pull).await? {
                Ok(outlet) => outlet,
                Err(answer) => return Ok(answer),
            },
        };
        let mut outlet = outlet.lock().await;
        let pulled = outlet.piece(pull.offset);
        if let Ok(Pulled::Piece(piece)) = &pulled
            && piece.last
        {
            // Nothing of the state is held longer than it is read; the last piece may be asked for again.
            outlet.checkpoint = Box::new(Nothing);
        }
        pulled.map_err(Refusal::Limit)
    }

    /// Takes a checkpoint of the state once it stands for enough.
    async fn open(
        &self,
        from: ReplicaId,
        pull: &Pull,
    ) -> Result<Result<Arc<tokio::sync::Mutex<Outlet>>, Pulled>, Refusal> {
        let caught_up = self.wait_applied(pull.least.index);
        match time::timeout(CAUGHT_UP_WITHIN, caught_up).await {
            Ok(Ok(())) => {}
            Ok(Err(fatal)) => return Err(Refusal::Limit(fatal.to_string())),
            Err(_) => return Ok(Err(Pulled::Late)),
        }
        let taken = self.0.raft.with_state_machine(|machine| {
            let taken = machine.state_now();
            Box::pin(async move { taken })
        });
        let snapshot = match taken.await? {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Ok(Err(Pulled::Late)),
            Err(error) => return Err(Refusal::Limit(error.to_string())),
        };
        let Some(outlet) = Outlet::new(snapshot) else {
            return Ok(Err(Pulled::Late));
        };
        let outlet = Arc::new(tokio::sync::Mutex::new(outlet));
        let now = Clock::system().now();
        let limit = self.0.limits.snapshots_outgoing;
        let reading = Reading {
            transfer: pull.transfer,
            asked: now,
            outlet: outlet.clone(),
        };
        if self.0.sources.open(from, reading, limit, now) {
            Ok(Ok(outlet))
        } else {
            Ok(Err(Pulled::Busy))
        }
    }

    fn is_member(&self, replica: ReplicaId) -> bool {
        let view = self.0.view.borrow();
        view.members.voters.contains(&replica) || view.members.learners.contains(&replica)
    }
}

impl Sources {
    fn find(
        &self,
        from: ReplicaId,
        transfer: u64,
        now: Instant,
    ) -> Option<Arc<tokio::sync::Mutex<Outlet>>> {
        let mut readings = self.lock();
        let reading = readings.get_mut(&from)?;
        if reading.transfer != transfer {
            return None;
        }
        reading.asked = now;
        Some(reading.outlet.clone())
    }

    /// Whether there is room for one more. A reader that begins anew has given up what it read before.
    fn open(&self, from: ReplicaId, reading: Reading, limit: usize, now: Instant) -> bool {
        let mut readings = self.lock();
        readings.remove(&from);
        readings
            .retain(|_, reading| now.saturating_duration_since(reading.asked) <= ABANDONED_AFTER);
        let is_read = |reading: &&Reading| {
            // Locked: a piece is being made.
            let outlet = reading.outlet.try_lock();
            outlet.map_or(true, |outlet| !outlet.is_over())
        };
        if readings.values().filter(is_read).count() >= limit.max(1) {
            return false;
        }
        readings.insert(from, reading);
        true
    }

    /// Forgets readers that have gone.
    pub(super) fn tidy(&self, now: Instant) {
        self.lock()
            .retain(|_, reading| now.saturating_duration_since(reading.asked) <= ABANDONED_AFTER);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ReplicaId, Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet {
    fn new(snapshot: Snapshot) -> Option<Self> {
        let Content::Here(checkpoint) = snapshot.snapshot else {
            return None;
        };
        Some(Self {
            head: Some(convert::head(&snapshot.meta)?),
            checkpoint,
            digest: Running::default(),
            offset: 0,
            left_over: None,
            last: None,
        })
    }

    fn is_over(&self) -> bool {
        self.last.as_ref().is_some_and(|(_, piece)| piece.last)
    }

    /// The piece that begins with this chunk: the next one, or the last one again.
    fn piece(&mut self, offset: u64) -> Result<Pulled, String> {
        if let Some((began, piece)) = &self.last {
            if *began == offset {
                return Ok(Pulled::Piece(piece.clone()));
            }
            if piece.last {
                return Ok(Pulled::Gone);
            }
        }
        if offset != self.offset {
            return Ok(Pulled::Gone);
        }
        let (chunks, last) = self.next_chunks()?;
        let piece = Piece {
            head: self.head.take(),
            digest: self.digest.add(&chunks),
            last,
            chunks,
        };
        self.offset += piece.chunks.len() as u64;
        self.last = Some((offset, piece.clone()));
        Ok(Pulled::Piece(piece))
    }

    /// The chunks of the next piece, and whether it is the last.
    fn next_chunks(&mut self) -> Result<(Vec<Bytes>, bool), String> {
        let mut chunks: Vec<Bytes> = self.left_over.take().into_iter().collect();
        let mut bytes: usize = chunks.iter().map(Bytes::len).sum();
        loop {
            let Some(chunk) = self.next_chunk()? else {
                return Ok((chunks, true));
            };
            bytes += chunk.len() + CHUNK_BYTES_FIXED;
            if bytes > PIECE_BYTES && !chunks.is_empty() {
                self.left_over = Some(chunk);
                return Ok((chunks, false));
            }
            chunks.push(chunk);
        }
    }

    /// A checkpoint that panics ends its transfer only: the state that it came from is untouched.
    fn next_chunk(&mut self) -> Result<Option<Bytes>, String> {
        let checkpoint = &mut self.checkpoint;
        let chunk = catch_unwind(AssertUnwindSafe(|| checkpoint.next_chunk()));
        let chunk = chunk.map_err(|panic| {
            let text = panic_text(&*panic);
            tracing::error!(panic = text, "checkpoint panicked");
            text
        })?;
        match chunk {
            Some(chunk) if chunk.len() > CHECKPOINT_CHUNK_BYTES_MAX => {
                let (bytes, limit) = (chunk.len(), CHECKPOINT_CHUNK_BYTES_MAX);
                tracing::error!(bytes, limit, "chunk of a checkpoint is too long");
                Err(format!("chunk of {bytes} bytes, beyond {limit}"))
            }
            chunk => Ok(chunk),
        }
    }
}

/// The checkpoint of a snapshot that has been read.
struct Nothing;

impl Checkpoint for Nothing {
    fn next_chunk(&mut self) -> Option<Bytes> {
        None
    }
}
