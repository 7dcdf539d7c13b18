//! The commands of this node on their way: from the call until they are applied here. Pure.
//!
//! Commands get their sequence numbers when they are submitted and go out in pieces, in order. A piece stays until it is applied
//! here, and is sent again as long as nothing is known of it: its session makes repetitions harmless. When a piece
//! fails, so do all behind it, and a new session begins: no member will ever apply what comes after a gap.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::batch::PieceBuilder;
use crate::{
    groups::{Index, Term},
    runtime::time::Instant,
};

/// Commands that were applied here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) struct Applied {
    pub(in crate::groups) first: Index,
    pub(in crate::groups) last: Index,
    pub(in crate::groups) term: Term,
    /// One for each command, or none at all when all are empty.
    pub(in crate::groups) responses: Vec<Bytes>,
}

/// Why commands were not, or why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) enum Failure {
    NoCommands,
    Offline,
    NoQuorum,
    Unknown,
    Terminated,
    Failed(String),
    TooLarge {
        bytes: usize,
        limit: usize,
    },
    QueueFull {
        waiting: usize,
        waiting_bytes: usize,
    },
}

/// What becomes of submitted commands.
pub(super) type Outcome = Result<Applied, Failure>;

/// Commands of one session that were applied one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) struct Run {
    pub(super) session: u128,
    pub(super) first_seq: u64,
    pub(super) count: u64,
    pub(super) first: Index,
    pub(super) term: Term,
    /// One for each command, or none at all when all are empty.
    pub(super) responses: Vec<Bytes>,
    /// They were passed over, by every member.
    pub(super) failure: Option<Failure>,
}

/// The commands of this node on their way.
#[derive(Debug)]
pub(super) struct Client {
    session: u128,
    next_seq: u64,
    /// The first that is not applied here.
    applied_seq: u64,
    /// Sent or not, oldest first.
    pieces: VecDeque<Piece>,
    /// Commands that are not part of a piece yet: the last of all.
    open: Option<Open>,
    /// Who waits, oldest first.
    waiting: VecDeque<Slot>,
    waiting_bytes: usize,
}

#[derive(Debug)]
struct Open {
    first_seq: u64,
    builder: PieceBuilder,
    since: Instant,
}

#[derive(Debug)]
struct Piece {
    first_seq: u64,
    count: u64,
    bytes: Bytes,
    /// When its first command was submitted.
    since: Instant,
    /// When it was first sent.
    sent_at: Option<Instant>,
    is_out: bool,
    /// How often it was sent without certainty that this had no effect.
    open_sends: u32,
    /// When it may be sent again.
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Slot {
    first_seq: u64,
    count: u64,
    bytes: usize,
    applied: Option<Applied>,
    failure: Option<Failure>,
    outcome: oneshot::Sender<Outcome>,
}

/// A piece to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) session: u128,
    pub(super) first_seq: u64,
    pub(super) bytes: Bytes,
}

/// Answers that are ready to be given, outside of any lock.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(oneshot::Sender<Outcome>, Outcome)>);

impl Answers {
    pub(super) fn give(self) {
        for (waiting, outcome) in self.0 {
            // Nobody waits any more: fine.
            let _ = waiting.send(outcome);
        }
    }
}

impl Client {
    pub(super) const fn new(session: u128) -> Self {
        Self {
            session,
            next_seq: 1,
            applied_seq: 1,
            pieces: VecDeque::new(),
            open: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    pub(super) const fn session(&self) -> u128 {
        self.session
    }

    /// The first command that is not applied here.
    pub(super) const fn applied_seq(&self) -> u64 {
        self.applied_seq
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes commands in.
    pub(super) fn submit<C: AsRef<[u8]>>(
        &mut self,
        commands: &[C],
        now: Instant,
    ) -> Result<oneshot::Receiver<Outcome>, Failure> {
        let lengths = commands.iter().map(|command| command.as_ref().len());
        let bytes: usize = lengths.clone().sum();
        if let Some(longest) = lengths.max() {
            if longest > COMMAND_BYTES_MAX {
                return Err(Failure::TooLarge {
                    bytes: longest,
                    limit: COMMAND_BYTES_MAX,
                });
            }
        } else {
            return Err(Failure::NoCommands);
        }
        let waiting = usize::try_from(self.next_seq - self.applied_seq).unwrap_or(usize::MAX);
        let is_over = waiting + commands.len() > COMMANDS_WAITING_MAX
            || self.waiting_bytes + bytes > BYTES_WAITING_MAX;
        if is_over && waiting > 0 {
            return Err(Failure::QueueFull {
                waiting,
                waiting_bytes: self.waiting_bytes,
            });
        }
        let (outcome, receiver) = oneshot::channel();
        self.waiting.push_back(Slot {
            first_seq: self.next_seq,
            count: commands.len() as u64,
            bytes,
            applied: None,
            failure: None,
            outcome,
        });
        self.waiting_bytes += bytes;
        // Commands of one call share a piece if they can: nothing comes between them then.
        if bytes <= PIECE_BYTES_MAX && self.open_bytes() + bytes > PIECE_BYTES_MAX {
            self.close_open();
        }
        for command in commands.iter().map(AsRef::as_ref) {
            if self.open_bytes() > 0 && self.open_bytes() + command.len() > PIECE_BYTES_MAX {
                self.close_open();
            }
            let (session, first_seq) = (self.session, self.next_seq);
            let open = self.open.get_or_insert_with(|| Open {
                first_seq,
                builder: PieceBuilder::new(session, first_seq, command.len()),
                since: now,
            });
            open.builder.push(command);
            self.next_seq += 1;
        }
        Ok(receiver)
    }

    fn open_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.builder.len())
    }

    fn close_open(&mut self) {
        if let Some(open) = self.open.take() {
            let count = u64::from(open.builder.count());
            self.pieces.push_back(Piece {
                first_seq: open.first_seq,
                count,
                bytes: open.builder.finish(),
                since: open.since,
                sent_at: None,
                is_out: false,
                open_sends: 0,
                not_before: None,
            });
        }
    }

    /// The next piece to send, if the window has room: always the first that is not out.
    pub(super) fn next_piece(&mut self, now: Instant) -> Option<Sending> {
        let out_count = self.pieces.iter().take_while(|piece| piece.is_out).count();
        if out_count >= PIECES_OUT_MAX {
            return None;
        }
        if out_count == self.pieces.len() {
            self.close_open();
        }
        let session = self.session;
        let piece = self.pieces.get_mut(out_count)?;
        if piece.not_before.is_some_and(|time| time > now) {
            return None;
        }
        piece.is_out = true;
        piece.open_sends += 1;
        piece.sent_at.get_or_insert(now);
        Some(Sending {
            session,
            first_seq: piece.first_seq,
            bytes: piece.bytes.clone(),
        })
    }

    /// A piece was sent, and certainly has had no effect: it is sent again after a while, and all behind it.
    pub(super) fn refused(&mut self, sending: &Sending, not_before: Instant) {
        self.back(sending, true, Some(not_before));
    }

    /// A piece was sent, and nothing is known of it.
    pub(super) fn lost(&mut self, sending: &Sending, not_before: Instant) {
        self.back(sending, false, Some(not_before));
    }

    fn back(&mut self, sending: &Sending, is_definite: bool, not_before: Option<Instant>) {
        if sending.session != self.session {
            return;
        }
        for piece in &mut self.pieces {
            if piece.first_seq == sending.first_seq && is_definite {
                piece.open_sends = piece.open_sends.saturating_sub(1);
            }
            if piece.first_seq == sending.first_seq {
                piece.not_before = not_before;
            }
            if piece.first_seq >= sending.first_seq {
                piece.is_out = false;
            }
        }
    }

    /// There is another leader: everything that is out goes to it as well.
    pub(super) fn send_all_again(&mut self) {
        for piece in &mut self.pieces {
            piece.is_out = false;
            piece.not_before = None;
        }
    }

    /// When something is to be done though nothing happens. A piece whose time has come waits for something else: for
    /// a leader, or for room.
    pub(super) fn next_at(&self, now: Instant, patience: Patience) -> Option<Instant> {
        let first = self.pieces.front();
        let fails_at = match (first, &self.open) {
            (Some(piece), _) => Some(patience.of(piece)),
            (None, Some(open)) => Some(open.since + patience.unsent),
            (None, None) => None,
        };
        let waits = self.pieces.iter().find(|piece| !piece.is_out);
        let send_at = waits
            .and_then(|piece| piece.not_before)
            .filter(|time| *time > now);
        fails_at.into_iter().chain(send_at).min()
    }

    /// Fails what has waited for too long, and all behind it.
    pub(super) fn expire(&mut self, now: Instant, patience: Patience, session: u128) -> Answers {
        let is_over = match (self.pieces.front(), &self.open) {
            (Some(piece), _) => patience.of(piece) <= now,
            (None, Some(open)) => open.since + patience.unsent <= now,
            (None, None) => false,
        };
        if is_over {
            self.fail(&Failure::NoQuorum, session)
        } else {
            Answers::default()
        }
    }

    /// Fails everything, with `failure` where it is certain that it was not applied and never will be.
    pub(super) fn fail(&mut self, failure: &Failure, session: u128) -> Answers {
        // Behind a piece that never got anywhere there is a gap for ever, whatever was sent. A failed member says why
        // it failed rather than that nothing is known.
        let is_certain = matches!(failure, Failure::Failed(_))
            || self
                .pieces
                .front()
                .is_none_or(|piece| piece.open_sends == 0);
        let unknown_until = if is_certain {
            0
        } else {
            let sent = self.pieces.iter().rev().find(|piece| piece.open_sends > 0);
            sent.map_or(0, |piece| piece.first_seq + piece.count)
        };
        let answers = self.waiting.drain(..).map(|slot| {
            let outcome = if slot.first_seq < unknown_until {
                Failure::Unknown
            } else {
                failure.clone()
            };
            (slot.outcome, Err(outcome))
        });
        let answers = Answers(answers.collect());
        *self = Self::new(session);
        answers
    }

    /// Commands were applied here.
    pub(super) fn applied(&mut self, run: Run) -> Answers {
        let end = run.first_seq.saturating_add(run.count);
        if run.session != self.session
            || end <= self.applied_seq
            || run.first_seq > self.applied_seq
        {
            return Answers::default();
        }
        let mut answers = Answers::default();
        let mut responses = run.responses.into_iter();
        let has_responses = responses.len() > 0;
        let skipped = self.applied_seq - run.first_seq;
        if has_responses && skipped > 0 {
            responses.nth(usize::try_from(skipped - 1).unwrap_or(usize::MAX));
        }
        let mut seq = self.applied_seq;
        while seq < end
            && let Some(slot) = self.waiting.front_mut()
        {
            let upto = end.min(slot.first_seq + slot.count);
            let index = |seq: u64| run.first + (seq - run.first_seq);
            let applied = slot.applied.get_or_insert_with(|| Applied {
                first: index(seq),
                last: index(seq),
                term: run.term,
                responses: Vec::new(),
            });
            applied.last = index(upto - 1);
            applied.term = run.term;
            if slot.failure.is_none() {
                slot.failure.clone_from(&run.failure);
            }
            if has_responses {
                let before = usize::try_from(seq - slot.first_seq).unwrap_or(usize::MAX);
                applied.responses.resize(before, Bytes::new());
                let count = usize::try_from(upto - seq).unwrap_or(usize::MAX);
                applied.responses.extend(responses.by_ref().take(count));
            }
            seq = upto;
            if seq == slot.first_seq + slot.count
                && let Some(mut slot) = self.waiting.pop_front()
                && let Some(mut applied) = slot.applied.take()
            {
                self.waiting_bytes -= slot.bytes;
                if !applied.responses.is_empty() {
                    let count = usize::try_from(slot.count).unwrap_or(usize::MAX);
                    applied.responses.resize(count, Bytes::new());
                }
                let outcome = slot.failure.map_or(Ok(applied), Err);
                answers.0.push((slot.outcome, outcome));
            }
        }
        self.applied_seq = end;
        while let Some(piece) = self.pieces.front()
            && piece.first_seq + piece.count <= end
        {
            self.pieces.pop_front();
        }
        answers
    }
}

/// How long commands wait for their outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// As long as they certainly have no effect: from the call on.
    pub(super) unsent: Duration,
    /// Once they may have: from the first sending on.
    pub(super) sent: Duration,
}

impl Patience {
    fn of(&self, piece: &Piece) -> Instant {
        match piece.sent_at {
            Some(sent_at) if piece.open_sends > 0 => sent_at + self.sent,
            _ => piece.since + self.unsent,
        }
    }
}

/// Bytes of one command: it has to fit into one frame of a bond.
pub(super) const COMMAND_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Commands travel together up to this size; a longer one travels alone.
const PIECE_BYTES_MAX: usize = 1024 * 1024;

/// Pieces that are out at a time: enough to keep the leader busy, few enough for commands to gather.
const PIECES_OUT_MAX: usize = 4;

/// Commands that a member keeps until they are applied; beyond that, the caller has to wait.
const COMMANDS_WAITING_MAX: usize = 1 << 20;

/// Their bytes.
const BYTES_WAITING_MAX: usize = 256 * 1024 * 1024;

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
