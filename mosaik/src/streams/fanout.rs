//! One producer's datums on their way to all its consumers.
//!
//! The open segment takes new datums. Sealing it hands a slice to each consumer's [`Outbox`], where the
//! back-pressure policy applies, and to the history. It knows neither tasks nor links, and not the type of a datum.

use {
    super::{
        back_pressure::BackPressure,
        credit::Credit,
        criteria::{Filter, Key},
        outbox::{Item, Outbox, Overrun, Slice},
        segment::{Encoded, OpenSegment, SEGMENT_BYTES, Segment},
        sequence::GapReason,
    },
    std::{
        collections::{BTreeMap, VecDeque},
        sync::Arc,
    },
};

/// Names a channel at its producer.
pub(crate) type ChannelId = u64;

#[derive(Debug)]
pub(crate) struct Fanout {
    policy: BackPressure,
    /// What may wait for one consumer.
    queue_max: Credit,
    open: OpenSegment,
    history: History,
    channels: BTreeMap<ChannelId, Outbox>,
    /// Positions before this one are accepted without looking at the channels.
    accept_until: u64,
    /// Promised to senders, not pushed yet.
    reserved: u64,
    /// Datums that nobody was there to receive.
    unheard: u64,
    /// Lost to consumers since somebody last asked.
    dropped: u64,
    /// A channel was ended by the policy since somebody last asked.
    overran: bool,
}

/// A new channel.
#[derive(Debug)]
pub(crate) struct Subscribe {
    pub(crate) filter: Option<Filter>,
    pub(crate) credit: Credit,
    /// Where the consumer stands, if it has been here before.
    pub(crate) resume: Option<u64>,
    /// Whether sent datums are kept until acknowledged.
    pub(crate) keeps_sent: bool,
}

/// What [`Fanout::take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Items to send, with so many datums and bytes.
    Items(Credit),
    /// Nothing waits.
    Idle,
    /// Something waits for the consumer's credit.
    NoCredit,
    /// The channel is over.
    Over(Option<Overrun>),
}

impl Fanout {
    pub(crate) fn new(
        policy: BackPressure,
        queue_datums_max: usize,
        history_datums: usize,
    ) -> Self {
        // History is handed over through the queue, which must be able to hold it.
        let datums = queue_datums_max.max(history_datums) as u64;
        Self {
            policy,
            queue_max: Credit::new(datums, QUEUE_BYTES_MAX),
            open: OpenSegment::default(),
            history: History::new(history_datums as u64),
            channels: BTreeMap::new(),
            accept_until: u64::MAX,
            reserved: 0,
            unheard: 0,
            dropped: 0,
            overran: false,
        }
    }

    /// Whether a channel was ended by the policy since the last call: its sender must be told.
    pub(crate) fn has_overrun(&mut self) -> bool {
        std::mem::take(&mut self.overran)
    }

    /// Datums that consumers have lost since the last call, each counted once for every consumer that lost it.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The position of the next datum.
    pub(crate) fn next(&self) -> u64 {
        self.open.next()
    }

    pub(crate) fn channel(&self, id: ChannelId) -> Option<&Outbox> {
        self.channels.get(&id)
    }

    /// Datums that were accepted while nobody was there to receive them.
    pub(crate) const fn unheard(&self) -> u64 {
        self.unheard
    }

    /// How many datums are accepted now; bounded by the slowest consumer if the policy is to block.
    pub(crate) fn room(&mut self) -> u64 {
        let taken = self.next() + self.reserved;
        if taken < self.accept_until {
            return self.accept_until - taken;
        }
        // What a filter lets pass is known only once the segment is sealed.
        self.seal();
        self.accept_until.saturating_sub(taken)
    }

    /// Room for which it is worth waking a sender that waits: a quarter of a queue.
    pub(crate) const fn worthwhile_room(&self) -> u64 {
        let quarter = self.queue_max.datums / 4;
        if quarter == 0 { 1 } else { quarter }
    }

    /// Promises room for some datums, at least one if there is any room; how many.
    ///
    /// More than one saves a sender in a loop the asking. What all senders are promised beyond that stays under a
    /// quarter of a queue, so that promises which nobody keeps hold up nobody else.
    pub(crate) fn reserve(&mut self) -> u64 {
        let spare = (self.queue_max.datums / 4).saturating_sub(self.reserved);
        let room = self.room();
        let promised = room.min(spare.min(room / 16).clamp(1, PROMISE_MAX));
        self.reserved += promised;
        promised
    }

    /// Takes promises back.
    pub(crate) fn release(&mut self, promised: u64) {
        self.reserved = self.reserved.saturating_sub(promised);
    }

    /// Appends a datum; for a reserved place it is always accepted. False if there is no room.
    #[must_use]
    pub(crate) fn push(&mut self, datum: Encoded<'_>, key: Option<Key>, reserved: bool) -> bool {
        if reserved {
            self.release(1);
        } else if self.next() + self.reserved >= self.accept_until && self.room() == 0 {
            return false;
        }
        if self.channels.is_empty() && !self.history.is_kept() {
            self.open.skip();
            self.unheard += 1;
            return true;
        }
        if datum.is_large() {
            // A segment of its own, so that a frame never exceeds the largest datum, and that its bytes are not copied.
            self.seal();
            let segment = self.open.push_whole(datum, key);
            self.hand_out(segment);
            self.refresh_room();
            return true;
        }
        self.open.push(datum, key);
        if self.open.len() as u64 >= self.segment_datums_max() || self.open.bytes() >= SEGMENT_BYTES
        {
            self.seal();
        }
        true
    }

    /// Whether any consumer is to receive a datum with this key.
    pub(crate) fn is_heard(&self, key: Option<&Key>) -> bool {
        self.channels
            .values()
            .any(|outbox| match (outbox.filter(), key) {
                (Some(filter), Some(key)) => filter.matches(key),
                _ => outbox.overrun().is_none(),
            })
    }

    /// Opens a channel; the position at which it starts.
    pub(crate) fn subscribe(&mut self, id: ChannelId, subscribe: Subscribe) -> u64 {
        self.seal();
        let mut outbox = Outbox::new(subscribe.filter, subscribe.credit, subscribe.keeps_sent);
        let next = self.next();
        let kept_from = self.history.first().unwrap_or(next);
        let start = match subscribe.resume.filter(|position| *position <= next) {
            Some(position) if position < kept_from => {
                outbox.append_gap(
                    position,
                    kept_from,
                    kept_from - position,
                    GapReason::Expired,
                );
                position
            }
            Some(position) => position,
            None => kept_from,
        };
        self.dropped += outbox.lost();
        self.history.replay(start, &mut outbox);
        self.channels.insert(id, outbox);
        self.refresh_room();
        start
    }

    /// Takes up a channel whose link broke; the position at which it starts, if it is still kept.
    pub(crate) fn resume(&mut self, id: ChannelId, credit: Credit, received: u64) -> Option<u64> {
        self.seal();
        let next = self.next();
        let outbox = self.channels.get_mut(&id)?;
        if outbox.overrun().is_some() {
            return None;
        }
        outbox.resume(credit, received);
        let start = outbox.first().unwrap_or(next);
        self.refresh_room();
        Some(start)
    }

    pub(crate) fn remove(&mut self, id: ChannelId) {
        self.channels.remove(&id);
        self.refresh_room();
    }

    pub(crate) fn acknowledge(&mut self, id: ChannelId, limit: Credit, received: u64) {
        if let Some(outbox) = self.channels.get_mut(&id) {
            outbox.acknowledge(limit, received);
        }
    }

    /// Moves what the channel may send now into `out`, up to `bytes_max` (but one datum at least).
    pub(crate) fn take(&mut self, id: ChannelId, bytes_max: u64, out: &mut Vec<Item>) -> Taken {
        let wants_more = match self.channels.get(&id) {
            None => return Taken::Over(None),
            // With many consumers, a run that each of them ended for itself would be many small ones to all: whoever
            // has something sends that first. A policy that drops looks at all there is.
            Some(outbox) if self.policy == BackPressure::Block => {
                outbox.queued().datums == 0 && outbox.may_send()
            }
            Some(outbox) => outbox.queued().bytes < bytes_max && outbox.may_send(),
        };
        if wants_more {
            self.seal();
        }
        let Some(outbox) = self.channels.get_mut(&id) else {
            return Taken::Over(None);
        };
        if let Some(overrun) = outbox.overrun() {
            return Taken::Over(Some(overrun));
        }
        let taken = outbox.take(bytes_max, out);
        let waits = outbox.queued().datums > 0 || !outbox.may_send();
        if !out.is_empty() {
            // Whoever asks for room next must see what this made.
            self.refresh_room();
            Taken::Items(taken)
        } else if waits {
            Taken::NoCredit
        } else {
            Taken::Idle
        }
    }

    /// Ends the open segment and hands it out.
    fn seal(&mut self) {
        if let Some(segment) = self.open.seal() {
            self.hand_out(segment);
        }
        self.refresh_room();
    }

    fn hand_out(&mut self, segment: Segment) {
        let segment = Arc::new(segment);
        for outbox in self.channels.values_mut() {
            if outbox.overrun().is_some() {
                continue;
            }
            let lost_before = outbox.lost();
            outbox.offer(
                Slice::new(&segment, outbox.filter()),
                self.policy,
                self.queue_max,
            );
            self.dropped += outbox.lost() - lost_before;
            self.overran |= outbox.overrun().is_some();
        }
        self.history.keep(segment);
    }

    fn refresh_room(&mut self) {
        if self.policy != BackPressure::Block {
            return;
        }
        let room = |outbox: &Outbox| {
            let queued = outbox.queued();
            if queued.bytes >= self.queue_max.bytes {
                0
            } else {
                self.queue_max.datums.saturating_sub(queued.datums)
            }
        };
        let least = self.channels.values().map(room).min();
        self.accept_until = least.map_or(u64::MAX, |room| self.open.first().saturating_add(room));
    }

    fn segment_datums_max(&self) -> u64 {
        self.queue_max.datums.min(SEGMENT_DATUMS_MAX)
    }
}

/// The last datums, for consumers that come late.
#[derive(Debug)]
struct History {
    datums_max: u64,
    datums: u64,
    bytes: u64,
    segments: VecDeque<Arc<Segment>>,
}

impl History {
    const fn new(datums_max: u64) -> Self {
        Self {
            datums_max,
            datums: 0,
            bytes: 0,
            segments: VecDeque::new(),
        }
    }

    const fn is_kept(&self) -> bool {
        self.datums_max > 0
    }

    fn keep(&mut self, segment: Arc<Segment>) {
        if !self.is_kept() {
            return;
        }
        let size = |segment: &Segment| {
            (
                u64::from(segment.len()),
                segment.datum_bytes(0..segment.len()),
            )
        };
        let (datums, bytes) = size(&segment);
        self.datums += datums;
        self.bytes += bytes;
        self.segments.push_back(segment);
        while let Some(oldest) = self.segments.front() {
            let (datums, bytes) = size(oldest);
            let needed = self.datums - datums < self.datums_max;
            if needed && (self.bytes <= HISTORY_BYTES_MAX || self.segments.len() == 1) {
                break;
            }
            self.datums -= datums;
            self.bytes -= bytes;
            self.segments.pop_front();
        }
    }

    /// The first position that a newcomer is sent.
    fn first(&self) -> Option<u64> {
        let first = self.segments.front()?.first();
        let end = self.segments.back()?.end();
        Some(first.max(end.saturating_sub(self.datums_max)))
    }

    fn replay(&self, from: u64, outbox: &mut Outbox) {
        let Some(first) = self.first() else {
            return;
        };
        for segment in self
            .segments
            .iter()
            .filter(|segment| segment.end() > from.max(first))
        {
            let mut slice = Slice::new(segment, outbox.filter());
            slice.trim_before(from.max(first));
            outbox.append(slice);
        }
    }
}

/// Datums in one segment: enough that what a segment costs is nothing per datum.
const SEGMENT_DATUMS_MAX: u64 = 1024;

/// Places promised to a sender at once: the asking costs as much as the sending.
const PROMISE_MAX: u64 = 32;

/// Bytes that may wait for one consumer, however few datums they are: four of the largest.
const QUEUE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes of history that a producer keeps, whatever the number of datums asked for.
const HISTORY_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[cfg(test)]
#[path = "fanout_tests.rs"]
mod tests;
