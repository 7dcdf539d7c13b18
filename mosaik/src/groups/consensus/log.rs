//! The log in memory: entries from the purged ones on, and the vote.

use core::fmt::Debug;
use core::ops::{Bound, RangeBounds};
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};

use super::types::{Entry, LogId, Types, Vote, weight};

/// A log in memory. Clones are one log: openraft reads in several tasks what one of them writes.
#[derive(Clone)]
pub(super) struct MemoryLog(Arc<Shared>);

struct Shared {
    tail: Mutex<Tail>,
    /// Bytes of the entries, to be looked at without the lock.
    bytes: AtomicU64,
    /// Bytes of entries that one read returns, but at least one entry.
    read_bytes: u64,
}

#[derive(Default)]
struct Tail {
    /// Without holes.
    entries: VecDeque<Entry>,
    purged: Option<LogId>,
    vote: Option<Vote>,
}

impl MemoryLog {
    /// An empty log, whose readers take about `read_bytes` at once.
    pub(super) fn new(read_bytes: u64) -> Self {
        Self(Arc::new(Shared {
            tail: Mutex::default(),
            bytes: AtomicU64::new(0),
            read_bytes,
        }))
    }

    /// Bytes of the entries, about.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// The last index that can be purged so that about `bytes` remain behind it.
    pub(super) fn index_before_last(&self, bytes: u64) -> Option<u64> {
        let tail = self.tail();
        let mut kept = 0;
        for entry in tail.entries.iter().rev() {
            kept += weight(entry);
            if kept > bytes {
                return Some(entry.log_id.index);
            }
        }
        None
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.0.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_bytes(&self, entries: u64) {
        self.0.bytes.fetch_add(entries, Ordering::Relaxed);
    }

    fn remove_bytes<'a>(&self, removed: impl Iterator<Item = &'a Entry>) {
        let bytes = removed.map(weight).sum();
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Tail {
    /// Index of the first entry here, or of the next one to come.
    fn first_index(&self) -> u64 {
        self.entries.front().map_or_else(
            || self.purged.map_or(0, |id| id.index + 1),
            |first| first.log_id.index,
        )
    }

    fn last_log_id(&self) -> Option<LogId> {
        self.entries.back().map(|last| last.log_id).or(self.purged)
    }

    /// The entries of the range that are here.
    fn range(&self, start: u64, end: u64) -> impl Iterator<Item = &Entry> {
        let first = self.first_index();
        let length = self.entries.len();
        let at = |index: u64| {
            usize::try_from(index.saturating_sub(first)).map_or(length, |at| at.min(length))
        };
        let (start, end) = (at(start), at(end));
        self.entries.range(start..end.max(start))
    }
}

impl RaftLogReader<Types> for MemoryLog {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, io::Error> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        Ok(self.tail().range(start, end).cloned().collect())
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        let mut bytes = 0;
        let limit = self.0.read_bytes;
        let tail = self.tail();
        let entries = tail.range(start, end).take_while(|entry| {
            let first = bytes == 0;
            bytes += weight(entry);
            first || bytes <= limit
        });
        Ok(entries.cloned().collect())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.tail().vote)
    }
}

impl RaftLogStorage<Types> for MemoryLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let tail = self.tail();
        Ok(LogState {
            last_purged_log_id: tail.purged,
            last_log_id: tail.last_log_id(),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.tail().vote = Some(*vote);
        Ok(())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let outcome = {
            let mut tail = self.tail();
            entries.into_iter().try_for_each(|entry| {
                let next = tail
                    .last_log_id()
                    .map_or(entry.log_id.index, |last| last.index + 1);
                if entry.log_id.index != next {
                    return Err(io::Error::other(format!(
                        "entry {} does not follow the log, which ends before {next}",
                        entry.log_id.index
                    )));
                }
                self.add_bytes(weight(&entry));
                tail.entries.push_back(entry);
                Ok(())
            })
        };
        match outcome {
            Ok(()) => callback.io_completed(Ok(())),
            Err(hole) => return Err(hole),
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let mut tail = self.tail();
        let kept = last.map_or(0, |last| last.index + 1);
        let kept = usize::try_from(kept.saturating_sub(tail.first_index())).unwrap_or(usize::MAX);
        let kept = kept.min(tail.entries.len());
        self.remove_bytes(tail.entries.range(kept..));
        tail.entries.truncate(kept);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let mut tail = self.tail();
        let count = (upto.index + 1).saturating_sub(tail.first_index());
        let count = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(tail.entries.len());
        self.remove_bytes(tail.entries.range(..count));
        tail.entries.drain(..count);
        // A log that shrank a lot gives its memory back.
        if tail.entries.capacity() > 4 * tail.entries.len().max(ENTRIES_RESERVED) {
            let reserved = 2 * tail.entries.len().max(ENTRIES_RESERVED);
            tail.entries.shrink_to(reserved);
        }
        tail.purged = tail.purged.max(Some(upto));
        Ok(())
    }
}

/// Room for entries that is never given back.
const ENTRIES_RESERVED: usize = 1024;
