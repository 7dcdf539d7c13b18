//! The entries that a node knows: an immutable map that is cheap to copy, and its rules.

use core::fmt;
use core::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use imbl::OrdMap;

use super::counters::Refusal;
use super::overlay::Ring;
use super::sync::{element, first_u64};
use crate::primitives::{
    NetworkId, PeerEntry, PeerEntryVersion, PeerId, PeerInfo, Short, Signature, SignedPeerEntry,
    decode, encode,
};
use crate::runtime::Clock;
use crate::runtime::time::Duration;

/// Entries of a catalog. A thousand nodes are expected; memory is bounded for ten times as many.
pub(crate) const ENTRIES_MAX: usize = 16 * 1024;

/// Entries above [`ENTRIES_MAX`] that only peers themselves can bring: whoever filled the catalog with
/// inventions cannot keep a real peer out.
pub(crate) const ENTRIES_RESERVED: usize = 1024;

/// Bytes of all signed entries of a catalog.
pub(crate) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Unsigned entries, which the application inserts itself.
const UNSIGNED_MAX: usize = 4096;

/// A signed entry with what is needed to compare and send it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) signed: SignedPeerEntry,
    /// The encoding of `signed`.
    pub(crate) bytes: Bytes,
    /// A fingerprint of everything but the version.
    pub(crate) content: u64,
}

impl Stored {
    pub(crate) fn new(signed: SignedPeerEntry) -> Self {
        let bytes = encode(&signed).expect("invariant: a signed entry has an encoding");
        Self::with_bytes(signed, bytes)
    }

    fn with_bytes(signed: SignedPeerEntry, bytes: Bytes) -> Self {
        let plain = PeerEntry::from(&signed).with_version(PeerEntryVersion::from_ms(0, 0));
        // Zero has a meaning of its own in records.
        let content = first_u64(plain.digest().as_bytes()) | 1;
        Self {
            signed,
            bytes,
            content,
        }
    }

    pub(crate) fn version(&self) -> PeerEntryVersion {
        self.signed.update_version()
    }

    pub(crate) fn signature(&self) -> [u8; Signature::LENGTH] {
        AsRef::<Signature>::as_ref(&self.signed).to_bytes()
    }
}

/// Verifies what came as bytes. A seam: simulations of a thousand nodes verify each entry once.
pub(crate) trait Verify: Send + Sync {
    /// The entry, if its signature is right.
    fn entry(&self, bytes: &Bytes) -> Result<Arc<Stored>, Refusal>;

    /// The entry that differs from `base` in its version only, if the signature is right.
    fn renewal(
        &self,
        base: &Stored,
        version: PeerEntryVersion,
        signature: &[u8],
    ) -> Result<Arc<Stored>, Refusal>;
}

/// Verifies every signature.
pub(crate) struct VerifyAll;

impl Verify for VerifyAll {
    fn entry(&self, bytes: &Bytes) -> Result<Arc<Stored>, Refusal> {
        match decode::<SignedPeerEntry>(bytes) {
            Ok(signed) => Ok(Arc::new(Stored::with_bytes(signed, bytes.clone()))),
            // Readable but for its signature: whoever passed it on did not verify it.
            Err(_) if decode::<(PeerEntry, serde::de::IgnoredAny)>(bytes).is_ok() => {
                Err(Refusal::BadSignature)
            }
            Err(_) => Err(Refusal::Undecodable),
        }
    }

    fn renewal(
        &self,
        base: &Stored,
        version: PeerEntryVersion,
        signature: &[u8],
    ) -> Result<Arc<Stored>, Refusal> {
        let signature = Signature::try_from(signature).map_err(|_| Refusal::Undecodable)?;
        let entry = PeerEntry::from(&base.signed).with_version(version);
        let signed = SignedPeerEntry::verified(entry, signature);
        let signed = signed.map_err(|_| Refusal::BadSignature)?;
        Ok(Arc::new(Stored::new(signed)))
    }
}

/// A signed entry in its place.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// The hash of its id and version.
    pub(crate) element: u64,
    /// Whether it differs from the one before only in its version.
    pub(crate) is_renewal: bool,
    pub(crate) stored: Arc<Stored>,
}

impl Slot {
    fn new(stored: Arc<Stored>, is_renewal: bool) -> Self {
        let element = element(stored.signed.id().as_bytes(), stored.version());
        Self {
            element,
            is_renewal,
            stored,
        }
    }
}

/// What an accepted entry changed.
#[derive(Debug)]
pub(crate) enum Upsert {
    /// A peer that was not known.
    Inserted { element: u64 },
    /// A newer entry of a known peer.
    Updated {
        element: u64,
        previous: u64,
        is_renewal: bool,
    },
}

/// The peers that a node knows, at one moment.
///
/// A snapshot: it does not change when the node learns more, except that entries that are not
/// renewed grow old and are hidden once they are older than `purge_after`. Copies are cheap.
/// Iteration is in the order of peer ids.
///
/// *Signed* entries were announced by their peers; *unsigned* ones were inserted by the local
/// application, and give way to a signed entry of the same peer.
#[derive(Clone)]
pub struct Catalog {
    local_id: PeerId,
    network_id: NetworkId,
    local: Slot,
    signed: OrdMap<PeerId, Slot>,
    unsigned: OrdMap<PeerId, Arc<PeerEntry>>,
    rtt: OrdMap<PeerId, Duration>,
    signed_bytes: usize,
    purge_after: Duration,
    max_rtt: Option<Duration>,
    clock: Clock,
}

impl Catalog {
    /// A catalog of the local peer alone.
    pub(crate) fn new(
        local: SignedPeerEntry,
        purge_after: Duration,
        max_rtt: Option<Duration>,
        clock: Clock,
    ) -> Self {
        Self {
            local_id: *local.id(),
            network_id: *local.network_id(),
            local: Slot::new(Arc::new(Stored::new(local)), false),
            signed: OrdMap::new(),
            unsigned: OrdMap::new(),
            rtt: OrdMap::new(),
            signed_bytes: 0,
            purge_after,
            max_rtt,
            clock,
        }
    }

    /// The id of the node whose catalog this is.
    pub const fn local_id(&self) -> PeerId {
        self.local_id
    }

    /// The network that all entries belong to.
    pub const fn network_id(&self) -> NetworkId {
        self.network_id
    }

    /// The other peers: signed entries, then unsigned ones; old and too distant ones are hidden.
    pub fn peers(&self) -> impl DoubleEndedIterator<Item = &PeerEntry> {
        let oldest = self.oldest();
        let signed = self.signed.values().map(|slot| &*slot.stored.signed);
        let unsigned = self.unsigned.values().map(|entry| &**entry);
        signed
            .chain(unsigned)
            .filter(move |entry| entry.updated_at() >= oldest && self.is_near(entry.id()))
    }

    /// The signed entries of the other peers; old ones are hidden.
    pub fn signed_peers(&self) -> impl DoubleEndedIterator<Item = &SignedPeerEntry> {
        let oldest = self.oldest();
        let signed = self.signed.values().map(|slot| &slot.stored.signed);
        signed.filter(move |entry| entry.updated_at() >= oldest)
    }

    /// The unsigned entries, of whatever age.
    pub fn unsigned_peers(&self) -> impl DoubleEndedIterator<Item = &PeerEntry> {
        self.unsigned.values().map(|entry| &**entry)
    }

    /// All entries, the local one first, then signed ones that are not old, then unsigned ones.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &PeerEntry> {
        self.iter_signed()
            .map(|entry| &**entry)
            .chain(self.unsigned_peers())
    }

    /// The signed entries, the local one first; old ones are hidden.
    pub fn iter_signed(&self) -> impl DoubleEndedIterator<Item = &SignedPeerEntry> {
        core::iter::once(self.local()).chain(self.signed_peers())
    }

    /// The entry of a peer; a signed one that is not old is preferred.
    ///
    /// Peers that are too distant are hidden.
    pub fn get(&self, peer_id: &PeerId) -> Option<&PeerEntry> {
        let signed = self.get_signed(peer_id).map(|entry| &**entry);
        let entry = signed.or_else(|| self.unsigned.get(peer_id).map(|entry| &**entry))?;
        (entry.id() == &self.local_id || self.is_near(peer_id)).then_some(entry)
    }

    /// The signed entry of a peer, unless it is old.
    pub fn get_signed(&self, peer_id: &PeerId) -> Option<&SignedPeerEntry> {
        if *peer_id == self.local_id {
            return Some(self.local());
        }
        let entry = &self.signed.get(peer_id)?.stored.signed;
        (entry.updated_at() >= self.oldest()).then_some(entry)
    }

    /// The local entry.
    pub fn local(&self) -> &SignedPeerEntry {
        &self.local.stored.signed
    }

    /// How many signed entries of other peers there are.
    pub fn signed_peers_count(&self) -> usize {
        self.signed_peers().count()
    }

    /// How many other peers there are, signed or not.
    pub fn peers_count(&self) -> usize {
        self.signed_peers_count() + self.unsigned.len()
    }

    /// The entry of a peer with what this node knows about it.
    pub(crate) fn info(&self, peer_id: &PeerId) -> Option<PeerInfo> {
        let entry = self.get(peer_id)?.clone();
        Some(PeerInfo::new(entry, self.rtt(peer_id)))
    }

    /// The smoothed round trip to a peer, once measured.
    pub(crate) fn rtt(&self, peer_id: &PeerId) -> Option<Duration> {
        self.rtt.get(peer_id).copied()
    }

    /// Entries updated before this are old.
    fn oldest(&self) -> DateTime<Utc> {
        oldest(self.clock.utc(), self.purge_after)
    }

    fn is_near(&self, peer_id: &PeerId) -> bool {
        let rtt = self
            .max_rtt
            .and_then(|limit| Some((limit, self.rtt.get(peer_id)?)));
        rtt.is_none_or(|(limit, rtt)| *rtt <= limit)
    }
}

/// What only the core does.
impl Catalog {
    /// The cheap checks of an entry, before its signature is looked at.
    pub(crate) fn screen(
        &self,
        now: DateTime<Utc>,
        max_time_drift: Duration,
        id: &[u8; 32],
        version: PeerEntryVersion,
    ) -> Result<(), Refusal> {
        if id == self.local_id.as_bytes() {
            return Err(Refusal::Local);
        }
        if self
            .signed
            .get(id)
            .is_some_and(|held| version <= held.stored.version())
        {
            return Err(Refusal::NotNewer);
        }
        let drift_ms = i64::try_from(max_time_drift.as_millis()).unwrap_or(i64::MAX);
        let latest = now.timestamp_millis().saturating_add(drift_ms);
        if version.update_ms() > latest || version.start_ms() > latest {
            return Err(Refusal::Ahead);
        }
        let oldest = oldest(now, self.purge_after).timestamp_millis();
        if version.update_ms() < oldest {
            Err(Refusal::Stale)
        } else {
            Ok(())
        }
    }

    /// Takes a verified entry that passed [`Catalog::screen`]; it displaces an unsigned one.
    pub(crate) fn upsert(&mut self, stored: Arc<Stored>) -> Result<Upsert, Refusal> {
        let id = *stored.signed.id();
        if id == self.local_id {
            return Err(Refusal::Local);
        }
        if *stored.signed.network_id() != self.network_id {
            return Err(Refusal::OtherNetwork);
        }
        let held = self.signed.get(&id);
        if held.is_some_and(|held| stored.version() <= held.stored.version()) {
            return Err(Refusal::NotNewer);
        }
        let held_bytes = held.map_or(0, |held| held.stored.bytes.len());
        let signed_bytes = self.signed_bytes - held_bytes + stored.bytes.len();
        if signed_bytes > BYTES_MAX {
            return Err(Refusal::Full);
        }
        let is_renewal = held.is_some_and(|held| held.stored.content == stored.content);
        let slot = Slot::new(stored, is_renewal);
        let element = slot.element;
        self.signed_bytes = signed_bytes;
        self.unsigned.remove(&id);
        Ok(match self.signed.insert(id, slot) {
            Some(previous) => Upsert::Updated {
                element,
                previous: previous.element,
                is_renewal,
            },
            None => Upsert::Inserted { element },
        })
    }

    /// Forgets a peer that another way than age says is gone.
    pub(crate) fn remove_signed(&mut self, id: &PeerId) -> Option<Slot> {
        let slot = self.signed.remove(id)?;
        self.signed_bytes -= slot.stored.bytes.len();
        self.rtt.remove(id);
        Some(slot)
    }

    /// The ids of entries that are older than `purge_after`, and when the next one will be.
    pub(crate) fn expired(&self, now: DateTime<Utc>) -> (Vec<PeerId>, Option<DateTime<Utc>>) {
        let oldest = oldest(now, self.purge_after);
        let mut expired = Vec::new();
        let mut next: Option<DateTime<Utc>> = None;
        for (id, slot) in &self.signed {
            let updated = slot.stored.signed.updated_at();
            if updated < oldest {
                expired.push(*id);
            } else {
                next = Some(next.map_or(updated, |next| next.min(updated)));
            }
        }
        let purge_after = chrono::Duration::from_std(self.purge_after).ok();
        (
            expired,
            next.and_then(|next| next.checked_add_signed(purge_after?)),
        )
    }

    pub(crate) fn set_local(&mut self, stored: Arc<Stored>, is_renewal: bool) {
        self.local = Slot::new(stored, is_renewal);
    }

    pub(crate) const fn local_slot(&self) -> &Slot {
        &self.local
    }

    /// The slot of a signed peer of whatever age.
    pub(crate) fn slot(&self, id: &[u8; 32]) -> Option<&Slot> {
        self.signed.get(id)
    }

    pub(crate) fn contains(&self, id: &PeerId) -> bool {
        self.signed.contains_key(id)
    }

    /// How many signed entries are held, of whatever age.
    pub(crate) fn held_count(&self) -> usize {
        self.signed.len()
    }

    /// All elements with their ids, the local one included.
    pub(crate) fn elements(&self) -> impl Iterator<Item = (&[u8; 32], u64)> {
        let signed = self
            .signed
            .iter()
            .map(|(id, slot)| (id.as_bytes(), slot.element));
        core::iter::once((self.local_id.as_bytes(), self.local.element)).chain(signed)
    }

    /// The spec's rule for entries of the application; true unless it was refused.
    pub(crate) fn insert_unsigned(&mut self, entry: PeerEntry) -> bool {
        let id = *entry.id();
        let full = self.unsigned.len() >= UNSIGNED_MAX && !self.unsigned.contains_key(&id);
        let refused = id == self.local_id
            || *entry.network_id() != self.network_id
            || self.signed.contains_key(&id)
            || full;
        if !refused {
            self.unsigned.insert(id, Arc::new(entry));
        }
        !refused
    }

    pub(crate) fn remove_unsigned(&mut self, id: &PeerId) -> bool {
        self.unsigned.remove(id).is_some()
    }

    pub(crate) fn clear_unsigned(&mut self) -> bool {
        let any = !self.unsigned.is_empty();
        self.unsigned = OrdMap::new();
        any
    }

    /// Notes the smoothed round trip; true when the peer is hidden or shown by it.
    pub(crate) fn set_rtt(&mut self, id: PeerId, rtt: Duration) -> bool {
        let before = self.is_near(&id);
        self.rtt.insert(id, rtt);
        before != self.is_near(&id)
    }
}

impl Ring for Catalog {
    fn count(&self) -> usize {
        self.signed.len()
    }

    fn after(&self, point: &[u8; 32]) -> impl Iterator<Item = PeerId> {
        let after = (Bound::Excluded(*point), Bound::Unbounded);
        let up_to = (Bound::Unbounded, Bound::Included(*point));
        let after = self.signed.range::<_, [u8; 32]>(after);
        after
            .chain(self.signed.range::<_, [u8; 32]>(up_to))
            .map(|(id, _)| *id)
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("local", &Short(self.local_id).to_string())
            .field("network", &Short(self.network_id).to_string())
            .field("signed", &self.signed.len())
            .field("unsigned", &self.unsigned.len())
            .finish()
    }
}

fn oldest(now: DateTime<Utc>, purge_after: Duration) -> DateTime<Utc> {
    chrono::Duration::from_std(purge_after)
        .ok()
        .and_then(|purge_after| now.checked_sub_signed(purge_after))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests;
