//! The fast path: news goes out before anybody asks.
//!
//! A change that somebody may wait for is pushed at once and forwarded while it is new. Renewals, and
//! changes when there are very many, are only announced by their hashes a little later, and fetched
//! by whoever lacks them: eight bytes for each link instead of an entry.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Core;
use crate::discovery::catalog::Slot;
use crate::discovery::message::{Departure, Hashes, Message, OBITUARIES_MAX, Obituary, Record};
use crate::primitives::PeerId;
use crate::primitives::limits::ENTRY_PUSH_BYTES_MAX;
use crate::runtime::time::{Duration, Instant};

/// Changes of others that are forwarded at once, in a row.
pub(super) const EAGER_BURST: u32 = 64;

/// And per second, after that.
pub(super) const EAGER_PER_SECOND: u32 = 16;

/// How long announcements of renewals are collected: nobody waits for them.
pub(super) const RENEWAL_AFTER: Duration = Duration::from_secs(1);

/// How long announcements of changes are collected, when there are too many to push.
const CHANGE_AFTER: Duration = Duration::from_millis(200);

/// Hashes of one announcement.
const HAVE_HASHES_MAX: usize = 2048;

/// News that waits to go out. Emptied at the end of every call or at the next flush.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// Peers whose entries go out now, and from whom they came.
    eager: Vec<(PeerId, Option<PeerId>)>,
    /// Versions that are announced soon.
    lazy: Vec<u64>,
    flush_at: Option<Instant>,
    obituaries: Vec<(Obituary, PeerId)>,
    departures: Vec<(Departure, Option<PeerId>)>,
    obituaries_for: BTreeMap<PeerId, Vec<Obituary>>,
    departures_for: BTreeMap<PeerId, Vec<Departure>>,
}

impl Spread {
    pub(super) fn is_urgent(&self) -> bool {
        !(self.eager.is_empty()
            && self.obituaries.is_empty()
            && self.departures.is_empty()
            && self.obituaries_for.is_empty()
            && self.departures_for.is_empty())
    }

    pub(super) const fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// To one peer only.
    pub(super) fn obituary_for(&mut self, to: PeerId, obituary: Obituary) {
        let list = self.obituaries_for.entry(to).or_default();
        if list.len() < OBITUARIES_MAX && !list.contains(&obituary) {
            list.push(obituary);
        }
    }

    /// To one peer only.
    pub(super) fn departure_for(&mut self, to: PeerId, departure: Departure) {
        let list = self.departures_for.entry(to).or_default();
        if list.len() < OBITUARIES_MAX {
            list.push(departure);
        }
    }

    /// To all neighbours but this one.
    pub(super) fn obituary(&mut self, obituary: Obituary, from: PeerId) {
        self.obituaries.push((obituary, from));
    }

    /// To all neighbours but this one.
    pub(super) fn departure(&mut self, departure: Departure, from: Option<PeerId>) {
        self.departures.push((departure, from));
    }
}

/// An entry as it travels.
pub(super) fn record(slot: &Slot, whole: bool) -> Record {
    let stored = &slot.stored;
    let as_renewal = slot.is_renewal && !whole;
    Record {
        id: (*stored.signed.id()).into(),
        version: stored.version(),
        same_as: if as_renewal { stored.content } else { 0 },
        bytes: if as_renewal {
            Bytes::copy_from_slice(&stored.signature())
        } else {
            stored.bytes.clone()
        },
    }
}

impl Core {
    /// A peer's entry is news: it goes out at once, as long as there is not too much of it.
    pub(super) fn push(&mut self, id: PeerId, from: Option<PeerId>) {
        let is_own = id == self.local_id();
        if is_own || self.eager.take(self.now.instant, 1) {
            if !self.spread.eager.contains(&(id, from)) {
                self.spread.eager.push((id, from));
            }
        } else if let Some(slot) = self.slot_of(&id) {
            self.announce(slot.element, CHANGE_AFTER);
        }
    }

    /// A version is announced soon.
    pub(super) fn announce(&mut self, element: u64, after: Duration) {
        self.spread.lazy.push(element);
        let at = self.now.instant + after;
        self.spread.flush_at = Some(self.spread.flush_at.map_or(at, |planned| planned.min(at)));
    }

    pub(super) fn slot_of(&self, id: &PeerId) -> Option<Slot> {
        if *id == self.local_id() {
            Some(self.catalog.local_slot().clone())
        } else {
            self.catalog.slot(id.as_bytes()).cloned()
        }
    }

    pub(super) fn flush_urgent(&mut self) {
        if self.spread.is_urgent() {
            self.flush_eager();
            self.flush_gone();
        }
    }

    fn flush_eager(&mut self) {
        let eager = core::mem::take(&mut self.spread.eager);
        if eager.is_empty() {
            return;
        }
        let mut news: Vec<(Slot, Option<PeerId>)> = Vec::new();
        for (id, from) in eager {
            let Some(slot) = self.slot_of(&id) else {
                continue;
            };
            if slot.stored.bytes.len() > ENTRY_PUSH_BYTES_MAX {
                // One large entry must not hold up a round of gossip.
                self.announce_now(slot.element, from);
            } else {
                news.push((slot, from));
            }
        }
        let local = self.local_id();
        let peers: Vec<PeerId> = self.links.keys().copied().collect();
        for peer in peers {
            let Some(link) = self.links.get(&peer) else {
                continue;
            };
            let is_edge = link.is_edge();
            let slots: Vec<(Slot, bool)> = news
                .iter()
                .filter(|(slot, from)| {
                    let id = slot.stored.signed.id();
                    *from != Some(peer)
                        && *id != peer
                        && (is_edge || *id == local)
                        && !link.known.contains(slot.element)
                })
                .map(|(slot, _)| (slot.clone(), true))
                .collect();
            if !slots.is_empty() {
                self.send_records(peer, slots, false);
            }
        }
    }

    fn announce_now(&mut self, element: u64, from: Option<PeerId>) {
        let peers: Vec<PeerId> = self
            .links
            .keys()
            .copied()
            .filter(|peer| from != Some(*peer))
            .collect();
        for peer in peers {
            if let Some(link) = self.links.get_mut(&peer)
                && !link.known.contains(element)
            {
                link.known.add(element);
                self.send(
                    peer,
                    Message::Have {
                        hashes: Hashes(vec![element]),
                    },
                );
            }
        }
    }

    pub(super) fn flush_lazy(&mut self) {
        self.spread.flush_at = None;
        let mut hashes = core::mem::take(&mut self.spread.lazy);
        // What was replaced meanwhile is no news any more.
        hashes.retain(|hash| self.index.contains_key(hash));
        hashes.sort_unstable();
        hashes.dedup();
        // Only to the neighbours that we chose: the ring among them reaches everybody, and the others
        // hear it from theirs.
        let chosen = self.links.iter().filter(|(_, link)| link.is_wanted());
        let peers: Vec<PeerId> = chosen.map(|(peer, _)| *peer).collect();
        for peer in peers {
            let Some(link) = self.links.get_mut(&peer) else {
                continue;
            };
            let unknown: Vec<u64> = hashes
                .iter()
                .copied()
                .filter(|hash| !link.known.contains(*hash))
                .collect();
            for hash in &unknown {
                link.known.add(*hash);
            }
            for hashes in unknown.chunks(HAVE_HASHES_MAX) {
                self.send(
                    peer,
                    Message::Have {
                        hashes: Hashes(hashes.to_vec()),
                    },
                );
            }
        }
    }

    /// Goodbyes and claims of death: to everybody concerned, in as few messages as possible.
    fn flush_gone(&mut self) {
        let obituaries = core::mem::take(&mut self.spread.obituaries);
        let departures = core::mem::take(&mut self.spread.departures);
        let mut obituaries_for = core::mem::take(&mut self.spread.obituaries_for);
        let mut departures_for = core::mem::take(&mut self.spread.departures_for);
        if !obituaries.is_empty() || !departures.is_empty() {
            for (peer, link) in &self.links {
                if !link.is_edge() && departures.iter().all(|(_, from)| from.is_some()) {
                    continue;
                }
                let others = obituaries.iter().filter(|(_, from)| from != peer);
                obituaries_for
                    .entry(*peer)
                    .or_default()
                    .extend(others.map(|(one, _)| *one));
                let others = departures.iter().filter(|(_, from)| *from != Some(*peer));
                let list = departures_for.entry(*peer).or_default();
                list.extend(others.map(|(one, _)| one.clone()));
            }
        }
        for (to, list) in obituaries_for {
            for obituaries in list.chunks(OBITUARIES_MAX) {
                self.send(
                    to,
                    Message::Obituaries {
                        obituaries: obituaries.to_vec(),
                    },
                );
            }
        }
        for (to, list) in departures_for {
            for departures in list.chunks(OBITUARIES_MAX) {
                self.send(
                    to,
                    Message::Departures {
                        departures: departures.to_vec(),
                    },
                );
            }
        }
    }
}
