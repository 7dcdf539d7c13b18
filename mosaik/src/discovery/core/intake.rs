//! Entries from other peers: what is taken, and what it costs the sender.
//!
//! The cheap checks come first; a signature is verified only for an entry that would be taken, within
//! the sender's share.

use std::sync::Arc;

use super::{Core, Event, Output};
use crate::discovery::catalog::{ENTRIES_MAX, ENTRIES_RESERVED, Stored, Upsert};
use crate::discovery::counters::Refusal;
use crate::discovery::graves::Cause;
use crate::discovery::message::Record;
use crate::discovery::sync::element;
use crate::primitives::limits::ENTRY_BYTES_MAX;
use crate::primitives::{PeerEntry, PeerId, SignedPeerEntry};
use crate::runtime::time::Duration;

/// Replaced versions are not asked for again for this long: by then nobody offers them.
pub(super) const REPLACED_FOR: Duration = Duration::from_secs(120);

/// Refused versions are not asked for again for this long; a clock may have been set meanwhile.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// Bytes around an entry: its signature and the heads of both.
const SIGNED_BYTES_EXTRA: usize = 128;

impl Core {
    pub(super) fn on_records(&mut self, from: PeerId, records: Vec<Record>, ends_answer: bool) {
        let mut records = records.into_iter();
        while let Some(record) = records.next() {
            if let Err(refusal) = self.take_record(from, &record) {
                self.on_refused(from, &record, refusal);
            }
            if !self.links.contains_key(&from) {
                // The sender was cut off. What it sent in the same message is refused too, and counted.
                records.for_each(|_| self.counters.refuse(Refusal::Banned));
                return;
            }
        }
        if ends_answer {
            self.on_answer_end(from);
        }
    }

    fn take_record(&mut self, from: PeerId, record: &Record) -> Result<(), Refusal> {
        let now = self.now;
        let Record { id, version, .. } = record;
        if self.shares.of(from, now.instant).is_banned(now.instant) {
            return Err(Refusal::Banned);
        }
        if record.bytes.len() > ENTRY_BYTES_MAX + SIGNED_BYTES_EXTRA {
            return Err(Refusal::TooLarge);
        }
        if id.0 == *self.local_id().as_bytes() {
            return self.take_own(from, record);
        }
        let drift = self.config.config.max_time_drift;
        self.catalog.screen(now.utc, drift, &id.0, *version)?;
        if self.graves.holds(&id.0, *version) {
            return Err(Refusal::Buried);
        }
        let held = self.catalog.slot(&id.0).map(|slot| slot.stored.clone());
        let is_new = held.is_none();
        if is_new {
            let is_itself = id.0 == *from.as_bytes();
            let room = if is_itself {
                ENTRIES_MAX + ENTRIES_RESERVED
            } else {
                ENTRIES_MAX
            };
            if self.catalog.held_count() >= room {
                return Err(Refusal::Full);
            }
            let share = self.shares.of(from, now.instant);
            if !is_itself && !share.new_peers.take(now.instant, 1) {
                return Err(Refusal::TooFast);
            }
        }
        if !self
            .shares
            .of(from, now.instant)
            .verifications
            .take(now.instant, 1)
        {
            return Err(Refusal::TooFast);
        }
        let stored = self.verify(record, held.as_deref())?;
        self.accept(stored, Some(from))
    }

    /// Verifies a record, and that it is labelled with what is inside.
    fn verify(&mut self, record: &Record, held: Option<&Stored>) -> Result<Arc<Stored>, Refusal> {
        let stored = if record.same_as == 0 {
            self.counters.verifications += 1;
            self.config.verify.entry(&record.bytes)?
        } else {
            let base = held.filter(|held| held.content == record.same_as);
            let base = base.ok_or(Refusal::UnknownBase)?;
            self.counters.verifications += 1;
            self.config
                .verify
                .renewal(base, record.version, &record.bytes)?
        };
        let is_labelled =
            stored.signed.id().as_bytes() == &record.id.0 && stored.version() == record.version;
        if is_labelled {
            Ok(stored)
        } else {
            Err(Refusal::Mislabelled)
        }
    }

    /// Takes a verified entry that passed the cheap checks.
    fn accept(&mut self, stored: Arc<Stored>, from: Option<PeerId>) -> Result<(), Refusal> {
        let signed = stored.signed.clone();
        let id = *signed.id();
        let known_addr = self
            .catalog
            .slot(id.as_bytes())
            .map(|slot| slot.stored.signed.address().clone());
        let upsert = self.catalog.upsert(stored)?;
        self.note_upsert(id, &upsert);
        self.graves.remove(&id);
        self.note_alive(&id);
        // A newer version is a sign of life, whoever brought it.
        self.suspicions.remove(&id);
        self.doomed.remove(&id);
        if known_addr.as_ref() != Some(signed.address()) && !signed.address().addrs.is_empty() {
            self.out.push(Output::Learn(signed.address().clone()));
        }
        let expires = signed.updated_at()
            + chrono::Duration::from_std(self.config.config.purge_after).unwrap_or_default();
        self.purge_at = Some(self.purge_at.map_or(expires, |at| at.min(expires)));
        match upsert {
            Upsert::Inserted { element } => {
                self.event(Event::PeerDiscovered(PeerEntry::from(&signed)));
                self.note_known(from, element);
                self.push(id, from);
            }
            Upsert::Updated {
                element,
                is_renewal,
                ..
            } => {
                self.event(Event::PeerUpdated(PeerEntry::from(&signed)));
                self.note_known(from, element);
                if is_renewal {
                    self.announce(element, super::spread::RENEWAL_AFTER);
                } else {
                    self.push(id, from);
                }
            }
        }
        Ok(())
    }

    /// An entry of ours, from before a restart with a clock that was set back.
    fn take_own(&mut self, from: PeerId, record: &Record) -> Result<(), Refusal> {
        let now = self.now.instant;
        let own = self.catalog.local_slot().stored.clone();
        if record.version <= own.version() || record.same_as != 0 {
            return Err(Refusal::Local);
        }
        if !self.shares.of(from, now).verifications.take(now, 1) {
            return Err(Refusal::TooFast);
        }
        let stored = self.verify(record, None)?;
        self.jump_above(stored.version());
        Ok(())
    }

    fn on_refused(&mut self, from: PeerId, record: &Record, refusal: Refusal) {
        self.counters.refuse(refusal);
        let now = self.now.instant;
        let is_about_itself = record.id.0 == *from.as_bytes();
        match refusal {
            Refusal::BadSignature | Refusal::Mislabelled => self.punish(from),
            Refusal::Ahead | Refusal::Stale | Refusal::OtherNetwork | Refusal::Undecodable => {
                let element = element(&record.id.0, record.version);
                self.passed.add(element, now + REFUSED_FOR);
            }
            // Whoever is behind about itself started again with an older clock.
            Refusal::NotNewer if is_about_itself => {
                let newer = self.catalog.slot(&record.id.0).cloned();
                if let Some(slot) = newer.filter(|slot| slot.stored.version() > record.version) {
                    self.send_records(from, vec![(slot, true)], false);
                }
            }
            Refusal::Buried => self.on_buried(from, record, is_about_itself),
            _ => {}
        }
    }

    /// The sender does not know that somebody is gone; or it is back, and its clock went back.
    fn on_buried(&mut self, from: PeerId, record: &Record, is_about_itself: bool) {
        let Some(grave) = self.graves.get(&record.id.0).cloned() else {
            return;
        };
        let Ok(id) = PeerId::from_bytes(&record.id.0) else {
            return;
        };
        if is_about_itself
            && let Cause::Dead(Some(stored)) = &grave.cause
            && stored.version() > record.version
        {
            let record = Record {
                id: record.id,
                version: stored.version(),
                same_as: 0,
                bytes: stored.bytes.clone(),
            };
            let message = crate::discovery::message::Message::Records {
                records: vec![record],
                ends_answer: false,
            };
            self.send(from, message);
        }
        self.tell_of_grave(from, id, &grave);
    }

    fn note_known(&mut self, from: Option<PeerId>, element: u64) {
        if let Some(link) = from.and_then(|from| self.links.get_mut(&from)) {
            link.known.add(element);
        }
    }

    /// An entry that the application got elsewhere; true when it is new or newer.
    pub(crate) fn feed(&mut self, now: super::Now, entry: SignedPeerEntry) -> bool {
        self.advance(now);
        let drift = self.config.config.max_time_drift;
        let (id, version) = (*entry.id(), entry.update_version());
        if id == self.local_id() && version > self.catalog.local().update_version() {
            self.jump_above(version);
        }
        let screened = self
            .catalog
            .screen(self.now.utc, drift, id.as_bytes(), version);
        let taken = screened.and_then(|()| {
            if self.graves.holds(id.as_bytes(), version) {
                Err(Refusal::Buried)
            } else if !self.catalog.contains(&id) && self.catalog.held_count() >= ENTRIES_MAX {
                Err(Refusal::Full)
            } else {
                self.accept(Arc::new(Stored::new(entry)), None)
            }
        });
        taken
            .map_err(|refusal| self.counters.refuse(refusal))
            .is_ok()
    }
}
