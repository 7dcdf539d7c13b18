//! From frames to decoded datums in the consumer's queue.

use {
    super::{
        inbox::Batch,
        shared::{Memory, Shared},
    },
    crate::{
        primitives::{Datum, PeerId},
        streams::{
            credit::{Credit, Grant, step},
            event::ConsumerEvent,
            sequence::{Gap, GapReason},
        },
    },
    std::{
        collections::VecDeque,
        panic::{AssertUnwindSafe, catch_unwind},
    },
};

/// The receiving end of one link.
pub(crate) struct Intake<'a, D> {
    shared: &'a Shared<D>,
    memory: &'a mut Memory,
    producer: PeerId,
    grant: Grant,
    /// Decoded, not yet a batch.
    items: Vec<(D, u32)>,
    items_bytes: u64,
    /// Batches that are delivered together.
    ready: VecDeque<Batch<D>>,
    batch_max: Credit,
    counted: Credit,
}

/// The producer sent more than it was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeyondCredit;

impl<'a, D: Datum> Intake<'a, D> {
    pub(crate) fn new(shared: &'a Shared<D>, memory: &'a mut Memory, producer: PeerId) -> Self {
        let capacity = shared.config.window;
        let step = step(capacity);
        Self {
            grant: Grant::open(capacity, memory.received, memory.window.taken()),
            shared,
            memory,
            producer,
            items: Vec::new(),
            items_bytes: 0,
            ready: VecDeque::new(),
            batch_max: Credit::new(
                step.datums.min(BATCH_DATUMS_MAX),
                step.bytes.min(BATCH_BYTES_MAX),
            ),
            counted: Credit::default(),
        }
    }

    pub(crate) fn window(&self) -> std::sync::Arc<super::inbox::Window> {
        self.memory.window.clone()
    }

    /// What to tell the producer, if it is worth it: the limit, and what has been received.
    pub(crate) fn renew(&mut self) -> Option<(Credit, u64)> {
        let limit = self.grant.renew(self.memory.window.taken())?;
        Some((limit, self.next()))
    }

    pub(crate) fn next(&self) -> u64 {
        self.memory.tracker.place().map_or(0, |place| place.next)
    }

    /// The producer accepted.
    pub(crate) fn open(&mut self, incarnation: u64, start: u64) {
        if self.memory.tracker.is_restart(incarnation) {
            self.shared.tell(ConsumerEvent::Restarted {
                producer: self.producer,
            });
        }
        if let Some((first, end)) = self.memory.tracker.open(incarnation, start) {
            self.lost(first, end, end - first, GapReason::Expired);
        }
        let next = self.next();
        self.shared.tell(ConsumerEvent::Connected {
            producer: self.producer,
            next,
        });
    }

    /// `count` datums that cover `first..end`.
    pub(crate) fn datums<'b>(
        &mut self,
        first: u64,
        end: u64,
        count: u64,
        datums: impl Iterator<Item = (u64, &'b [u8])>,
    ) -> Result<(), BeyondCredit> {
        let covered = self.memory.tracker.cover(first, end);
        if let Some((first, end)) = covered.missing {
            self.lost(first, end, end - first, GapReason::Unreported);
        }
        let (mut arrived, mut last, mut duplicates, mut unused) =
            (Credit::default(), 0, 0, Credit::default());
        // Counted, not announced: there is a datum for each.
        let room = count.min(self.batch_max.datums);
        self.items.reserve(usize::try_from(room).unwrap_or(0));
        for (position, bytes) in datums {
            last = bytes.len() as u64;
            arrived.add(1, last);
            if position < covered.fresh_from {
                duplicates += 1;
                unused.add(1, last);
            } else if !self.datum(position, bytes) {
                unused.add(1, last);
                self.counted.add(1, last);
            }
        }
        self.memory.received.add(arrived.datums, arrived.bytes);
        if duplicates > 0 {
            self.memory.stats.add_duplicates(duplicates);
        }
        if unused.datums > 0 {
            self.memory.window.release(unused);
        }
        if self.grant.receive(arrived.datums, arrived.bytes, last) {
            Ok(())
        } else {
            Err(BeyondCredit)
        }
    }

    /// Decodes a datum; false if that fails, which harms no other.
    fn datum(&mut self, position: u64, bytes: &[u8]) -> bool {
        // A decoder is the user's: it must not take the channel down.
        let decoded = match catch_unwind(AssertUnwindSafe(|| D::decode(bytes))) {
            Ok(Ok(datum)) => Ok(datum),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the decoder panicked".to_owned()),
        };
        match decoded {
            Ok(datum) => {
                let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                self.items.push((datum, size));
                self.items_bytes += u64::from(size);
                if self.items.len() as u64 >= self.batch_max.datums
                    || self.items_bytes >= self.batch_max.bytes
                {
                    self.end_batch();
                }
                true
            }
            Err(error) => {
                tracing::warn!(producer = %self.producer, sequence = position, error, "undecodable datum left out");
                self.memory.stats.add_undecodable();
                self.shared.stats.add_undecodable();
                self.shared.tell(ConsumerEvent::Undecodable {
                    producer: self.producer,
                    sequence: position,
                    error,
                });
                false
            }
        }
    }

    /// Positions that will not come.
    pub(crate) fn gap(&mut self, first: u64, end: u64, lost: u64, reason: GapReason) {
        let covered = self.memory.tracker.cover(first, end);
        if let Some((first, end)) = covered.missing {
            self.lost(first, end, end - first, GapReason::Unreported);
        }
        // Told a second time after a broken link: only what is new counts.
        let fresh = end.saturating_sub(covered.fresh_from);
        if lost > 0 && fresh > 0 {
            self.lost(covered.fresh_from, end, lost.min(fresh), reason);
        }
    }

    fn lost(&mut self, first: u64, end: u64, lost: u64, reason: GapReason) {
        self.memory.stats.add_gap(lost);
        self.shared.note_gap(Gap {
            producer: self.producer,
            first,
            end,
            lost,
            reason,
        });
    }

    /// Hands over what arrived: counted first, then with one lock and one wake-up.
    pub(crate) fn deliver(&mut self) {
        self.end_batch();
        if self.counted.datums > 0 {
            self.memory
                .stats
                .add(self.counted.datums, self.counted.bytes);
            self.shared
                .meter
                .received(self.counted.datums, self.counted.bytes);
            self.counted = Credit::default();
        }
        self.shared.inbox.deliver(&mut self.ready);
    }

    fn end_batch(&mut self) {
        if self.items.is_empty() {
            return;
        }
        self.counted.add(self.items.len() as u64, self.items_bytes);
        let items = std::mem::take(&mut self.items);
        let bytes = std::mem::take(&mut self.items_bytes);
        self.ready
            .push_back(Batch::new(items, bytes, self.memory.window.clone()));
    }
}

/// Datums that return to the producer as credit together.
const BATCH_DATUMS_MAX: u64 = 1024;

/// Bytes that return to the producer as credit together.
const BATCH_BYTES_MAX: u64 = 256 * 1024;
