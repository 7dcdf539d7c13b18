//! A snapshot that arrives: collected, checked, and then restored at once.

use core::mem;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::types::SnapshotMeta;
use super::wire::Part;
use crate::groups::identity::ReplicaId;
use crate::primitives::Digest;
use crate::runtime::time::{Duration, Instant};

/// The one snapshot that a replica takes at a time. Knows nothing of openraft.
#[derive(Debug, Default)]
pub(super) enum Incoming {
    /// None.
    #[default]
    Idle,
    /// Some of it is here.
    Collecting(Box<Collecting>),
    /// All of it is here, and becomes the state.
    Restoring(Source),
    /// The last one became the state: its last piece may be repeated.
    Restored(Source),
}

/// Whose snapshot, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    from: ReplicaId,
    transfer: u64,
}

/// A snapshot of which some is here.
#[derive(Debug)]
pub(super) struct Collecting {
    source: Source,
    term: u64,
    meta: SnapshotMeta,
    chunks: Vec<Bytes>,
    offset: u64,
    hasher: Sha256,
    heard: Instant,
}

/// What to do about a piece.
#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    /// Taken, or had already: the next one is at this offset.
    Next(u64),
    /// That was the last: restore this, then call [`Incoming::restored`].
    Restore(SnapshotMeta, Vec<Bytes>),
    /// It was restored before.
    AlreadyRestored,
    /// Begin again.
    Restart,
    /// Another snapshot is being taken, or this one restored.
    Busy,
    /// Beyond the limit of this replica.
    TooLarge,
}

/// Silence after which another leader's snapshot takes the place of one that is half here.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

impl Incoming {
    /// Takes a piece. `meta` is what the first piece says the snapshot stands for.
    pub(super) fn take(
        &mut self,
        from: ReplicaId,
        part: Part,
        meta: Option<SnapshotMeta>,
        bytes_max: u64,
        now: Instant,
    ) -> Decision {
        let source = Source {
            from,
            transfer: part.transfer,
        };
        match self {
            Self::Restoring(_) => return Decision::Busy,
            Self::Restored(restored) if *restored == source => return Decision::AlreadyRestored,
            Self::Collecting(here) if here.source == source => {}
            Self::Collecting(here) if here.blocks(from, part.term, now) => return Decision::Busy,
            _ => {
                let Some(meta) = meta.filter(|_| part.offset == 0) else {
                    return Decision::Restart;
                };
                *self = Self::Collecting(Box::new(Collecting::new(source, part.term, meta, now)));
            }
        }
        let Self::Collecting(here) = self else {
            return Decision::Restart;
        };
        let decision = here.add(&part, bytes_max, now);
        match decision {
            Progress::Next => Decision::Next(here.offset),
            Progress::Whole => match mem::replace(self, Self::Restoring(source)) {
                Self::Collecting(whole) => Decision::Restore(whole.meta, whole.chunks),
                // It was a moment ago.
                _ => Decision::Restart,
            },
            Progress::Damaged => {
                *self = Self::Idle;
                Decision::Restart
            }
            Progress::TooLarge => {
                *self = Self::Idle;
                Decision::TooLarge
            }
        }
    }

    /// Ends what [`Decision::Restore`] began.
    pub(super) fn restored(&mut self, success: bool) {
        if let Self::Restoring(source) = *self {
            *self = if success {
                Self::Restored(source)
            } else {
                Self::Idle
            };
        }
    }

    /// Forgets a snapshot of which no more comes.
    pub(super) fn tidy(&mut self, now: Instant) {
        if matches!(self, Self::Collecting(here) if here.abandoned(now)) {
            *self = Self::Idle;
        }
    }
}

enum Progress {
    Next,
    Whole,
    Damaged,
    TooLarge,
}

impl Collecting {
    fn new(source: Source, term: u64, meta: SnapshotMeta, now: Instant) -> Self {
        Self {
            source,
            term,
            meta,
            chunks: Vec::new(),
            offset: 0,
            hasher: Sha256::new(),
            heard: now,
        }
    }

    fn abandoned(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) > ABANDONED_AFTER
    }

    /// Whether another transfer has to wait for this one.
    fn blocks(&self, from: ReplicaId, term: u64, now: Instant) -> bool {
        self.source.from != from && self.term >= term && !self.abandoned(now)
    }

    fn add(&mut self, part: &Part, bytes_max: u64, now: Instant) -> Progress {
        self.heard = now;
        let end = part.offset.saturating_add(part.data.len() as u64);
        if end <= self.offset && part.offset < self.offset {
            // Answered before; the answer was lost.
            return Progress::Next;
        }
        if part.offset != self.offset {
            return Progress::Next;
        }
        if end > bytes_max {
            return Progress::TooLarge;
        }
        self.hasher.update(&part.data);
        if Digest::from_bytes(self.hasher.clone().finalize().into()) != part.digest {
            return Progress::Damaged;
        }
        if !part.data.is_empty() {
            self.chunks.push(part.data.clone());
        }
        self.offset = end;
        if part.last {
            Progress::Whole
        } else {
            Progress::Next
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    const LEADER: ReplicaId = ReplicaId::new([1; 32], 1);
    const OTHER: ReplicaId = ReplicaId::new([2; 32], 1);

    fn part(transfer: u64, bytes: &[u8], range: core::ops::Range<usize>) -> Part {
        let digest = Sha256::digest(&bytes[..range.end]);
        Part {
            term: 3,
            transfer,
            offset: range.start as u64,
            head: None,
            digest: Digest::from_bytes(digest.into()),
            last: range.end == bytes.len(),
            data: Bytes::copy_from_slice(&bytes[range]),
        }
    }

    fn meta() -> Option<SnapshotMeta> {
        Some(SnapshotMeta::default())
    }

    #[test]
    fn pieces_in_order_with_repetitions_become_a_snapshot() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let mut take = |part, meta| incoming.take(LEADER, part, meta, 100, now);
        let bytes = b"one two three";
        assert_eq!(take(part(7, bytes, 4..8), None), Decision::Restart);
        assert_eq!(take(part(7, bytes, 0..4), None), Decision::Restart);
        assert_eq!(take(part(7, bytes, 0..4), meta()), Decision::Next(4));
        assert_eq!(take(part(7, bytes, 0..4), meta()), Decision::Next(4));
        assert_eq!(take(part(7, bytes, 8..13), None), Decision::Next(4));
        assert_eq!(take(part(7, bytes, 4..8), None), Decision::Next(8));
        let Decision::Restore(_, chunks) = take(part(7, bytes, 8..13), None) else {
            panic!("not whole");
        };
        assert_eq!(chunks.concat(), bytes);
        assert_eq!(take(part(7, bytes, 8..13), None), Decision::Busy);
        incoming.restored(true);
        let mut take = |part, meta| incoming.take(LEADER, part, meta, 100, now);
        assert_eq!(take(part(7, bytes, 8..13), None), Decision::AlreadyRestored);
        assert_eq!(take(part(8, bytes, 0..4), meta()), Decision::Next(4));
    }

    #[test]
    fn damage_and_size_end_it() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let bytes = b"one two three";
        incoming.take(LEADER, part(7, bytes, 0..4), meta(), 100, now);
        let mut damaged = part(7, bytes, 4..8);
        damaged.data = Bytes::from_static(b"2222");
        assert_eq!(
            incoming.take(LEADER, damaged, None, 100, now),
            Decision::Restart
        );
        assert!(matches!(incoming, Incoming::Idle));
        incoming.take(LEADER, part(7, bytes, 0..4), meta(), 10, now);
        assert_eq!(
            incoming.take(LEADER, part(7, bytes, 4..13), None, 10, now),
            Decision::TooLarge
        );
    }

    #[test]
    fn a_second_leader_waits_unless_it_is_newer_or_the_first_is_gone() {
        let now = Clock::system().now();
        let bytes = b"one two three";
        let half = || {
            let mut incoming = Incoming::default();
            incoming.take(LEADER, part(7, bytes, 0..4), meta(), 100, now);
            incoming
        };
        assert_eq!(
            half().take(OTHER, part(1, bytes, 0..4), meta(), 100, now),
            Decision::Busy
        );
        let newer = Part {
            term: 4,
            ..part(1, bytes, 0..4)
        };
        assert_eq!(
            half().take(OTHER, newer, meta(), 100, now),
            Decision::Next(4)
        );
        let later = now + ABANDONED_AFTER + Duration::from_secs(1);
        let late = half().take(OTHER, part(1, bytes, 0..4), meta(), 100, later);
        assert_eq!(late, Decision::Next(4));
        let mut incoming = half();
        incoming.tidy(later);
        assert!(matches!(incoming, Incoming::Idle));
    }

    #[test]
    fn an_empty_snapshot_is_one() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let empty = part(1, b"", 0..0);
        assert!(matches!(
            incoming.take(LEADER, empty, meta(), 100, now),
            Decision::Restore(_, chunks) if chunks.is_empty()
        ));
    }
}
