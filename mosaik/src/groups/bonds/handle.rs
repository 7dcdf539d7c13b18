//! The bonds of a group, as users see them.

use core::{fmt, future::Future, marker::PhantomData};
use std::sync::Arc;

use super::{table::Table, tied::Tied};
use crate::{
    groups::StateMachine,
    primitives::{Digest, PeerId, Short, SignedPeerEntry},
    transport::{ApplicationClose, CloseCode, CloseReason},
};
#[cfg(feature = "test-util")]
use {super::outbox::Lane, bytes::Bytes};

/// Names a bond; equal on both of its ends.
pub type BondId = Digest;

/// The bonds of a member with the other members, as they are now and as they come and go.
pub struct Bonds<M: StateMachine> {
    table: Table,
    machine: PhantomData<fn() -> M>,
}

impl<M: StateMachine> Bonds<M> {
    pub(in crate::groups) const fn new(table: Table) -> Self {
        Self {
            table,
            machine: PhantomData,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is one with this peer.
    pub fn contains_peer(&self, peer_id: &PeerId) -> bool {
        self.table.contains(peer_id)
    }

    /// Those there are now, by the ids of their peers.
    pub fn iter(&self) -> impl Iterator<Item = Bond<M>> + use<M> {
        self.table.all().into_iter().map(Bond::new)
    }

    /// Until one comes or goes, from the call on.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<M> {
        self.table.changed_since(self.table.changes_count())
    }

    /// The one with this peer.
    pub fn get(&self, peer_id: &PeerId) -> Option<Bond<M>> {
        self.table.get(peer_id).map(Bond::new)
    }
}

impl<M: StateMachine> Clone for Bonds<M> {
    fn clone(&self) -> Self {
        Self::new(self.table.clone())
    }
}

impl<M: StateMachine> fmt::Debug for Bonds<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// An authenticated session with another member of the group.
pub struct Bond<M: StateMachine> {
    tied: Arc<Tied>,
    machine: PhantomData<fn() -> M>,
}

impl<M: StateMachine> Bond<M> {
    const fn new(tied: Arc<Tied>) -> Self {
        Self {
            tied,
            machine: PhantomData,
        }
    }

    /// Ends the bond with a reason that the peer is told, and waits until it has ended here.
    ///
    /// Two members of one group bond again: leave the group, or let a ticket run out, to end it for good.
    pub async fn close(self, reason: impl CloseReason) {
        let close: ApplicationClose = reason.into();
        self.tied.close(CloseCode::from(&close));
        self.tied.ended().await;
    }

    /// The peer's newest entry.
    pub fn peer(&self) -> SignedPeerEntry {
        self.tied.entry()
    }

    /// Names the bond; equal on both of its ends.
    pub fn id(&self) -> BondId {
        self.tied.id
    }

    /// Whether it has ended.
    pub fn is_terminated(&self) -> bool {
        self.tied.end().is_some()
    }

    /// Until it has ended: why.
    pub fn terminated(
        &self,
    ) -> impl Future<Output = ApplicationClose> + Send + Sync + 'static + use<M> {
        let ended = self.tied.ended();
        async move { ended.await.into() }
    }
}

/// For tests of what a member bears: says what no member would say.
#[cfg(feature = "test-util")]
#[doc(hidden)]
impl<M: StateMachine> Bond<M> {
    /// A note of this kind. Whether it was sent.
    pub fn say(&self, kind: u8, body: Bytes) -> bool {
        self.tied.note(kind, body)
    }

    /// A request of this kind; its head has at most 255 bytes. The answer, if there is one within a second.
    pub fn ask(
        &self,
        kind: u8,
        head: Bytes,
        body: Bytes,
    ) -> impl Future<Output = Option<Bytes>> + Send + 'static + use<M> {
        let limit = core::time::Duration::from_secs(1);
        let asked = self.tied.call(Lane::Append, kind, (head, body), limit);
        async move { asked.await.ok() }
    }
}

impl<M: StateMachine> Clone for Bond<M> {
    fn clone(&self) -> Self {
        Self::new(self.tied.clone())
    }
}

impl<M: StateMachine> fmt::Debug for Bond<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<M: StateMachine> fmt::Display for Bond<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, peer) = (Short(self.tied.id), self.tied.peer.fmt_short());
        write!(f, "Bond(id={id}, peer={peer})")
    }
}
