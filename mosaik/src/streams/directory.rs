//! What streams need to know of other peers: the seam to discovery.

use {
    crate::{
        discovery::{Discovery, LocalChange},
        primitives::{PeerEntry, PeerId, StreamId},
    },
    futures::{
        FutureExt, StreamExt,
        future::BoxFuture,
        stream::{self, BoxStream},
    },
};

/// The catalog, as streams use it.
pub(crate) trait Directory: Send + Sync + 'static {
    fn local_id(&self) -> PeerId;

    /// This node's entry.
    fn me(&self) -> PeerEntry;

    /// The entry of a peer or of this node, if it is fresh.
    fn peer(&self, id: &PeerId) -> Option<PeerEntry>;

    /// The other peers that advertise the stream.
    fn producers(&self, stream: &StreamId) -> Vec<PeerEntry>;

    /// An item whenever any entry changed.
    fn changes(&self) -> BoxStream<'static, ()>;

    /// Puts a stream into this node's entry; why not, in words.
    fn advertise(&self, stream: StreamId) -> Result<(), String>;

    /// Takes a stream out of this node's entry.
    fn retract(&self, stream: StreamId);

    /// Exchanges catalogs with a peer; whether that worked.
    fn sync_with(&self, peer: PeerId) -> BoxFuture<'static, bool>;
}

impl Directory for Discovery {
    fn local_id(&self) -> PeerId {
        *self.me().id()
    }

    fn me(&self) -> PeerEntry {
        self.me().into_unsigned()
    }

    fn peer(&self, id: &PeerId) -> Option<PeerEntry> {
        self.catalog().get(id).cloned()
    }

    fn producers(&self, stream: &StreamId) -> Vec<PeerEntry> {
        let catalog = self.catalog();
        let producers = catalog
            .peers()
            .filter(|peer| peer.streams().contains(stream));
        producers.cloned().collect()
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        let mut catalog = self.catalog_watch();
        catalog.mark_unchanged();
        stream::unfold(catalog, |mut catalog| async {
            catalog.changed().await.ok()?;
            Some(((), catalog))
        })
        .boxed()
    }

    fn advertise(&self, stream: StreamId) -> Result<(), String> {
        match self.update_local(|me| me.add_streams(stream)) {
            LocalChange::Refused(error) => Err(error.to_string()),
            LocalChange::Changed | LocalChange::Unchanged => Ok(()),
        }
    }

    fn retract(&self, stream: StreamId) {
        // Refusals are logged there; an entry that loses something is never over a limit.
        self.update_local(|me| me.remove_streams(stream));
    }

    fn sync_with(&self, peer: PeerId) -> BoxFuture<'static, bool> {
        let sync = Self::sync_with(self, peer);
        async move { sync.await.is_ok() }.boxed()
    }
}
