//! Who is dead: suspicion, the help of others, obituaries and their refutation.

use std::sync::Arc;

use super::{Core, Event, HangupReason};
use crate::discovery::catalog::Stored;
use crate::discovery::graves::Cause;
use crate::discovery::message::{Departure, Message, Obituary, RawId};
pub(super) use crate::discovery::probe::{Assist, Suspicion};
use crate::discovery::probe::{HELP_WITHIN, HELPERS, REFUTE_WITHIN, Verdict};
use crate::primitives::{PeerEntryVersion, PeerId, Signature};
use crate::runtime::time::Duration;

/// Peers that others asked us to reach, at one time.
const ASSISTS_MAX: usize = 64;

/// A peer is told this often that somebody declares it dead.
const WARN_EVERY: Duration = Duration::from_millis(500);

impl Core {
    /// A peer is silent or its link is gone: try to reach it, and ask others to.
    pub(super) fn suspect(&mut self, peer: PeerId) {
        let now = self.now.instant;
        let is_vouched = self
            .contacts
            .get(&peer)
            .is_some_and(|contact| contact.is_vouched(now));
        if self.left
            || is_vouched
            || !self.catalog.contains(&peer)
            || self.doomed.contains_key(&peer)
            || self.suspicions.contains_key(&peer)
        {
            return;
        }
        self.suspicions.insert(peer, Suspicion::new(now));
        self.contact(peer);
        self.dials_dirty = true;
        self.ask_helpers(peer);
    }

    fn ask_helpers(&mut self, target: PeerId) {
        let now = self.now.instant;
        let Some(suspicion) = self.suspicions.get_mut(&target) else {
            return;
        };
        let lively = self.links.iter().filter(|(peer, link)| {
            **peer != target && link.is_lively(now) && !suspicion.was_asked(peer)
        });
        let mut helpers: Vec<PeerId> = lively.map(|(peer, _)| *peer).collect();
        self.rng.shuffle(&mut helpers);
        helpers.truncate(HELPERS);
        suspicion.ask(helpers.iter().copied());
        let nonce = self.next_serial();
        for helper in helpers {
            self.send(
                helper,
                Message::ProbeRequest {
                    target: target.into(),
                    nonce,
                },
            );
        }
    }

    /// There is a sign of life from this peer.
    pub(super) fn acquit(&mut self, peer: &PeerId) {
        self.suspicions.remove(peer);
        if self.doomed.remove(peer).is_some()
            && let Some(slot) = self.catalog.slot(peer.as_bytes())
        {
            // Somebody declared it dead: it should know, and say that it is not.
            let version = slot.stored.version();
            self.spread.obituary_for(
                *peer,
                Obituary {
                    id: (*peer).into(),
                    version,
                },
            );
        }
        if !self.assists.is_empty() {
            self.report(peer, true);
        }
    }

    pub(super) fn beat_suspicions(&mut self) {
        let now = self.now.instant;
        let mut dead = Vec::new();
        let mut to_ask = Vec::new();
        for (peer, suspicion) in &mut self.suspicions {
            match suspicion.verdict(now) {
                Verdict::Wait => {}
                Verdict::AskOthers => to_ask.push(*peer),
                Verdict::Dead => dead.push(*peer),
            }
        }
        for peer in to_ask {
            self.ask_helpers(peer);
        }
        for peer in dead {
            self.suspicions.remove(&peer);
            let Some(slot) = self.catalog.slot(peer.as_bytes()) else {
                continue;
            };
            let obituary = Obituary {
                id: peer.into(),
                version: slot.stored.version(),
            };
            // If only its discovery hangs, its connection may be up: that is no link any more.
            self.hang_up(peer, HangupReason::Idle);
            self.doom(peer, obituary, None);
        }
        let due: Vec<PeerId> = self
            .doomed
            .iter()
            .filter(|(_, at)| now >= **at)
            .map(|(peer, _)| *peer)
            .collect();
        for peer in due {
            self.doomed.remove(&peer);
            self.bury_dead(peer);
        }
        let late: Vec<PeerId> = self
            .assists
            .iter()
            .filter(|(_, assist)| now >= assist.until)
            .map(|((target, _), _)| *target)
            .collect();
        for target in late {
            self.report(&target, false);
        }
    }

    pub(super) fn on_probe_request(&mut self, from: PeerId, target: RawId, nonce: u32) {
        let now = self.now.instant;
        let known = self
            .catalog
            .slot(&target.0)
            .map(|slot| *slot.stored.signed.id());
        let has_room = self.assists.len() < ASSISTS_MAX;
        let is_allowed = self.shares.of(from, now).probes.take(now, 1) && has_room;
        // Only peers that we know: nobody can make us dial a stranger.
        let Some(peer) = known.filter(|_| is_allowed) else {
            self.counters.requests_refused += 1;
            return;
        };
        let link = self.links.get(&peer);
        if link.is_some_and(|link| link.is_lively(now)) {
            self.send(
                from,
                Message::ProbeReport {
                    target,
                    nonce,
                    alive: true,
                },
            );
            return;
        }
        self.assists.insert(
            (peer, from),
            Assist {
                nonce,
                until: now + HELP_WITHIN,
            },
        );
        if link.is_some() {
            let nonce = self.next_serial();
            self.send(peer, Message::Ping { nonce });
        } else {
            self.run_errand(peer, HELP_WITHIN);
        }
    }

    pub(super) fn on_probe_report(&mut self, from: PeerId, target: RawId, alive: bool) {
        let Some(peer) = self
            .catalog
            .slot(&target.0)
            .map(|slot| *slot.stored.signed.id())
        else {
            return;
        };
        let Some(suspicion) = self.suspicions.get_mut(&peer) else {
            return;
        };
        if !suspicion.was_asked(&from) {
            return;
        }
        if alive {
            self.suspicions.remove(&peer);
            if !self.links.contains_key(&peer) {
                self.vouch(peer);
            }
        } else {
            suspicion.unreachable_for(from);
        }
    }

    /// We cannot reach a peer: whoever asked us to should know.
    pub(super) fn report_unreachable(&mut self, target: &PeerId) {
        self.report(target, false);
    }

    fn report(&mut self, target: &PeerId, alive: bool) {
        let asked = self.assists.keys().filter(|(peer, _)| peer == target);
        let asked: Vec<(PeerId, PeerId)> = asked.copied().collect();
        for key in asked {
            if let Some(assist) = self.assists.remove(&key) {
                let (target, nonce) = (RawId::from(*target), assist.nonce);
                self.send(
                    key.1,
                    Message::ProbeReport {
                        target,
                        nonce,
                        alive,
                    },
                );
            }
        }
    }

    pub(super) fn on_obituaries(&mut self, from: PeerId, obituaries: &[Obituary]) {
        for obituary in obituaries {
            let now = self.now.instant;
            if !self.shares.of(from, now).obituaries.take(now, 1) {
                self.counters.obituaries_refused += 1;
                continue;
            }
            self.on_obituary(from, *obituary);
        }
    }

    fn on_obituary(&mut self, from: PeerId, obituary: Obituary) {
        let now = self.now.instant;
        let Obituary { id, version } = obituary;
        if id == self.local_id().into() {
            // A version above ours is no version of ours: there is nothing to refute.
            let own = self.catalog.local().update_version();
            if version == own {
                self.refute_due = true;
                self.refute();
            } else if version < own {
                self.send_own(from);
            } else {
                self.counters.obituaries_refused += 1;
            }
            return;
        }
        let Some(slot) = self.catalog.slot(&id.0).cloned() else {
            return;
        };
        let peer = *slot.stored.signed.id();
        if slot.stored.version() > version {
            self.send_records(from, vec![(slot, true)], false);
            return;
        }
        if let Some(link) = self.links.get_mut(&peer)
            && link.is_lively(now)
        {
            // We know better, and the peer can prove it to the others.
            if peer != from && link.warned_at.is_none_or(|at| now >= at + WARN_EVERY) {
                link.warned_at = Some(now);
                let version = slot.stored.version();
                self.spread.obituary_for(peer, Obituary { id, version });
            }
            return;
        }
        if self.doomed.contains_key(&peer) {
            return;
        }
        self.doom(peer, obituary, Some(from));
    }

    /// Declares a peer dead unless it refutes that, and tells the others.
    fn doom(&mut self, peer: PeerId, obituary: Obituary, from: Option<PeerId>) {
        self.suspicions.remove(&peer);
        self.doomed.insert(peer, self.now.instant + REFUTE_WITHIN);
        self.spread.obituary(obituary, from.unwrap_or(peer));
        self.overlay_dirty = true;
    }

    /// A doomed peer did not refute.
    fn bury_dead(&mut self, peer: PeerId) {
        let Some(slot) = self.catalog.slot(peer.as_bytes()) else {
            return;
        };
        let stored = slot.stored.clone();
        self.bury(peer, stored.version(), Cause::Dead(Some(stored.clone())));
        self.note_down(peer, stored);
    }

    /// Removes a peer that is gone; delayed copies of its entry stay out.
    pub(super) fn bury(&mut self, peer: PeerId, version: PeerEntryVersion, cause: Cause) {
        let until = self.now.instant + self.config.config.purge_after;
        self.graves.dig(peer, version, cause, until);
        self.drop_entry(&peer);
    }

    /// Removes the entry of a peer, if there is one, and tells the application.
    pub(super) fn drop_entry(&mut self, peer: &PeerId) -> Option<Arc<Stored>> {
        self.suspicions.remove(peer);
        self.doomed.remove(peer);
        self.forget_hint(peer);
        let slot = self.catalog.remove_signed(peer)?;
        self.index.remove(&slot.element);
        self.passed
            .add(slot.element, self.now.instant + super::intake::REPLACED_FOR);
        self.catalog_changed = true;
        self.overlay_dirty = true;
        self.event(Event::PeerDeparted(*peer));
        Some(slot.stored)
    }

    /// A peer that we hold dead is there: it should know.
    pub(super) fn warn_of_grave(&mut self, peer: &PeerId) {
        if let Some(grave) = self.graves.get(peer.as_bytes()).cloned() {
            self.tell_of_grave(*peer, *peer, &grave);
        }
    }

    pub(super) fn on_departures(&mut self, from: PeerId, departures: Vec<Departure>) {
        for departure in departures {
            self.on_departure(from, departure);
        }
    }

    fn on_departure(&mut self, from: PeerId, departure: Departure) {
        let now = self.now.instant;
        let id = departure.id.0;
        if self.graves.holds(&id, departure.version) && !self.catalog_holds(&id) {
            return;
        }
        let held = self.catalog.slot(&id).map(|slot| slot.stored.version());
        let settings = &self.config.config;
        let now_ms = self.now.utc.timestamp_millis();
        let age_ms = now_ms.saturating_sub(departure.at_ms);
        let is_of_this_time = age_ms <= millis(settings.purge_after)
            && age_ms.saturating_neg() <= millis(settings.max_time_drift);
        let is_old = held.is_some_and(|held| departure.version < held);
        let is_paid_for = self.shares.of(from, now).verifications.take(now, 1);
        if !is_of_this_time || is_old || !is_paid_for {
            self.counters.departures_refused += 1;
            return;
        }
        self.counters.verifications += 1;
        let peer = PeerId::from_bytes(&id).ok();
        let network = *self.catalog.network_id().as_bytes();
        let Some(peer) = peer.filter(|peer| departure.is_signed_by(peer, &network)) else {
            self.counters.departures_refused += 1;
            return self.punish(from);
        };
        if peer == self.local_id() {
            // Our own goodbye, from before a restart: we are back, and newer than that.
            self.jump_above(departure.version);
            return;
        }
        self.note_alive(&peer);
        let version = departure.version;
        self.bury(peer, version, Cause::Departed(departure.clone()));
        self.spread.departure(departure, Some(from));
    }

    fn catalog_holds(&self, id: &[u8; 32]) -> bool {
        self.catalog.slot(id).is_some()
    }

    /// Our own goodbye.
    pub(super) fn own_departure(&self) -> Departure {
        let id = RawId::from(self.local_id());
        let version = self.catalog.local().update_version();
        let at_ms = self.now.utc.timestamp_millis();
        let network = self.catalog.network_id();
        let bytes = Departure::signed_bytes(network.as_bytes(), &id, version, at_ms);
        let signature: Signature = self.key.sign(&bytes);
        let signature = bytes::Bytes::copy_from_slice(&signature.to_bytes());
        Departure {
            id,
            version,
            at_ms,
            signature,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
