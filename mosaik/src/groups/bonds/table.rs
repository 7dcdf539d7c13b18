//! The bonds of one group, by peer, and the peers that may have none.

use std::{collections::BTreeMap, sync::Arc};

use super::tied::Tied;
use crate::{
    groups::{RefusedMember, identity::ReplicaId},
    primitives::PeerId,
    runtime::{Observable, time::Instant},
};

/// The bonds of one group, by peer: at most one each. Clones are one table.
#[derive(Clone, Default)]
pub(in crate::groups) struct Table(Observable<Bonded>);

/// What is watched of a table.
#[derive(Default)]
struct Bonded {
    by_peer: BTreeMap<PeerId, Arc<Tied>>,
    /// Whom this member refuses, why, and since when.
    refused: BTreeMap<PeerId, (String, Instant)>,
    /// How often a bond came or went.
    changes_count: u64,
}

impl Table {
    pub(in crate::groups) fn len(&self) -> usize {
        self.0.read(|bonded| bonded.by_peer.len())
    }

    pub(in crate::groups) fn get(&self, peer: &PeerId) -> Option<Arc<Tied>> {
        self.0.read(|bonded| bonded.by_peer.get(peer).cloned())
    }

    /// The bond with the peer of a replica. Looks the key up as it stands: to make a [`PeerId`] of it takes longer than all
    /// the rest of sending a message.
    pub(in crate::groups) fn of(&self, replica: &ReplicaId) -> Option<Arc<Tied>> {
        let key = replica.key();
        self.0
            .read(|bonded| bonded.by_peer.get(key.as_bytes()).cloned())
    }

    pub(in crate::groups) fn contains(&self, peer: &PeerId) -> bool {
        self.0.read(|bonded| bonded.by_peer.contains_key(peer))
    }

    pub(in crate::groups) fn all(&self) -> Vec<Arc<Tied>> {
        self.0
            .read(|bonded| bonded.by_peer.values().cloned().collect())
    }

    pub(in crate::groups) fn changes_count(&self) -> u64 {
        self.0.read(|bonded| bonded.changes_count)
    }

    /// Until a bond has come or gone since `changes_count` was read.
    pub(in crate::groups) fn changed_since(
        &self,
        changes_count: u64,
    ) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.0
            .condition(move |bonded| bonded.changes_count != changes_count)
    }

    /// Puts a bond in, unless `keeps` says that the one which is there stays. Returns the one to be closed.
    pub(super) fn insert(
        &self,
        tied: Arc<Tied>,
        keeps: impl FnOnce(&Tied) -> bool,
    ) -> Result<Option<Arc<Tied>>, Arc<Tied>> {
        let mut outcome = Ok(None);
        self.0.update(|bonded| {
            if let Some(existing) = bonded.by_peer.get(&tied.peer)
                && existing.end().is_none()
                && keeps(existing)
            {
                outcome = Err(tied);
                return false;
            }
            bonded.refused.remove(&tied.peer);
            outcome = Ok(bonded.by_peer.insert(tied.peer, tied));
            bonded.changes_count += 1;
            true
        });
        outcome
    }

    /// This member refuses a peer. Whether that, or the reason, is new.
    pub(super) fn refuse(&self, peer: PeerId, reason: String, now: Instant) -> bool {
        self.0.update(|bonded| {
            let known = bonded.refused.get(&peer);
            if known.is_some_and(|(known, _)| *known == reason) {
                return false;
            }
            if bonded.refused.len() >= REFUSED_MAX
                && known.is_none()
                && let Some(oldest) = bonded
                    .refused
                    .iter()
                    .min_by_key(|(_, (_, since))| *since)
                    .map(|(peer, _)| *peer)
            {
                bonded.refused.remove(&oldest);
            }
            bonded.refused.insert(peer, (reason, now));
            true
        })
    }

    /// This member refuses a peer no more. Whether it did.
    pub(super) fn allow(&self, peer: &PeerId) -> bool {
        self.0
            .update(|bonded| bonded.refused.remove(peer).is_some())
    }

    /// Whom this member refuses.
    pub(in crate::groups) fn refused(&self, now: Instant) -> Vec<RefusedMember> {
        let refused = |(peer, (reason, since)): (&PeerId, &(String, Instant))| RefusedMember {
            peer: *peer,
            reason: reason.clone(),
            since: now.saturating_duration_since(*since),
        };
        self.0
            .read(|bonded| bonded.refused.iter().map(refused).collect())
    }

    /// Takes out a bond, if it is still the one of its peer.
    pub(super) fn remove(&self, tied: &Arc<Tied>) -> bool {
        self.0.update(|bonded| {
            let is_current = bonded
                .by_peer
                .get(&tied.peer)
                .is_some_and(|current| Arc::ptr_eq(current, tied));
            if is_current {
                bonded.by_peer.remove(&tied.peer);
                bonded.changes_count += 1;
            }
            is_current
        })
    }
}

/// Peers whose refusal a status names: what a person reads.
const REFUSED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{primitives::SecretKey, runtime::Clock};

    #[test]
    fn refusals_are_told_once_and_bounded() {
        let table = Table::default();
        let now = Clock::system().now();
        let peer = |number: u8| SecretKey::from_bytes(&[number; 32]).public();
        assert!(table.refuse(peer(1), "expired".to_owned(), now));
        assert!(!table.refuse(peer(1), "expired".to_owned(), now));
        assert!(table.refuse(peer(1), "none".to_owned(), now));
        assert_eq!(table.refused(now)[0].reason, "none");
        assert!(table.allow(&peer(1)) && !table.allow(&peer(1)));
        for number in 0..=255 {
            let at = now + std::time::Duration::from_secs(number.into());
            table.refuse(peer(number), "none".to_owned(), at);
        }
        let refused = table.refused(now);
        assert_eq!(refused.len(), REFUSED_MAX);
        assert!(refused.iter().any(|refused| refused.peer == peer(255)));
    }
}
