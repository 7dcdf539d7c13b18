//! The producers of this node, by stream.

use {
    super::{directory::Directory, producer::Core},
    crate::{primitives::StreamId, transport::Transport},
    std::{
        any::{Any, TypeId},
        collections::BTreeMap,
        sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    },
    tokio::sync::watch,
};

/// What producers and consumers reach besides each other.
pub(crate) struct Surroundings {
    pub(crate) directory: Arc<dyn Directory>,
    /// Absent in tests of one node.
    pub(crate) transport: Option<Transport>,
    pub(crate) registry: Registry,
}

/// The producers of this node. A stream has at most one.
pub(crate) struct Registry {
    producers: Mutex<BTreeMap<StreamId, Registered>>,
    changes: watch::Sender<u64>,
}

#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) core: Arc<Core>,
    /// The type of its datums.
    pub(crate) datum: TypeId,
    pub(crate) datum_name: &'static str,
    /// What its handles own; it ends with the last of them.
    pub(crate) owner: Weak<dyn Any + Send + Sync>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            producers: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// Counts the producers that come and go.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn find(&self, stream: &StreamId) -> Option<Arc<Core>> {
        let producers = self.producers();
        let registered = producers.get(stream)?;
        // One whose handles are gone is about to leave.
        (registered.owner.strong_count() > 0).then(|| registered.core.clone())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Core>> {
        self.producers()
            .values()
            .map(|registered| registered.core.clone())
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.producers().len()
    }

    /// The producer of the stream if its handles live, or the new one that `open` makes.
    pub(crate) fn find_or_insert(
        &self,
        stream: StreamId,
        open: impl FnOnce() -> Registered,
    ) -> Result<(), Registered> {
        let mut producers = self.producers();
        if let Some(registered) = producers.get(&stream)
            && registered.owner.strong_count() > 0
        {
            return Err(registered.clone());
        }
        producers.insert(stream, open());
        drop(producers);
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Takes the producer out, unless another has taken its place; whether it did.
    pub(crate) fn remove(&self, stream: &StreamId, incarnation: u64) -> bool {
        let mut producers = self.producers();
        let is_same = producers
            .get(stream)
            .is_some_and(|registered| registered.core.incarnation == incarnation);
        if is_same {
            producers.remove(stream);
        }
        drop(producers);
        self.changes.send_modify(|count| *count += 1);
        is_same
    }

    fn producers(&self) -> MutexGuard<'_, BTreeMap<StreamId, Registered>> {
        self.producers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
