//! What the local node says about itself, and what its application inserts.

use std::sync::Arc;

use super::{Core, Now, Output};
use crate::discovery::catalog::Stored;
use crate::primitives::{
    EndpointAddr, EntryError, PeerEntry, PeerEntryVersion, PeerId, SignedPeerEntry,
};
use crate::runtime::time::Duration;

/// How much a known peer lengthens the pause between two renewals: two renewals per second in the
/// whole network, whatever its size, until a third of `purge_after` is reached.
const RENEWAL_PER_PEER: Duration = Duration::from_millis(500);

/// The shortest pause between two renewals.
const RENEWAL_MIN: Duration = Duration::from_millis(10);

/// What became of a change of the local entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalChange {
    /// There is a new version, which is about to be announced.
    Changed,
    /// The change changed nothing: no new version.
    Unchanged,
    /// The entry would be over a limit: nothing changed.
    Refused(EntryError),
}

impl Core {
    /// Changes the local entry; its version is set here, whatever `change` does to it.
    pub(crate) fn update_local(
        &mut self,
        now: Now,
        change: impl FnOnce(PeerEntry) -> PeerEntry,
    ) -> LocalChange {
        self.advance(now);
        let current = self.local_entry();
        let version = current.update_version();
        let changed = change(current.clone()).with_version(version);
        if changed == current {
            return LocalChange::Unchanged;
        }
        match changed.touched_at(self.now.utc).signed_by(&self.key) {
            Ok(signed) => {
                self.set_local(signed, false);
                LocalChange::Changed
            }
            Err(error) => LocalChange::Refused(error),
        }
    }

    /// An unsigned entry of the application; false when it was refused.
    pub(crate) fn insert(&mut self, now: Now, entry: PeerEntry) -> bool {
        self.advance(now);
        let addr = entry.address().clone();
        let inserted = self.catalog.insert_unsigned(entry);
        if inserted {
            self.catalog_changed = true;
            if !addr.addrs.is_empty() {
                self.out.push(Output::Learn(addr));
            }
        }
        inserted
    }

    /// Removes an unsigned entry; false when there was none.
    pub(crate) fn remove(&mut self, now: Now, peer: &PeerId) -> bool {
        self.advance(now);
        let removed = self.catalog.remove_unsigned(peer);
        self.catalog_changed |= removed;
        removed
    }

    /// Removes all unsigned entries; false when there were none.
    pub(crate) fn clear_unsigned(&mut self, now: Now) -> bool {
        self.advance(now);
        let removed = self.catalog.clear_unsigned();
        self.catalog_changed |= removed;
        removed
    }

    pub(super) fn on_address_changed(&mut self, addr: EndpointAddr) {
        let entry = self.local_entry();
        if addr == *entry.address() || self.left {
            return;
        }
        // An address of another id is not ours, and an entry over the limits cannot be: both are kept
        // out by whoever bound the endpoint.
        let moved = entry.with_address_at(addr, self.now.utc);
        if let Ok(signed) = moved.and_then(|entry| entry.signed_by(&self.key)) {
            self.set_local(signed, false);
        }
    }

    /// The same content with a newer version, so that nobody forgets us.
    fn renew(&mut self) {
        let renewed = self
            .local_entry()
            .touched_at(self.now.utc)
            .signed_by(&self.key);
        if let Ok(signed) = renewed {
            self.set_local(signed, true);
        }
    }

    /// If somebody says that we are dead: a newer version proves the contrary, and goes out at once.
    pub(super) fn refute(&mut self) {
        let now = self.now.instant;
        if self.left || !self.refute_due || now < self.refute_at {
            return;
        }
        self.refute_due = false;
        self.refute_at = now + super::REFUTE_PAUSE;
        self.counters.refutations += 1;
        let renewed = self
            .local_entry()
            .touched_at(self.now.utc)
            .signed_by(&self.key);
        if let Ok(signed) = renewed {
            self.set_local(signed, false);
        }
    }

    /// There is a version of ours that we did not make in this life: ours must be newer.
    pub(super) fn jump_above(&mut self, version: PeerEntryVersion) {
        let own = self.catalog.local().update_version();
        if version < own || self.left {
            return;
        }
        let start_ms = own.start_ms().max(version.start_ms());
        let update_ms = own.update_ms().max(version.update_ms());
        let above = self
            .local_entry()
            .with_version(PeerEntryVersion::from_ms(start_ms, update_ms));
        if let Ok(signed) = above.touched_at(self.now.utc).signed_by(&self.key) {
            self.set_local(signed, false);
        }
    }

    fn set_local(&mut self, signed: SignedPeerEntry, is_renewal: bool) {
        let previous = self.catalog.local_slot().element;
        self.catalog
            .set_local(Arc::new(Stored::new(signed)), is_renewal);
        let element = self.catalog.local_slot().element;
        let local = self.local_id();
        self.index.remove(&previous);
        self.index.insert(element, local);
        self.passed
            .add(previous, self.now.instant + super::intake::REPLACED_FOR);
        self.catalog_changed = true;
        self.announced_at = self.now.instant;
        self.plan_renewal();
        if is_renewal {
            self.announce(element, super::spread::RENEWAL_AFTER);
        } else {
            self.push(local, None);
        }
    }

    /// Sends our entry to one peer.
    pub(super) fn send_own(&mut self, to: PeerId) {
        let own = self.catalog.local_slot().clone();
        self.send_records(to, vec![(own, true)], false);
    }

    /// Renews the entry when it is time; later if the network has grown since that was planned.
    pub(super) fn beat_renewal(&mut self) {
        if self.now.instant < self.renew_at {
            return;
        }
        if self.renewal_pause() > self.renew_pause {
            self.plan_renewal();
        }
        if self.now.instant >= self.renew_at {
            self.renew();
        }
    }

    /// Plans the next renewal, counted from the last version.
    pub(super) fn plan_renewal(&mut self) {
        self.renew_pause = self.renewal_pause();
        let pause = self
            .rng
            .jitter(self.renew_pause, self.config.config.announce_jitter);
        self.renew_at = self.announced_at + pause.max(RENEWAL_MIN);
    }

    fn renewal_pause(&self) -> Duration {
        let settings = &self.config.config;
        let peers = u32::try_from(self.catalog.held_count()).unwrap_or(u32::MAX);
        let stretched = RENEWAL_PER_PEER
            .saturating_mul(peers)
            .min(settings.purge_after / 3);
        settings.announce_interval.max(stretched)
    }

    /// Forgets entries that were not renewed in time.
    pub(super) fn purge(&mut self) {
        if self.purge_at.is_none_or(|at| self.now.utc < at) {
            return;
        }
        let (expired, next) = self.catalog.expired(self.now.utc);
        self.purge_at = next;
        for peer in expired {
            self.drop_entry(&peer);
            self.out.push(Output::Forget(peer));
        }
    }

    pub(super) fn on_leave(&mut self) {
        if self.left {
            return;
        }
        let departure = self.own_departure();
        self.spread.departure(departure, None);
        self.flush_urgent();
        self.left = true;
        let tickets = self.take_all_tickets();
        self.fail_tickets(tickets, super::SyncFailure::Leaving);
    }
}
