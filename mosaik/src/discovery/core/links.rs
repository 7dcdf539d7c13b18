//! The links that are up: who is heard, and which links are still needed.

use super::exchange::{Exchange, Serving};
use super::{Core, HangupReason, Output};
use crate::discovery::catalog::Upsert;
use crate::discovery::message::{Message, Record};
use crate::discovery::sync::{KnownThere, WantQueue};
use crate::primitives::PeerId;
use crate::runtime::time::{Duration, Instant};

/// A link on which nothing came for this long is asked for a sign of life. What an idle node does is mostly this: sooner
/// than the connection's own keep-alive, so that there is not one of each.
const PING_AFTER: Duration = Duration::from_millis(1250);

/// Without an answer for this long, it is asked again.
const PING_AGAIN_AFTER: Duration = Duration::from_millis(750);

/// Signs of life missing in a row before the peer is suspected: some four seconds after it was heard.
const PINGS_MISSED_MAX: u8 = 3;

/// A peer heard within this time is certainly alive.
pub(super) const HEARD_LATELY: Duration = Duration::from_secs(2);

/// A link that nobody wants is kept for this long: plans change, and links are dear.
const UNWANTED_FOR: Duration = Duration::from_secs(30);

/// A link for one exchange outside the overlay is closed this long after it.
const ERRAND_FOR: Duration = Duration::from_secs(1);

/// Proofs of misbehaviour before a peer is cut off: a bug may produce a few.
const STRIKES_MAX: u32 = 8;

/// How long nothing is taken from a peer that was cut off.
const BANNED_FOR: Duration = Duration::from_secs(60);

/// Weights of RFC 6298: the estimate keeps 7/8 of itself.
const RTT_SHIFT: u32 = 8;

pub(super) struct Link {
    pub(super) heard_at: Instant,
    ping: Option<(u32, Instant)>,
    missed: u8,
    pinged_at: Instant,
    wanted: bool,
    pub(super) wanted_there: bool,
    unwanted_since: Instant,
    /// The peer announced that it closes the link.
    closing: bool,
    /// Opened for one exchange only.
    pub(super) is_errand: bool,
    pub(super) known: KnownThere,
    pub(super) wants: WantQueue,
    pub(super) exchange: Option<Exchange>,
    /// Requests of the application for an exchange that begins after the one under way.
    pub(super) next_tickets: Vec<u64>,
    pub(super) serving: Option<Serving>,
    /// When the peer was last told that somebody declares it dead.
    pub(super) warned_at: Option<Instant>,
}

impl Link {
    fn new(now: Instant) -> Self {
        Self {
            heard_at: now,
            ping: None,
            missed: 0,
            pinged_at: now,
            wanted: false,
            wanted_there: false,
            unwanted_since: now,
            closing: false,
            is_errand: false,
            known: KnownThere::default(),
            wants: WantQueue::default(),
            exchange: None,
            next_tickets: Vec::new(),
            serving: None,
            warned_at: None,
        }
    }

    /// Whether the peer is certainly alive.
    pub(super) fn is_lively(&self, now: Instant) -> bool {
        now < self.heard_at + HEARD_LATELY
    }

    /// Whether either side keeps the link on purpose.
    pub(super) const fn is_edge(&self) -> bool {
        self.wanted || self.wanted_there
    }

    /// Whether we chose the peer as a neighbour.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) const fn is_exchanging(&self) -> bool {
        self.exchange.is_some()
    }

    /// The link was useful a moment ago.
    pub(super) const fn unwant(&mut self, now: Instant) {
        self.unwanted_since = now;
    }

    /// Starts counting anew.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.heard_at = now;
        self.ping = None;
        self.missed = 0;
    }
}

impl Core {
    pub(super) fn on_link_up(&mut self, peer: PeerId) {
        let now = self.now.instant;
        if peer == self.local_id() {
            return;
        }
        let is_errand = self.contact_is_up(&peer);
        let is_banned = self.shares.of(peer, now).is_banned(now);
        if self.left || is_banned {
            let reason = if is_banned {
                HangupReason::Violation
            } else {
                HangupReason::Leaving
            };
            self.out.push(Output::Hangup { peer, reason });
            return;
        }
        self.acquit(&peer);
        let mut link = Link::new(now);
        link.is_errand = is_errand;
        if let Some(previous) = self.links.insert(peer, link) {
            self.reopen_tickets(&peer, previous);
        }
        self.update_wanted(&peer);
        // The peer knows us at once, and what we think of it.
        let own = self.catalog.local_slot().clone();
        self.send_records(peer, vec![(own, true)], false);
        self.warn_of_grave(&peer);
        let has_tickets = self.tickets_wait_for(&peer);
        if has_tickets || peer > self.local_id() || is_errand {
            self.start_exchange(peer);
        }
        self.overlay_dirty = true;
    }

    pub(super) fn on_link_down(&mut self, peer: PeerId) {
        let Some(link) = self.links.remove(&peer) else {
            return;
        };
        let was_closing = link.closing;
        self.reopen_tickets(&peer, link);
        if was_closing || self.left {
            return;
        }
        self.dials_dirty = true;
        self.suspect(peer);
    }

    /// Closes a link from this side.
    pub(super) fn hang_up(&mut self, peer: PeerId, reason: HangupReason) {
        self.send(peer, Message::Closing);
        if let Some(link) = self.links.remove(&peer) {
            self.reopen_tickets(&peer, link);
            self.out.push(Output::Hangup { peer, reason });
        }
    }

    /// Counts a proof of misbehaviour; cuts the peer off when there are too many.
    pub(super) fn punish(&mut self, peer: PeerId) {
        let now = self.now.instant;
        let share = self.shares.of(peer, now);
        share.strikes += 1;
        if share.strikes >= STRIKES_MAX {
            share.strikes = 0;
            share.banned_until = Some(now + BANNED_FOR);
            self.counters.violations += 1;
            self.hang_up(peer, HangupReason::Violation);
        }
    }

    pub(super) fn on_message(&mut self, from: PeerId, message: Message) {
        let now = self.now.instant;
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        link.heard_at = now;
        link.missed = 0;
        if let Message::Pong { nonce } = message
            && let Some((asked, at)) = link.ping
            && asked == nonce
        {
            self.on_rtt(from, now - at);
        }
        if let Some(link) = self.links.get_mut(&from) {
            link.ping = None;
        }
        self.acquit(&from);
        match message {
            Message::Records {
                records,
                ends_answer,
            } => {
                self.on_records(from, records, ends_answer);
            }
            Message::Have { hashes } => self.on_have(from, &hashes.0),
            Message::Want { hashes } => self.on_want(from, &hashes.0),
            Message::Compare {
                exchange,
                salt,
                count,
                sum,
            } => {
                self.on_compare(from, exchange, salt, count, sum);
            }
            Message::Equal { exchange } => self.on_equal(from, exchange),
            Message::Buckets {
                exchange,
                bits,
                sums,
            } => {
                self.on_buckets(from, exchange, bits, &sums);
            }
            Message::Ranges {
                exchange,
                bits,
                buckets,
                hashes,
                last,
            } => {
                self.on_ranges(from, exchange, bits, &buckets, &hashes.0, last);
            }
            Message::Offer {
                exchange,
                hashes,
                last,
            } => {
                self.on_offer(from, exchange, &hashes.0, last);
            }
            Message::Done { exchange } => self.on_done(from, exchange),
            Message::DoneToo { exchange } => self.on_equal(from, exchange),
            Message::Ping { nonce } => self.on_ping(from, nonce),
            Message::Pong { .. } => {}
            Message::Interest { wanted } => {
                if let Some(link) = self.links.get_mut(&from) {
                    link.wanted_there = wanted;
                    link.unwanted_since = now;
                }
            }
            Message::Closing => {
                if let Some(link) = self.links.get_mut(&from) {
                    link.closing = true;
                }
            }
            Message::Departures { departures } => self.on_departures(from, departures),
            Message::Obituaries { obituaries } => self.on_obituaries(from, &obituaries),
            Message::ProbeRequest { target, nonce } => self.on_probe_request(from, target, nonce),
            Message::ProbeReport { target, alive, .. } => {
                self.on_probe_report(from, target, alive);
            }
        }
    }

    /// Nobody needs many: who asks again and again, perhaps without reading the answers, wants to keep us busy.
    fn on_ping(&mut self, from: PeerId, nonce: u32) {
        let now = self.now.instant;
        if self.shares.of(from, now).pings.take(now, 1) {
            self.send(from, Message::Pong { nonce });
        } else {
            self.counters.requests_refused += 1;
            self.punish(from);
        }
    }

    /// Tells the peer whether we want to keep the link.
    pub(super) fn update_wanted(&mut self, peer: &PeerId) {
        let wanted = self.overlay.targets().contains(peer);
        let now = self.now.instant;
        let Some(link) = self.links.get_mut(peer) else {
            return;
        };
        if link.wanted != wanted {
            link.wanted = wanted;
            link.unwanted_since = now;
            self.send(*peer, Message::Interest { wanted });
        }
    }

    pub(super) fn beat_links(&mut self) {
        let now = self.now.instant;
        let probe_every = self.config.config.rtt_probe_interval;
        let mut pings = Vec::new();
        let mut silent = Vec::new();
        let mut idle = Vec::new();
        let mut late = Vec::new();
        for (peer, link) in &mut self.links {
            match link.ping {
                Some((_, at)) if now >= at + PING_AGAIN_AFTER => {
                    link.missed = link.missed.saturating_add(1);
                    if link.missed >= PINGS_MISSED_MAX {
                        silent.push(*peer);
                    }
                    pings.push(*peer);
                }
                Some(_) => {}
                None if now >= link.heard_at + PING_AFTER
                    || now >= link.pinged_at + probe_every =>
                {
                    pings.push(*peer);
                }
                None => {}
            }
            let kept_for = if link.is_errand {
                ERRAND_FOR
            } else {
                UNWANTED_FOR
            };
            if !link.is_edge()
                && !link.is_exchanging()
                && link.next_tickets.is_empty()
                && now >= link.unwanted_since + kept_for
            {
                idle.push(*peer);
            }
            let stalled = link
                .exchange
                .as_ref()
                .is_some_and(|exchange| exchange.is_late(now));
            if link.wants.expire(now) || stalled {
                late.push(*peer);
            }
        }
        for peer in pings {
            let nonce = self.next_serial();
            if let Some(link) = self.links.get_mut(&peer) {
                link.ping = Some((nonce, now));
                link.pinged_at = now;
            }
            self.send(peer, Message::Ping { nonce });
        }
        for peer in late {
            self.give_up_exchange(&peer);
        }
        for peer in silent {
            self.suspect(peer);
        }
        for peer in idle {
            self.hang_up(peer, HangupReason::Idle);
        }
    }

    pub(super) fn on_rtt(&mut self, peer: PeerId, sample: Duration) {
        if !self.catalog.contains(&peer) {
            return;
        }
        let smoothed = match self.catalog.rtt(&peer) {
            None => sample,
            Some(rtt) => rtt - rtt / RTT_SHIFT + sample / RTT_SHIFT,
        };
        self.catalog_changed |= self.catalog.set_rtt(peer, smoothed);
    }

    /// Sends entries in frames of bounded size; `whole` ones as they are, others as renewals.
    pub(super) fn send_records(
        &mut self,
        to: PeerId,
        slots: Vec<(crate::discovery::catalog::Slot, bool)>,
        ends_answer: bool,
    ) {
        use crate::discovery::message::{RECORDS_BYTES_TARGET, RECORDS_MAX};
        let Some(link) = self.links.get_mut(&to) else {
            return;
        };
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut frames = Vec::new();
        for (slot, whole) in slots {
            link.known.add(slot.element);
            let record = super::spread::record(&slot, whole);
            let is_full = bytes + record.size_bytes() > RECORDS_BYTES_TARGET;
            if (is_full && !records.is_empty()) || records.len() >= RECORDS_MAX {
                frames.push(core::mem::take(&mut records));
                bytes = 0;
            }
            bytes += record.size_bytes();
            records.push(record);
        }
        if !records.is_empty() || ends_answer {
            frames.push(records);
        }
        let count = frames.len();
        for (index, records) in frames.into_iter().enumerate() {
            let ends_answer = ends_answer && index + 1 == count;
            self.send(
                to,
                Message::Records {
                    records,
                    ends_answer,
                },
            );
        }
    }

    /// Keeps the indices in step with an accepted entry.
    pub(super) fn note_upsert(&mut self, id: PeerId, upsert: &Upsert) {
        let passed_until = self.now.instant + super::intake::REPLACED_FOR;
        match *upsert {
            Upsert::Inserted { element } => {
                self.index.insert(element, id);
                self.overlay_dirty = true;
            }
            Upsert::Updated {
                element, previous, ..
            } => {
                self.index.remove(&previous);
                self.index.insert(element, id);
                self.passed.add(previous, passed_until);
            }
        }
        self.catalog_changed = true;
    }
}
