//! What readers see: the state as of one version.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::Version;
use super::history::History;
use super::metrics::Figures;
use super::structure::Structure;
use crate::groups::Index;
use crate::primitives::Digest;
use crate::runtime::Observable;

/// A collection as it was at one version, which never changes.
///
/// It has the reads of its collection. Clones are cheap, and so is keeping one: it shares with later versions what
/// did not change.
#[derive(Clone)]
pub struct Snapshot<S>(Arc<View<S>>);

struct View<S> {
    version: Version,
    state: S,
}

impl<S> Snapshot<S> {
    pub(super) fn new(version: Index, state: S) -> Self {
        Self(Arc::new(View {
            version: Version(version),
            state,
        }))
    }

    pub(super) fn state(&self) -> &S {
        &self.0.state
    }

    /// The version that it shows.
    pub fn version(&self) -> Version {
        self.0.version
    }
}

impl<S: Structure> Snapshot<S> {
    /// A digest of everything in it: replicas at equal versions have equal digests. Takes time with the length.
    pub fn state_digest(&self) -> Digest {
        super::digest::of(self.state())
    }
}

impl<S: Structure> core::fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Snapshot")
            .field("kind", &S::KIND)
            .field("version", &self.0.version)
            .field("len", &self.state().count())
            .finish()
    }
}

/// A version, and how often it was published.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Published {
    pub(super) version: Index,
    pub(super) count: u64,
}

/// What the replica of a node shows to all its handles.
pub(super) struct Shared<S: Structure> {
    latest: RwLock<Snapshot<S>>,
    pub(super) published: Observable<Published>,
    pub(super) history: Observable<History<S::Change>>,
    /// Known a moment after the replica has begun.
    pub(super) figures: OnceLock<Figures>,
}

impl<S: Structure> Shared<S> {
    pub(super) fn new(history_changes_max: usize) -> Self {
        Self {
            latest: RwLock::new(Snapshot::new(Index(0), S::default())),
            published: Observable::default(),
            history: Observable::new(History::new(history_changes_max)),
            figures: OnceLock::new(),
        }
    }

    /// The state as it is. A lock for the time of copying a pointer.
    pub(super) fn latest(&self) -> Snapshot<S> {
        self.latest
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Shows a state, and then tells who waits. `changes` led to it; `None` if they are not known.
    pub(super) fn publish(
        &self,
        version: Index,
        state: S,
        changes: Option<Vec<(Index, S::Change)>>,
    ) {
        let mut next = Snapshot::new(version, state);
        core::mem::swap(
            &mut *self.latest.write().unwrap_or_else(PoisonError::into_inner),
            &mut next,
        );
        // Outside of the lock: this may be the last handle on a large state.
        drop(next);
        self.history.update(|history| {
            let was_on = history.is_on();
            history.publish(version, changes);
            was_on
        });
        self.published.update(|published| {
            *published = Published {
                version,
                count: published.count + 1,
            };
            true
        });
    }
}
