//! A snapshot on its way to a member: piece by piece, resumed where it broke.

use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use openraft::errors::{StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::carrier::{Carrier, CarryError};
use super::convert;
use super::machine::{Content, panic_text};
use super::types::{Snapshot, Types, Vote};
use super::wire::{Head, Part, RaftReply, RaftRequest, Reply, Request, Running, Taken};
use crate::groups::identity::ReplicaId;
use crate::runtime::time;

/// What all snapshots that this replica sends share.
#[derive(Clone)]
pub(super) struct Transfers {
    turns: Arc<Semaphore>,
    next: Arc<AtomicU64>,
}

impl Transfers {
    /// At most `at_once` of them are under way; `first` numbers the first.
    pub(super) fn new(at_once: usize, first: u64) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once.max(1))),
            next: Arc::new(AtomicU64::new(first)),
        }
    }

    /// Waits until fewer than the limit are under way.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.turns.acquire().await.ok()
    }
}

/// Bytes of one piece: enough that a round trip a piece does not matter, little enough to hold.
const PART_BYTES: usize = 1 << 20;

/// Bytes that a chunk takes beside what is in it, so that a piece of empty ones ends.
const CHUNK_BYTES_FIXED: usize = 8;

/// Time without a step forward after which the transfer is begun again with a newer snapshot.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Wait before a piece is sent again, and its longest value.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// One snapshot on its way.
pub(super) struct Outgoing {
    target: ReplicaId,
    carrier: Arc<dyn Carrier>,
    term: u64,
    head: Option<Head>,
    content: Content,
    digest: Running,
    /// Chunks that the other side has.
    offset: u64,
    /// A chunk that did not fit into the piece before.
    left_over: Option<Bytes>,
}

/// What became of a piece.
enum Step {
    Forward,
    Done(SnapshotResponse<Types>),
}

impl Outgoing {
    pub(super) fn new(
        target: ReplicaId,
        carrier: Arc<dyn Carrier>,
        vote: &Vote,
        snapshot: Snapshot,
    ) -> Self {
        Self {
            target,
            carrier,
            term: vote.leader_id.term,
            head: convert::head(&snapshot.meta),
            content: snapshot.snapshot,
            digest: Running::default(),
            offset: 0,
            left_over: None,
        }
    }

    /// Sends it all. `install_deadline` is the time that the other side may take to restore it.
    pub(super) async fn run(
        mut self,
        transfers: &mut Transfers,
        install_deadline: Duration,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let transfer = transfers.next.fetch_add(1, Ordering::Relaxed);
        loop {
            let (chunks, last) = self.next_part()?;
            let part = Part {
                term: self.term,
                transfer,
                offset: self.offset,
                head: self.head.take(),
                digest: self.digest.add(&chunks),
                chunks,
                last,
            };
            let deadline = if last {
                install_deadline
            } else {
                STALLED_AFTER
            };
            match self.send(part, deadline).await? {
                Step::Forward => {}
                Step::Done(response) => return Ok(response),
            }
        }
    }

    /// Sends one piece until the other side has it.
    async fn send(
        &mut self,
        part: Part,
        deadline: Duration,
    ) -> Result<Step, StreamingError<Types>> {
        let end = part.offset + part.chunks.len() as u64;
        let last = part.last;
        let mut wait = RETRY.0;
        let mut waited = Duration::ZERO;
        loop {
            let request = RaftRequest::new(Request::Part(part.clone()));
            let reply = self.carrier.call(self.target, request, deadline).await;
            let problem = match reply {
                Ok(RaftReply(Reply::Part(taken))) => match taken {
                    Taken::Next { offset } if offset == end && !last => {
                        self.offset = end;
                        return Ok(Step::Forward);
                    }
                    // Not there yet: the piece before was answered twice, or this one was lost.
                    Taken::Next { offset } if offset == part.offset => "piece was lost",
                    Taken::Next { .. } | Taken::Restart => {
                        return Err(begin_again("receiver lost the transfer"));
                    }
                    Taken::Busy => "receiver is busy",
                    Taken::Installed(promise) | Taken::Higher(promise) => {
                        let vote = convert::vote(promise).map_err(begin_again)?;
                        return Ok(Step::Done(SnapshotResponse::new(vote)));
                    }
                },
                Ok(RaftReply(Reply::Refused(reason))) => return Err(begin_again(reason)),
                Ok(RaftReply(_)) => return Err(begin_again("unexpected reply")),
                Err(CarryError::Unreachable) => "receiver is unreachable",
                Err(CarryError::Deadline) => "no reply in time",
                Err(CarryError::Refused(reason)) => return Err(begin_again(reason)),
            };
            if waited >= STALLED_AFTER {
                return Err(begin_again(problem));
            }
            tracing::debug!(target = %self.target, offset = part.offset, problem, "sends a piece again");
            time::sleep(wait).await;
            waited += wait;
            wait = (2 * wait).min(RETRY.1);
        }
    }

    /// The chunks of the next piece, and whether it is the last.
    fn next_part(&mut self) -> Result<(Vec<Bytes>, bool), StreamingError<Types>> {
        let mut chunks: Vec<Bytes> = self.left_over.take().into_iter().collect();
        let mut bytes: usize = chunks.iter().map(Bytes::len).sum();
        loop {
            let Some(chunk) = self.next_chunk()? else {
                return Ok((chunks, true));
            };
            bytes += chunk.len() + CHUNK_BYTES_FIXED;
            if bytes > PART_BYTES && !chunks.is_empty() {
                self.left_over = Some(chunk);
                return Ok((chunks, false));
            }
            chunks.push(chunk);
        }
    }

    /// A checkpoint that panics ends its transfer only: the state that it came from is untouched.
    fn next_chunk(&mut self) -> Result<Option<Bytes>, StreamingError<Types>> {
        match &mut self.content {
            Content::Mark | Content::Received(_) => Ok(None),
            Content::Here(checkpoint) => {
                let chunk = catch_unwind(AssertUnwindSafe(|| checkpoint.next_chunk()));
                chunk.map_err(|panic| {
                    let text = panic_text(&*panic);
                    tracing::error!(panic = text, "checkpoint panicked");
                    begin_again(text)
                })
            }
        }
    }
}

/// A transfer that must begin again, after a wait.
fn begin_again(reason: impl ToString) -> StreamingError<Types> {
    StreamingError::Unreachable(Unreachable::from_string(reason))
}
