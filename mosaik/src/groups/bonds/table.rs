//! The bonds of one group, by peer.

use std::{collections::BTreeMap, sync::Arc};

use super::tied::Tied;
use crate::{primitives::PeerId, runtime::Observable};

/// The bonds of one group, by peer: at most one each. Clones are one table.
#[derive(Clone, Default)]
pub(in crate::groups) struct Table(Observable<Bonded>);

/// What is watched of a table.
#[derive(Default)]
struct Bonded {
    by_peer: BTreeMap<PeerId, Arc<Tied>>,
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
            outcome = Ok(bonded.by_peer.insert(tied.peer, tied));
            bonded.changes_count += 1;
            true
        });
        outcome
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
