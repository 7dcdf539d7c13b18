//! The bonds of one group, by peer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{
    primitives::{Digest, PeerId, SignedPeerEntry},
    runtime::Observable,
    transport::CloseCode,
};

/// The bonds of one group, by peer. Clones are one table.
#[derive(Clone, Default)]
pub(in crate::groups) struct Table(Observable<Bonded>);

/// What is watched of a table.
#[derive(Default)]
pub(in crate::groups) struct Bonded {
    by_peer: BTreeMap<PeerId, Arc<Tied>>,
    /// How often a bond came or went.
    pub(in crate::groups) changes_count: u64,
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
}

/// One bond, as everybody but its own tasks sees it.
pub(in crate::groups) struct Tied {
    pub(in crate::groups) id: Digest,
    pub(in crate::groups) peer: PeerId,
    entry: Mutex<SignedPeerEntry>,
    /// Asked to end, and why.
    closing: watch::Sender<Option<CloseCode>>,
    /// Ended, and why.
    ended: watch::Sender<Option<CloseCode>>,
}

impl Tied {
    /// The newest entry of the peer.
    pub(in crate::groups) fn entry(&self) -> SignedPeerEntry {
        self.entry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks the bond's tasks to end.
    pub(in crate::groups) fn close(&self, code: CloseCode) {
        self.closing.send_if_modified(|closing| {
            let is_first = closing.is_none();
            closing.get_or_insert(code);
            is_first
        });
    }

    pub(in crate::groups) fn end(&self) -> Option<CloseCode> {
        *self.ended.borrow()
    }

    /// Until the bond has ended: why.
    pub(in crate::groups) fn ended(
        &self,
    ) -> impl Future<Output = CloseCode> + Send + Sync + 'static + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            let end = ended.wait_for(Option::is_some).await;
            end.ok()
                .and_then(|end| *end)
                .unwrap_or(CloseCode::CANCELLED)
        }
    }
}
