//! A snapshot that arrives: collected, checked, and then restored at once.

use core::mem;

use bytes::Bytes;

use super::types::SnapshotMeta;
use super::wire::{Part, Running};
use crate::groups::identity::ReplicaId;
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
    bytes: u64,
    digest: Running,
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
        let decision = here.add(part, bytes_max, now);
        match decision {
            Progress::Next => Decision::Next(here.next()),
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
            bytes: 0,
            digest: Running::default(),
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

    /// The chunk that comes next.
    fn next(&self) -> u64 {
        self.chunks.len() as u64
    }

    fn add(&mut self, part: Part, bytes_max: u64, now: Instant) -> Progress {
        self.heard = now;
        if part.offset != self.next() {
            // Answered before, and the answer was lost; or the one before this was lost.
            return Progress::Next;
        }
        let bytes: u64 = part
            .chunks
            .iter()
            .map(|chunk| CHUNK_BYTES_FIXED + chunk.len() as u64)
            .sum();
        self.bytes += bytes;
        if self.bytes > bytes_max {
            return Progress::TooLarge;
        }
        if self.digest.add(&part.chunks) != part.digest {
            return Progress::Damaged;
        }
        self.chunks.extend(part.chunks);
        if part.last {
            Progress::Whole
        } else {
            Progress::Next
        }
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

    fn part(transfer: u64, range: core::ops::Range<usize>) -> Part {
        let all = CHUNKS.map(|chunk| Bytes::from_static(chunk.as_bytes()));
        Part {
            term: 3,
            transfer,
            offset: range.start as u64,
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
    fn pieces_in_order_with_repetitions_become_a_snapshot() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let mut take = |part, meta| incoming.take(LEADER, part, meta, 1_000, now);
        assert_eq!(take(part(7, 1..3), None), Decision::Restart);
        assert_eq!(take(part(7, 0..1), None), Decision::Restart);
        assert_eq!(take(part(7, 0..1), meta()), Decision::Next(1));
        assert_eq!(take(part(7, 0..1), meta()), Decision::Next(1));
        assert_eq!(take(part(7, 3..4), None), Decision::Next(1));
        assert_eq!(take(part(7, 1..3), None), Decision::Next(3));
        let Decision::Restore(_, chunks) = take(part(7, 3..4), None) else {
            panic!("not whole");
        };
        assert_eq!(chunks, CHUNKS);
        assert_eq!(take(part(7, 3..4), None), Decision::Busy);
        incoming.restored(true);
        let mut take = |part, meta| incoming.take(LEADER, part, meta, 1_000, now);
        assert_eq!(take(part(7, 3..4), None), Decision::AlreadyRestored);
        assert_eq!(take(part(8, 0..1), meta()), Decision::Next(1));
    }

    #[test]
    fn damage_and_size_end_it() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let damages: [fn(&mut Part); 3] = [
            |part| part.chunks[1] = Bytes::from_static(b"other"),
            |part| part.chunks = vec![part.chunks.concat().into()],
            |part| part.chunks.push(Bytes::new()),
        ];
        for damage in damages {
            incoming.take(LEADER, part(7, 0..1), meta(), 1_000, now);
            let mut damaged = part(7, 1..3);
            damage(&mut damaged);
            let decision = incoming.take(LEADER, damaged, None, 1_000, now);
            assert_eq!(decision, Decision::Restart);
            assert!(matches!(incoming, Incoming::Idle));
        }
        incoming.take(LEADER, part(7, 0..1), meta(), 200, now);
        let decision = incoming.take(LEADER, part(7, 1..4), None, 200, now);
        assert_eq!(decision, Decision::TooLarge);
    }

    #[test]
    fn a_second_leader_waits_unless_it_is_newer_or_the_first_is_gone() {
        let now = Clock::system().now();
        let half = || {
            let mut incoming = Incoming::default();
            incoming.take(LEADER, part(7, 0..1), meta(), 1_000, now);
            incoming
        };
        let take = |from, part, now| half().take(from, part, meta(), 1_000, now);
        assert_eq!(take(OTHER, part(1, 0..1), now), Decision::Busy);
        let newer = Part {
            term: 4,
            ..part(1, 0..1)
        };
        assert_eq!(take(OTHER, newer, now), Decision::Next(1));
        let later = now + ABANDONED_AFTER + Duration::from_secs(1);
        assert_eq!(take(OTHER, part(1, 0..1), later), Decision::Next(1));
        let mut incoming = half();
        incoming.tidy(later);
        assert!(matches!(incoming, Incoming::Idle));
    }

    #[test]
    fn an_empty_snapshot_is_one() {
        let now = Clock::system().now();
        let mut incoming = Incoming::default();
        let empty = Part {
            last: true,
            ..part(1, 0..0)
        };
        assert!(matches!(
            incoming.take(LEADER, empty, meta(), 1_000, now),
            Decision::Restore(_, chunks) if chunks.is_empty()
        ));
    }
}
