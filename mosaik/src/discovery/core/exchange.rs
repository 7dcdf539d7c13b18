//! Anti-entropy: two catalogs become equal, and only what differs travels.
//!
//! The opener sends the sum of its catalog; the other side answers that it is equal, or with the sums
//! of ranges. The opener lists its versions in the ranges that differ; the other side asks for what it
//! lacks and offers what was not listed. When both have received what they asked for, the exchange is
//! done. Messages of one link are in order, which is all that this relies on.

use std::collections::{BTreeSet, HashSet};

use super::tickets::TICKETS_PER_EXCHANGE_MAX;
use super::{Core, FAR_EVERY, Output};
use crate::discovery::graves::Cause;
use crate::discovery::message::{HASHES_MAX, Hashes, Message};
use crate::discovery::overlay::{FULL_MESH_PEERS, random_peer};
use crate::discovery::sync::{
    BUCKET_BITS_MAX, WANT_HASHES, bucket_bits, bucket_of, bucket_sums, pack, sum, unpack,
};
use crate::primitives::PeerId;
use crate::runtime::time::{Duration, Instant};

/// An exchange in which nothing happened for this long is given up.
const STALLED_AFTER: Duration = Duration::from_secs(8);

/// Hashes of one part of a list, about.
const PART_HASHES: usize = 2048;

/// Nobody else is asked for a version for this long after somebody was.
const ASKED_FOR: Duration = Duration::from_millis(1500);

/// Hashes that wait on one link because a peer says that it has them; beyond it, anti-entropy helps.
const GOSSIP_WANTS_MAX: u64 = 2048;

/// A node that lacks more than this part of what it holds asks for whole entries.
const NEWCOMER_PART: usize = 4;

/// Bytes of entries that answer one question.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How far the opener of an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Compared,
    Listed,
    /// Waiting for the entries asked for up to this mark.
    Receiving(u64),
    Done,
}

/// An exchange that we opened.
pub(super) struct Exchange {
    id: u32,
    salt: u64,
    stage: Stage,
    progress_at: Instant,
    /// Requests of the application that it answers.
    pub(super) tickets: Vec<u64>,
}

impl Exchange {
    pub(super) fn is_late(&self, now: Instant) -> bool {
        now >= self.progress_at + STALLED_AFTER
    }
}

/// An exchange that the peer opened, and is done with once our mark is passed.
pub(super) struct Serving {
    exchange: u32,
    mark: u64,
}

impl Core {
    /// Opens an exchange on a link, unless one is open already.
    pub(super) fn start_exchange(&mut self, peer: PeerId) {
        let id = self.next_serial();
        let salt = self.rng.next_u64();
        let waiting = self.take_waiting_tickets(&peer);
        let progress_at = self.now.instant;
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        link.next_tickets.extend(waiting);
        if link.exchange.is_some() {
            return;
        }
        let count = link.next_tickets.len().min(TICKETS_PER_EXCHANGE_MAX);
        let tickets = link.next_tickets.drain(..count).collect();
        link.exchange = Some(Exchange {
            id,
            salt,
            stage: Stage::Compared,
            progress_at,
            tickets,
        });
        let (count, sum) = self.summary(salt);
        self.send(
            peer,
            Message::Compare {
                exchange: id,
                salt,
                count,
                sum,
            },
        );
    }

    /// With one neighbour at random.
    pub(super) fn exchange_with_neighbour(&mut self) {
        let idle = self.links.iter().filter(|(_, link)| !link.is_exchanging());
        let (edges, others): (Vec<_>, Vec<_>) = idle.partition(|(_, link)| link.is_edge());
        let from = if edges.is_empty() { others } else { edges };
        let peers: Vec<PeerId> = from.into_iter().map(|(peer, _)| *peer).collect();
        if let Some(peer) = self.rng.choose(&peers).copied() {
            self.start_exchange(peer);
        }
    }

    /// With one known peer at random that is no neighbour: islands of the overlay grow together.
    pub(super) fn exchange_far_away(&mut self) {
        if self.catalog.held_count() <= FULL_MESH_PEERS {
            return;
        }
        if let Some(peer) = random_peer(&self.catalog, &mut self.rng)
            && !self.links.contains_key(&peer)
        {
            self.run_errand(peer, FAR_EVERY);
        }
    }

    pub(super) fn on_compare(
        &mut self,
        from: PeerId,
        exchange: u32,
        salt: u64,
        count: u32,
        sum: u64,
    ) {
        let now = self.now.instant;
        if !self.shares.of(from, now).comparisons.take(now, 1) {
            self.counters.requests_refused += 1;
            return;
        }
        if (count, sum) == self.summary(salt) {
            self.send(from, Message::Equal { exchange });
            return;
        }
        // Both counts are looked at: a peer cannot make us list many ranges of few entries.
        let entries = self
            .catalog
            .held_count()
            .max((count as usize).min(HASHES_MAX));
        let bits = bucket_bits(entries);
        let sums = pack(&bucket_sums(salt, bits, self.catalog.elements()));
        self.send(
            from,
            Message::Buckets {
                exchange,
                bits,
                sums,
            },
        );
    }

    pub(super) fn on_buckets(&mut self, from: PeerId, exchange: u32, bits: u8, sums: &[u8]) {
        let Some(salt) = self.exchange_at(&from, exchange, Stage::Compared) else {
            return;
        };
        let theirs = unpack(sums).filter(|sums| bits <= BUCKET_BITS_MAX && sums.len() == 1 << bits);
        let Some(theirs) = theirs else {
            return self.punish(from);
        };
        let ours = bucket_sums(salt, bits, self.catalog.elements());
        let mut differing: BTreeSet<u16> = (0..)
            .zip(ours.iter().zip(&theirs))
            .filter(|(_, (a, b))| a != b)
            .map(|(n, _)| n)
            .collect();
        if differing.is_empty() {
            // A false match: it costs nothing to compare everything once.
            differing = (0..1 << bits).collect();
        }
        self.set_stage(&from, Stage::Listed);
        let mut lists: Vec<Vec<u64>> = vec![Vec::new(); 1 << bits];
        for (id, element) in self.catalog.elements() {
            lists[usize::from(bucket_of(id, bits))].push(element);
        }
        let mut parts: Vec<(Vec<u16>, Vec<u64>)> = vec![(Vec::new(), Vec::new())];
        for bucket in differing {
            let list = &mut lists[usize::from(bucket)];
            list.truncate(HASHES_MAX - PART_HASHES);
            if parts
                .last()
                .is_none_or(|(_, hashes)| hashes.len() + list.len() > PART_HASHES)
            {
                parts.push((Vec::new(), Vec::new()));
            }
            if let Some((buckets, hashes)) = parts.last_mut() {
                buckets.push(bucket);
                hashes.append(list);
            }
        }
        let count = parts.len();
        for (index, (buckets, hashes)) in parts.into_iter().enumerate() {
            let last = index + 1 == count;
            let buckets = pack(&buckets);
            let hashes = Hashes(hashes);
            self.send(
                from,
                Message::Ranges {
                    exchange,
                    bits,
                    buckets,
                    hashes,
                    last,
                },
            );
        }
    }

    pub(super) fn on_ranges(
        &mut self,
        from: PeerId,
        exchange: u32,
        bits: u8,
        buckets: &[u8],
        hashes: &[u64],
        last: bool,
    ) {
        let now = self.now.instant;
        if !self.shares.of(from, now).comparisons.take(now, 1) {
            self.counters.requests_refused += 1;
            return;
        }
        let buckets = unpack(buckets).filter(|_| bits <= BUCKET_BITS_MAX);
        let Some(buckets) = buckets else {
            return self.punish(from);
        };
        let buckets: BTreeSet<u16> = buckets.into_iter().collect();
        let listed: HashSet<u64> = hashes.iter().copied().collect();
        let missing_there: Vec<u64> = self
            .catalog
            .elements()
            .filter(|(id, element)| {
                buckets.contains(&bucket_of(id, bits)) && !listed.contains(element)
            })
            .map(|(_, element)| element)
            .collect();
        self.want_all(from, hashes);
        if let Some(link) = self.links.get_mut(&from) {
            link.serving = None;
        }
        let mut parts = missing_there
            .chunks(PART_HASHES)
            .map(<[u64]>::to_vec)
            .collect::<Vec<_>>();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let count = parts.len();
        for (index, hashes) in parts.into_iter().enumerate() {
            let last = last && index + 1 == count;
            self.send(
                from,
                Message::Offer {
                    exchange,
                    hashes: Hashes(hashes),
                    last,
                },
            );
        }
        self.ask(from);
    }

    pub(super) fn on_offer(&mut self, from: PeerId, exchange: u32, hashes: &[u64], last: bool) {
        if self.exchange_at(&from, exchange, Stage::Listed).is_none() {
            return;
        }
        self.want_all(from, hashes);
        if last && let Some(link) = self.links.get(&from) {
            let mark = link.wants.mark();
            self.set_stage(&from, Stage::Receiving(mark));
        }
        self.ask(from);
        self.check_received(from);
    }

    pub(super) fn on_done(&mut self, from: PeerId, exchange: u32) {
        if let Some(link) = self.links.get_mut(&from) {
            let mark = link.wants.mark();
            link.serving = Some(Serving { exchange, mark });
        }
        self.check_received(from);
    }

    /// The catalogs are equal, or both sides have received what they lacked.
    pub(super) fn on_equal(&mut self, from: PeerId, exchange: u32) {
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        let Some(current) = link.exchange.take_if(|current| {
            current.id == exchange && matches!(current.stage, Stage::Compared | Stage::Done)
        }) else {
            return;
        };
        link.unwant(self.now.instant);
        self.counters.exchanges += 1;
        for ticket in current.tickets {
            if self.tickets.remove(&ticket).is_some() {
                self.out.push(Output::SyncDone {
                    ticket,
                    result: Ok(()),
                });
            }
        }
        if self
            .links
            .get(&from)
            .is_some_and(|link| !link.next_tickets.is_empty())
        {
            self.start_exchange(from);
        }
    }

    /// The peer has these versions.
    pub(super) fn on_have(&mut self, from: PeerId, hashes: &[u64]) {
        let now = self.now.instant;
        for hash in hashes {
            let Some(link) = self.links.get_mut(&from) else {
                return;
            };
            link.known.add(*hash);
            if link.wants.waiting() < GOSSIP_WANTS_MAX
                && !self.pending.contains(*hash, now)
                && self.want(from, *hash, false)
            {
                self.pending.add(*hash, now + ASKED_FOR);
            }
        }
        self.ask(from);
    }

    /// The peer asks for these versions: an answer always comes, as far as its share goes.
    pub(super) fn on_want(&mut self, from: PeerId, hashes: &[u64]) {
        let now = self.now.instant;
        let whole = hashes.first() == Some(&WHOLE);
        let mut bytes = 0;
        let mut slots = Vec::new();
        for hash in hashes.iter().take(WANT_HASHES + 1) {
            let Some(id) = self.index.get(hash) else {
                continue;
            };
            let slot = if *id == self.local_id() {
                Some(self.catalog.local_slot())
            } else {
                self.catalog.slot(id.as_bytes())
            };
            let Some(slot) = slot.cloned() else { continue };
            bytes += slot.stored.bytes.len();
            if bytes > ANSWER_BYTES_MAX && !slots.is_empty() {
                break;
            }
            slots.push((slot, whole));
        }
        if !self.shares.of(from, now).answer_bytes.take(now, bytes) {
            self.counters.requests_refused += 1;
            slots.clear();
        }
        self.send_records(from, slots, true);
    }

    /// An answer is complete.
    pub(super) fn on_answer_end(&mut self, from: PeerId) {
        let index = &self.index;
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        link.wants.answered(|hash| index.contains_key(&hash));
        if let Some(exchange) = &mut link.exchange {
            exchange.progress_at = self.now.instant;
        }
        self.ask(from);
        self.check_received(from);
    }

    pub(super) fn give_up_exchange(&mut self, peer: &PeerId) {
        let Some(link) = self.links.get_mut(peer) else {
            return;
        };
        link.unwant(self.now.instant);
        let Some(exchange) = link.exchange.take() else {
            return;
        };
        self.counters.exchanges_failed += 1;
        self.fail_tickets(exchange.tickets, super::SyncFailure::TimedOut);
    }

    /// Sends the next question on this link, if it is time.
    fn ask(&mut self, peer: PeerId) {
        let now = self.now.instant;
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        if let Some((mut hashes, whole)) = link.wants.ask(now) {
            if whole {
                hashes.insert(0, WHOLE);
            }
            self.send(
                peer,
                Message::Want {
                    hashes: Hashes(hashes),
                },
            );
        }
    }

    /// Tells the peer when all that was asked for in an exchange has come.
    fn check_received(&mut self, peer: PeerId) {
        let now = self.now.instant;
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        let mut messages = Vec::new();
        if let Some(exchange) = &mut link.exchange
            && let Stage::Receiving(mark) = exchange.stage
            && link.wants.is_past(mark)
        {
            exchange.stage = Stage::Done;
            exchange.progress_at = now;
            messages.push(Message::Done {
                exchange: exchange.id,
            });
        }
        if let Some(serving) = link
            .serving
            .take_if(|serving| link.wants.is_past(serving.mark))
        {
            messages.push(Message::DoneToo {
                exchange: serving.exchange,
            });
        }
        for message in messages {
            self.send(peer, message);
        }
    }

    fn want_all(&mut self, from: PeerId, hashes: &[u64]) {
        let unknown = hashes
            .iter()
            .filter(|hash| !self.index.contains_key(*hash))
            .count();
        // Whoever lacks much has just joined, and holds nothing that could be renewed.
        let whole = unknown * NEWCOMER_PART > self.catalog.held_count();
        for hash in hashes {
            if let Some(link) = self.links.get_mut(&from) {
                link.known.add(*hash);
            }
            self.want(from, *hash, whole);
        }
    }

    /// Puts a version on the list for this link, unless it is of no use.
    fn want(&mut self, from: PeerId, hash: u64, whole: bool) -> bool {
        if self.index.contains_key(&hash) {
            return false;
        }
        if let Some((id, grave)) = self.graves.by_element(hash) {
            let (id, grave) = (*id, grave.clone());
            self.tell_of_grave(from, id, &grave);
            return false;
        }
        if self.passed.contains(hash, self.now.instant) {
            return false;
        }
        self.links
            .get_mut(&from)
            .is_some_and(|link| link.wants.add(hash, whole))
    }

    /// Tells one peer that another is gone, with the proof if there is one.
    pub(super) fn tell_of_grave(
        &mut self,
        to: PeerId,
        id: PeerId,
        grave: &crate::discovery::graves::Grave,
    ) {
        match &grave.cause {
            Cause::Departed(departure) => self.spread.departure_for(to, departure.clone()),
            Cause::Dead(_) => self.spread.obituary_for(to, grave.obituary(id)),
        }
    }

    fn summary(&self, salt: u64) -> (u32, u64) {
        let count = u32::try_from(self.catalog.held_count() + 1).unwrap_or(u32::MAX);
        (
            count,
            sum(salt, self.catalog.elements().map(|(_, element)| element)),
        )
    }

    /// The salt of our exchange with this peer, if it has this id and is at this stage.
    fn exchange_at(&mut self, peer: &PeerId, id: u32, stage: Stage) -> Option<u64> {
        let now = self.now.instant;
        let exchange = self.links.get_mut(peer)?.exchange.as_mut()?;
        if exchange.id != id || exchange.stage != stage {
            return None;
        }
        exchange.progress_at = now;
        Some(exchange.salt)
    }

    fn set_stage(&mut self, peer: &PeerId, stage: Stage) {
        if let Some(link) = self.links.get_mut(peer)
            && let Some(exchange) = &mut link.exchange
        {
            exchange.stage = stage;
        }
    }
}

/// As the first hash of a question: entries as they are, not as renewals.
const WHOLE: u64 = 0;
