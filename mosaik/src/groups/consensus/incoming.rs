//! A snapshot that arrives: which one is wanted, how far it is, and what is here of it. Pure.

use bytes::Bytes;

use super::types::SnapshotMeta;
use super::wire::{Fetched, Piece, Promise, Running};
use crate::groups::identity::ReplicaId;
use crate::runtime::time::{Duration, Instant};

/// The one snapshot that a replica takes at a time. Knows nothing of openraft.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    now: Option<Transfer>,
    /// How many were begun.
    begun_count: u64,
}

/// Which leader wants this replica to have a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) leader: ReplicaId,
    pub(super) term: u64,
    pub(super) transfer: u64,
}

/// The right to bring in what is wanted now. Void once something else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

#[derive(Debug)]
struct Transfer {
    wanted: Wanted,
    ticket: Ticket,
    state: State,
    /// When the leader last asked.
    heard: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Underway { steps: u64 },
    Restoring,
    Over(Outcome),
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The snapshot is the state.
    Installed(Promise),
    /// A newer leader is known.
    Higher(Promise),
    /// Nobody gave it, or what was given is none.
    Failed(String),
}

/// What to do when a leader asks.
#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    /// Bring it in.
    Begin(Ticket),
    /// It is asked for already.
    Known(Fetched),
    /// Another one comes first.
    Busy,
}

/// Silence after which the leader that wanted a snapshot is taken to be gone.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

impl Incoming {
    /// A leader asks for a snapshot, or how far it is.
    pub(super) fn ask(&mut self, wanted: Wanted, now: Instant) -> Decision {
        if let Some(here) = &mut self.now {
            if here.wanted == wanted {
                here.heard = now;
                return Decision::Known(here.state.answer());
            }
            if here.comes_before(wanted, now) {
                return Decision::Busy;
            }
        }
        self.begun_count += 1;
        let ticket = Ticket(self.begun_count);
        self.now = Some(Transfer {
            wanted,
            ticket,
            state: State::Underway { steps: 0 },
            heard: now,
        });
        Decision::Begin(ticket)
    }

    /// How far what was asked for is.
    pub(super) fn progress(&self, wanted: Wanted) -> Fetched {
        match &self.now {
            Some(here) if here.wanted == wanted => here.state.answer(),
            _ => Fetched::Busy,
        }
    }

    /// Whether there is nothing to wait for: it is over, or something else is wanted.
    pub(super) fn is_over(&self, wanted: Wanted) -> bool {
        !matches!(
            self.progress(wanted),
            Fetched::Underway { .. } | Fetched::Restoring
        )
    }

    /// One piece more is here. Whether to go on.
    pub(super) fn step(&mut self, ticket: Ticket, now: Instant) -> bool {
        let Some(here) = self.of(ticket) else {
            return false;
        };
        if now.saturating_duration_since(here.heard) > ABANDONED_AFTER {
            self.now = None;
            return false;
        }
        if let State::Underway { steps } = &mut here.state {
            *steps += 1;
        }
        true
    }

    /// All of it is here. Whether to make it the state.
    pub(super) fn restore(&mut self, ticket: Ticket) -> bool {
        let Some(here) = self.of(ticket) else {
            return false;
        };
        here.state = State::Restoring;
        true
    }

    pub(super) fn over(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(here) = self.of(ticket) {
            here.state = State::Over(outcome);
        }
    }

    /// Nothing is wanted any more.
    pub(super) fn clear(&mut self) {
        self.now = None;
    }

    fn of(&mut self, ticket: Ticket) -> Option<&mut Transfer> {
        self.now.as_mut().filter(|here| here.ticket == ticket)
    }
}

impl Transfer {
    /// Whether another transfer has to wait for this one.
    fn comes_before(&self, other: Wanted, now: Instant) -> bool {
        match self.state {
            State::Over(_) => false,
            State::Restoring => true,
            State::Underway { .. } => {
                let is_alive = now.saturating_duration_since(self.heard) <= ABANDONED_AFTER;
                // The same leader knows what it has given up.
                is_alive && other.leader != self.wanted.leader && other.term <= self.wanted.term
            }
        }
    }
}

impl State {
    fn answer(&self) -> Fetched {
        match self {
            Self::Underway { steps } => Fetched::Underway { steps: *steps },
            Self::Restoring => Fetched::Restoring,
            Self::Over(Outcome::Installed(promise)) => Fetched::Installed(*promise),
            Self::Over(Outcome::Higher(promise)) => Fetched::Higher(*promise),
            Self::Over(Outcome::Failed(reason)) => Fetched::Failed {
                reason: reason.clone(),
            },
        }
    }
}

/// A snapshot of one source of which some is here.
#[derive(Debug)]
pub(super) struct Collecting {
    meta: Option<SnapshotMeta>,
    chunks: Vec<Bytes>,
    bytes: u64,
    bytes_max: u64,
    digest: Running,
}

/// What a piece has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Next,
    Whole,
}

/// Why a piece is none of this snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("piece is damaged")]
    Damaged,
    #[error("snapshot is beyond {0} bytes")]
    TooLarge(u64),
    #[error("snapshot does not say what it stands for")]
    Headless,
    #[error("piece is empty, and not the last")]
    Empty,
}

impl Collecting {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            meta: None,
            chunks: Vec::new(),
            bytes: 0,
            bytes_max,
            digest: Running::default(),
        }
    }

    /// Chunks that are here.
    pub(super) fn offset(&self) -> u64 {
        self.chunks.len() as u64
    }

    /// Takes the next piece; `meta` is what the first one says the snapshot stands for. After an error, nothing of
    /// it is of use.
    pub(super) fn add(
        &mut self,
        piece: Piece,
        meta: Option<SnapshotMeta>,
    ) -> Result<Progress, Unfit> {
        if self.meta.is_none() {
            self.meta = meta;
        }
        if self.meta.is_none() {
            return Err(Unfit::Headless);
        }
        // A source that gives nothing for ever must not look like one that gives.
        if piece.chunks.is_empty() && !piece.last {
            return Err(Unfit::Empty);
        }
        let chunks = piece.chunks.iter();
        self.bytes += chunks
            .map(|chunk| CHUNK_BYTES_FIXED + chunk.len() as u64)
            .sum::<u64>();
        if self.bytes > self.bytes_max {
            return Err(Unfit::TooLarge(self.bytes_max));
        }
        if self.digest.add(&piece.chunks) != piece.digest {
            return Err(Unfit::Damaged);
        }
        self.chunks.extend(piece.chunks);
        Ok(if piece.last {
            Progress::Whole
        } else {
            Progress::Next
        })
    }

    /// What the snapshot stands for, and all of it.
    pub(super) fn into_parts(self) -> Option<(SnapshotMeta, Vec<Bytes>)> {
        Some((self.meta?, self.chunks))
    }
}

/// Bytes that a chunk takes beside what is in it, so that empty ones are not free.
const CHUNK_BYTES_FIXED: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    const LEADER: ReplicaId = ReplicaId::new([1; 32], 1);
    const OTHER: ReplicaId = ReplicaId::new([2; 32], 1);

    const CHUNKS: [&str; 4] = ["one", "", "three", "four"];

    fn piece(range: core::ops::Range<usize>) -> Piece {
        let all = CHUNKS.map(|chunk| Bytes::from_static(chunk.as_bytes()));
        Piece {
            head: None,
            digest: Running::default().add(&all[..range.end]),
            last: range.end == all.len(),
            chunks: all[range].to_vec(),
        }
    }

    fn meta() -> Option<SnapshotMeta> {
        Some(SnapshotMeta::default())
    }

    #[test]
    fn pieces_become_a_snapshot() {
        let mut collecting = Collecting::new(1_000);
        assert_eq!(collecting.add(piece(0..1), meta()), Ok(Progress::Next));
        assert_eq!(collecting.add(piece(1..3), None), Ok(Progress::Next));
        assert_eq!(collecting.offset(), 3);
        assert_eq!(collecting.add(piece(3..4), None), Ok(Progress::Whole));
        let (_, chunks) = collecting.into_parts().unwrap();
        assert_eq!(chunks, CHUNKS);
        let mut empty = Collecting::new(0);
        let last = Piece {
            last: true,
            ..piece(0..0)
        };
        assert_eq!(empty.add(last, meta()), Ok(Progress::Whole));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let damages: [fn(&mut Piece); 3] = [
            |piece| piece.chunks[1] = Bytes::from_static(b"other"),
            |piece| piece.chunks = vec![piece.chunks.concat().into()],
            |piece| piece.chunks.push(Bytes::new()),
        ];
        for damage in damages {
            let mut collecting = Collecting::new(1_000);
            collecting.add(piece(0..1), meta()).unwrap();
            let mut damaged = piece(1..3);
            damage(&mut damaged);
            assert_eq!(collecting.add(damaged, None), Err(Unfit::Damaged));
        }
        let mut small = Collecting::new(200);
        small.add(piece(0..1), meta()).unwrap();
        assert_eq!(small.add(piece(1..4), None), Err(Unfit::TooLarge(200)));
        let mut headless = Collecting::new(200);
        assert_eq!(headless.add(piece(0..1), None), Err(Unfit::Headless));
        let mut idle = Collecting::new(200);
        assert_eq!(idle.add(piece(0..0), meta()), Err(Unfit::Empty));
    }

    fn wanted(leader: ReplicaId, term: u64, transfer: u64) -> Wanted {
        Wanted {
            leader,
            term,
            transfer,
        }
    }

    #[test]
    fn a_second_leader_waits_unless_it_is_newer_or_the_first_is_gone() {
        let now = Clock::system().now();
        let later = now + ABANDONED_AFTER + Duration::from_secs(1);
        let ask = |other, at| {
            let mut incoming = Incoming::default();
            let first = incoming.ask(wanted(LEADER, 3, 7), now);
            assert_eq!(first, Decision::Begin(Ticket(1)));
            incoming.ask(other, at)
        };
        let underway = Decision::Known(Fetched::Underway { steps: 0 });
        assert_eq!(ask(wanted(LEADER, 3, 7), now), underway);
        assert_eq!(ask(wanted(OTHER, 3, 7), now), Decision::Busy);
        assert_eq!(ask(wanted(OTHER, 2, 7), now), Decision::Busy);
        for (other, at) in [
            (wanted(LEADER, 3, 8), now),
            (wanted(OTHER, 4, 7), now),
            (wanted(OTHER, 3, 7), later),
        ] {
            assert_eq!(ask(other, at), Decision::Begin(Ticket(2)));
        }
    }

    #[test]
    fn what_is_no_longer_wanted_ends() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let first = wanted(LEADER, 3, 7);
        let Decision::Begin(ticket) = incoming.ask(first, now) else {
            panic!("not begun");
        };
        assert!(incoming.step(ticket, now) && !incoming.is_over(first));
        assert_eq!(incoming.progress(first), Fetched::Underway { steps: 1 });
        let second = wanted(LEADER, 3, 8);
        let Decision::Begin(newer) = incoming.ask(second, now) else {
            panic!("not begun");
        };
        assert!(!incoming.step(ticket, now) && !incoming.restore(ticket));
        assert!(incoming.is_over(first));
        assert!(incoming.restore(newer));
        assert_eq!(incoming.progress(second), Fetched::Restoring);
        // Nothing takes the place of what becomes the state.
        assert_eq!(incoming.ask(wanted(OTHER, 9, 1), now), Decision::Busy);
        incoming.over(newer, Outcome::Failed("no".to_owned()));
        assert!(incoming.is_over(second));
        let later = now + ABANDONED_AFTER + Duration::from_secs(1);
        let Decision::Begin(third) = incoming.ask(wanted(OTHER, 9, 1), now) else {
            panic!("not begun");
        };
        assert!(!incoming.step(third, later), "nobody asks for it");
    }
}
