//! What one consumer has yet to be sent, and what it has been sent but not acknowledged.

use {
    super::{
        back_pressure::BackPressure,
        credit::{Allowance, Credit},
        criteria::Filter,
        segment::{LENGTH_BYTES, Segment},
        sequence::GapReason,
    },
    crate::primitives::Bytes,
    std::{collections::VecDeque, ops::Range, sync::Arc},
};

/// A piece of a channel; consecutive items cover consecutive positions.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Data(Slice),
    /// Positions that the consumer will not receive: lost, or (if none is `lost`) filtered out.
    Gap {
        first: u64,
        end: u64,
        lost: u64,
        reason: GapReason,
    },
}

impl Item {
    pub(crate) fn first(&self) -> u64 {
        match self {
            Self::Data(slice) => slice.first(),
            Self::Gap { first, .. } => *first,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        match self {
            Self::Data(slice) => slice.end(),
            Self::Gap { end, .. } => *end,
        }
    }
}

/// Some consecutive datums of a segment, or a filter's choice of them.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    pub(crate) segment: Arc<Segment>,
    /// Indices covered.
    pub(crate) range: Range<u32>,
    /// The indices in the range that the filter lets through; all of them without a filter.
    pub(crate) picked: Option<Vec<u32>>,
}

impl Slice {
    /// The whole segment, or what the filter leaves of it.
    pub(crate) fn new(segment: &Arc<Segment>, filter: Option<&Filter>) -> Self {
        let range = 0..segment.len();
        let picked = filter.and_then(|filter| {
            let picks = |index: &u32| filter.matches(&segment.keys()[*index as usize]);
            let picked: Vec<u32> = range.clone().filter(picks).collect();
            (picked.len() < range.len()).then_some(picked)
        });
        Self {
            segment: segment.clone(),
            range,
            picked,
        }
    }

    pub(crate) fn first(&self) -> u64 {
        self.segment.first() + u64::from(self.range.start)
    }

    pub(crate) fn end(&self) -> u64 {
        self.segment.first() + u64::from(self.range.end)
    }

    /// How many datums it sends.
    pub(crate) fn datums(&self) -> u64 {
        match &self.picked {
            Some(picked) => picked.len() as u64,
            None => u64::from(self.range.end - self.range.start),
        }
    }

    /// The encoded bytes of the datums it sends.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.picked {
            Some(picked) => picked.iter().map(|index| self.datum_bytes(*index)).sum(),
            None => self.segment.datum_bytes(self.range.clone()),
        }
    }

    /// Each datum it sends, with its position.
    pub(crate) fn datums_at(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let count = self.picked.as_ref().map_or(self.range.len(), Vec::len);
        (0..count).map(move |nth| {
            let index = match &self.picked {
                Some(picked) => picked[nth],
                None => {
                    self.range.start + u32::try_from(nth).expect("a segment's datums fit a u32")
                }
            };
            let framed = self.segment.body(index..index + 1);
            (
                self.segment.first() + u64::from(index),
                &framed[LENGTH_BYTES..],
            )
        })
    }

    /// The segment's own frame, if all of it is sent.
    pub(crate) fn whole_frame(&self) -> Option<&Bytes> {
        let is_whole = self.picked.is_none() && self.range == (0..self.segment.len());
        is_whole.then(|| self.segment.frame())
    }

    fn datum_bytes(&self, index: u32) -> u64 {
        self.segment.datum_bytes(index..index + 1)
    }

    /// Splits off the first `datums` datums; both parts send at least one.
    fn split_off_front(&mut self, datums: u64) -> Self {
        debug_assert!(datums > 0 && datums < self.datums());
        let count = usize::try_from(datums).expect("a segment's datums fit a usize");
        let (middle, rest_picked, front_picked) = match &mut self.picked {
            Some(picked) => {
                let rest = picked.split_off(count);
                (rest[0], Some(rest), Some(std::mem::take(picked)))
            }
            None => {
                let offset = u32::try_from(datums).expect("a segment's datums fit a u32");
                (self.range.start + offset, None, None)
            }
        };
        let front = Self {
            segment: self.segment.clone(),
            range: self.range.start..middle,
            picked: front_picked,
        };
        self.range.start = middle;
        self.picked = rest_picked;
        front
    }

    /// Drops what stands before a position.
    pub(crate) fn trim_before(&mut self, position: u64) {
        let offset = position.saturating_sub(self.segment.first());
        let start = u32::try_from(offset)
            .unwrap_or(u32::MAX)
            .clamp(self.range.start, self.range.end);
        self.range.start = start;
        if let Some(picked) = &mut self.picked {
            picked.retain(|index| *index >= start);
        }
    }

    /// How many of its datums fit into the allowance and into `bytes_max`; the first always fits the latter.
    fn fitting(&self, allowance: &Allowance, bytes_max: u64) -> u64 {
        if !allowance.may_send() {
            return 0;
        }
        let datums = self.datums();
        let bytes = self.bytes();
        if datums <= allowance.datums_left()
            && bytes <= allowance.bytes_left()
            && bytes <= bytes_max
        {
            return datums;
        }
        let most = datums.min(allowance.datums_left());
        let indices: &mut dyn Iterator<Item = u32> = match &self.picked {
            Some(picked) => &mut picked.iter().copied(),
            None => &mut self.range.clone(),
        };
        let (mut count, mut sum) = (0, 0);
        for index in indices {
            // The datum that crosses the allowance still goes out; the one that crosses the batch does not.
            if count == most || sum >= allowance.bytes_left() {
                break;
            }
            sum += self.datum_bytes(index);
            if sum > bytes_max && count > 0 {
                break;
            }
            count += 1;
        }
        count
    }
}

/// Why a channel was ended by the fan-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overrun {
    TooSlow,
}

/// The queue of one channel.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Item>,
    queued: Credit,
    /// Sent and not acknowledged: what a resumed link is sent again.
    sent: VecDeque<Item>,
    allowance: Allowance,
    filter: Option<Filter>,
    /// Whether what is sent is kept until it is acknowledged.
    keeps_sent: bool,
    overrun: Option<Overrun>,
    lost: u64,
}

impl Outbox {
    pub(crate) fn new(filter: Option<Filter>, credit: Credit, keeps_sent: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: Credit::default(),
            sent: VecDeque::new(),
            allowance: Allowance::new(credit),
            filter,
            keeps_sent,
            overrun: None,
            lost: 0,
        }
    }

    pub(crate) const fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub(crate) const fn overrun(&self) -> Option<Overrun> {
        self.overrun
    }

    pub(crate) const fn queued(&self) -> Credit {
        self.queued
    }

    /// Datums that a policy has dropped for this consumer.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) const fn may_send(&self) -> bool {
        self.allowance.may_send()
    }

    /// Appends without a limit.
    pub(crate) fn append(&mut self, slice: Slice) {
        if slice.datums() == 0 {
            self.append_gap(slice.first(), slice.end(), 0, GapReason::Overflow);
            return;
        }
        self.queued.add(slice.datums(), slice.bytes());
        self.queue.push_back(Item::Data(slice));
    }

    pub(crate) fn append_gap(&mut self, first: u64, end: u64, lost: u64, reason: GapReason) {
        self.lost += lost;
        push_merged(
            &mut self.queue,
            Item::Gap {
                first,
                end,
                lost,
                reason,
            },
        );
    }

    /// Appends by the policy: `limit` is what may wait, besides what the consumer has granted credit for.
    pub(crate) fn offer(&mut self, mut slice: Slice, policy: BackPressure, mut limit: Credit) {
        limit.add(self.allowance.datums_left(), self.allowance.bytes_left());
        let would_wait = self.queued.datums + slice.datums();
        let over_bytes = self.queued.bytes >= limit.bytes;
        if policy == BackPressure::Block || (would_wait <= limit.datums && !over_bytes) {
            self.append(slice);
            return;
        }
        match policy {
            BackPressure::Block => {}
            BackPressure::Disconnect => {
                self.overrun = Some(Overrun::TooSlow);
                self.queue.clear();
                self.sent.clear();
                self.queued = Credit::default();
            }
            BackPressure::DropNewest => {
                let room = if over_bytes {
                    0
                } else {
                    limit.datums.saturating_sub(self.queued.datums)
                };
                if room > 0 && slice.datums() > room {
                    let front = slice.split_off_front(room);
                    self.append(front);
                }
                self.append_gap(
                    slice.first(),
                    slice.end(),
                    slice.datums(),
                    GapReason::Overflow,
                );
            }
            BackPressure::DropOldest => {
                self.append(slice);
                self.drop_oldest(limit);
            }
        }
    }

    fn drop_oldest(&mut self, limit: Credit) {
        let Some(first) = self.queue.front().map(Item::first) else {
            return;
        };
        let (mut end, mut lost, mut newly_lost, mut reason) = (first, 0, 0, GapReason::Overflow);
        while self.queued.datums > limit.datums
            || self.queued.bytes > limit.bytes && self.queued.datums > 1
        {
            let Some(front) = self.queue.pop_front() else {
                break;
            };
            match front {
                Item::Gap {
                    end: gap_end,
                    lost: gap_lost,
                    reason: gap_reason,
                    ..
                } => {
                    (end, reason) = (gap_end, gap_reason);
                    lost += gap_lost;
                }
                Item::Data(mut slice) => {
                    let excess = (self.queued.datums.saturating_sub(limit.datums)).max(1);
                    let dropped = if slice.datums() > excess {
                        slice.split_off_front(excess)
                    } else {
                        let whole = slice.clone();
                        slice.range.start = slice.range.end;
                        whole
                    };
                    if !slice.range.is_empty() {
                        self.queue.push_front(Item::Data(slice));
                    }
                    self.queued.datums -= dropped.datums();
                    self.queued.bytes -= dropped.bytes();
                    end = dropped.end();
                    lost += dropped.datums();
                    newly_lost += dropped.datums();
                }
            }
        }
        if end > first {
            if newly_lost > 0 {
                reason = GapReason::Overflow;
            }
            self.lost += newly_lost;
            self.queue.push_front(Item::Gap {
                first,
                end,
                lost,
                reason,
            });
        }
    }

    /// Moves what may be sent now into `out`; how much that is.
    pub(crate) fn take(&mut self, bytes_max: u64, out: &mut Vec<Item>) -> Credit {
        let mut taken = Credit::default();
        let mut only_item = self.queue.len() == 1;
        while let Some(front) = self.queue.front_mut() {
            let item = match front {
                // That something was filtered out is told with the next datum, not for its own sake.
                Item::Gap { lost: 0, .. } if only_item => break,
                Item::Gap { .. } => self.queue.pop_front(),
                Item::Data(slice) => {
                    let bytes_left = bytes_max.saturating_sub(taken.bytes);
                    if bytes_left == 0 {
                        break;
                    }
                    let all = slice.datums();
                    let fitting = match slice.fitting(&self.allowance, bytes_left) {
                        0 => break,
                        // A datum larger than what is left of the batch starts the next one.
                        _ if taken.bytes > 0 && slice.first_bytes() > bytes_left => break,
                        fitting => fitting,
                    };
                    if fitting < all {
                        Some(Item::Data(slice.split_off_front(fitting)))
                    } else {
                        self.queue.pop_front()
                    }
                }
            };
            let Some(item) = item else {
                break;
            };
            if let Item::Data(slice) = &item {
                let (datums, bytes) = (slice.datums(), slice.bytes());
                self.allowance.charge(datums, bytes);
                self.queued.datums -= datums;
                self.queued.bytes -= bytes;
                taken.add(datums, bytes);
            }
            if self.keeps_sent {
                push_merged(&mut self.sent, item.clone());
            }
            out.push(item);
            only_item = self.queue.len() == 1;
        }
        taken
    }

    /// The consumer has everything before `received`, and grants up to `limit`.
    pub(crate) fn acknowledge(&mut self, limit: Credit, received: u64) {
        self.allowance.raise(limit);
        while self.sent.front().is_some_and(|item| item.end() <= received) {
            self.sent.pop_front();
        }
    }

    /// A new link of the same consumer, which has everything before `received`: sends the rest again.
    pub(crate) fn resume(&mut self, credit: Credit, received: u64) {
        self.allowance = Allowance::new(credit);
        while let Some(item) = self.sent.pop_back() {
            if item.end() <= received {
                self.sent.clear();
                break;
            }
            match item {
                Item::Data(mut slice) => {
                    slice.trim_before(received);
                    self.queued.add(slice.datums(), slice.bytes());
                    self.queue.push_front(Item::Data(slice));
                }
                // A gap is told again as a whole; the receiving end knows what it has heard.
                gap @ Item::Gap { .. } => self.queue.push_front(gap),
            }
        }
    }

    /// The first position that the queue covers, if it holds anything.
    pub(crate) fn first(&self) -> Option<u64> {
        self.queue.front().map(Item::first)
    }
}

/// Appends, and makes one gap of two adjacent ones, so that what is not data takes no room.
fn push_merged(queue: &mut VecDeque<Item>, item: Item) {
    if let Item::Gap {
        first,
        end,
        lost,
        reason,
    } = item
        && let Some(Item::Gap {
            end: last,
            lost: sum,
            reason: before,
            ..
        }) = queue.back_mut()
        && *last == first
    {
        *last = end;
        if lost > 0 {
            *before = reason;
        }
        *sum += lost;
        return;
    }
    queue.push_back(item);
}

impl Slice {
    fn first_bytes(&self) -> u64 {
        let first = match &self.picked {
            Some(picked) => picked.first().copied(),
            None => Some(self.range.start),
        };
        first.map_or(0, |index| self.datum_bytes(index))
    }
}
