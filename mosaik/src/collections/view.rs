//! What readers see: the state as of one version.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

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
///
/// Commands change the state in place, and a read looks at it in place, so that neither copies anything: what a snapshot
/// shares is copied before it changes, and nothing else is. A read that comes while a command is applied waits for the
/// end of it; beside a command that may take long, it looks at the state before.
pub(super) struct Shared<S: Structure> {
    live: RwLock<Live<S>>,
    /// The state before the long command that is being applied.
    before: RwLock<Option<Snapshot<S>>>,
    pub(super) published: Observable<Published>,
    pub(super) history: Observable<History<S::Change>>,
    /// Known a moment after the replica has begun.
    pub(super) figures: OnceLock<Figures>,
}

/// The state after the last command.
struct Live<S> {
    version: Index,
    state: S,
}

impl<S: Structure> Shared<S> {
    pub(super) fn new(history_changes_max: usize) -> Self {
        Self {
            live: RwLock::new(Live {
                version: Index(0),
                state: S::default(),
            }),
            before: RwLock::default(),
            published: Observable::default(),
            history: Observable::new(History::new(history_changes_max)),
            figures: OnceLock::new(),
        }
    }

    /// Looks at the state as it is. A command waits as long as that takes.
    pub(super) fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.look(|_, state| look(state))
    }

    /// The state as it is, kept.
    pub(super) fn latest(&self) -> Snapshot<S> {
        self.look(|version, state| Snapshot::new(version, state.clone()))
    }

    fn look<R>(&self, look: impl FnOnce(Index, &S) -> R) -> R {
        if let Ok(live) = self.live.try_read() {
            return look(live.version, &live.state);
        }
        self.look_beside(look)
    }

    /// Looks at the state while a command is applied, or after one has failed.
    #[cold]
    fn look_beside<R>(&self, look: impl FnOnce(Index, &S) -> R) -> R {
        for _ in 0..LOOKS_BESIDE_MAX {
            let before = self.before.read();
            let before = before.unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(before) = before {
                return look(before.version().0, before.state());
            }
            if let Ok(live) = self.live.try_read() {
                return look(live.version, &live.state);
            }
            core::hint::spin_loop();
        }
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        look(live.version, &live.state)
    }

    /// Applies a command, which is the only one at this time. `is_long` says that nobody should wait for it.
    pub(super) fn change<R>(
        &self,
        version: Index,
        is_long: bool,
        change: impl FnOnce(&mut S) -> R,
    ) -> R {
        if is_long {
            let before = self.latest();
            *write(&self.before) = Some(before);
        }
        let outcome = {
            let mut live = write(&self.live);
            live.version = version;
            change(&mut live.state)
        };
        if is_long {
            // Dropped outside of the lock: this may be the last handle on much of the old state.
            let before = write(&self.before).take();
            drop(before);
        }
        outcome
    }

    /// Tells who waits that the state has this version. `changes` led to it; `None` if they are not known.
    pub(super) fn publish(&self, version: Index, changes: Option<Vec<(Index, S::Change)>>) {
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

/// A command that panics ends the replica, which goes on to show what there is.
fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Looks of a reader at a state that is being changed, before it sleeps until it may: a command takes less than a
/// microsecond, sleeping and waking some ten.
const LOOKS_BESIDE_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;
    use crate::collections::elements::Elements;

    type Row = Shared<Elements<u64>>;

    fn len(shared: &Row) -> usize {
        shared.read(|state| state.0.len())
    }

    #[test]
    fn beside_a_long_command_is_the_state_before() {
        let shared = Row::new(0);
        shared.change(Index(1), false, |state| state.0.push_back(1));
        shared.change(Index(2), true, |state| {
            state.0.push_back(2);
            let look = || (len(&shared), *shared.latest().version());
            let beside = thread::scope(|scope| scope.spawn(look).join().unwrap());
            assert_eq!(beside, (1, Index(1)));
        });
        assert_eq!((len(&shared), *shared.latest().version()), (2, Index(2)));
    }

    #[test]
    fn a_read_waits_for_a_short_command() {
        let shared = Row::new(0);
        thread::scope(|scope| {
            let reader = shared.change(Index(1), false, |state| {
                let reader = scope.spawn(|| len(&shared));
                state.0.push_back(1);
                reader
            });
            assert_eq!(reader.join().unwrap(), 1);
        });
    }

    /// Every command adds two values: nobody ever sees an odd number of them, or fewer than before.
    #[test]
    fn whole_commands_are_seen_and_in_order() {
        const COMMANDS: u64 = 20_000;
        let shared = Row::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut before = 0;
                    while before < 2 * COMMANDS as usize {
                        let now = len(&shared);
                        assert!(
                            now >= before && now.is_multiple_of(2),
                            "{now} after {before}"
                        );
                        before = now;
                        let kept = shared.latest();
                        let Index(version) = *kept.version();
                        assert_eq!(kept.state().0.len() as u64, 2 * version);
                    }
                });
            }
            for number in 1..=COMMANDS {
                shared.change(Index(number), number.is_multiple_of(5), |state| {
                    state.0.push_back(number);
                    state.0.push_back(number);
                });
            }
        });
    }

    #[test]
    fn a_snapshot_stays_as_it_is() {
        let shared = Row::new(0);
        shared.change(Index(1), false, |state| state.0.push_back(1));
        let snapshot = shared.latest();
        shared.change(Index(2), false, |state| state.0.clear());
        assert_eq!((snapshot.state().0.len(), len(&shared)), (1, 0));
    }

    #[test]
    fn nothing_is_seen_of_a_long_command_that_panics() {
        let shared = Row::new(0);
        let panics = AssertUnwindSafe(|| {
            shared.change(Index(1), true, |state| {
                state.0.push_back(1);
                panic!("as it should");
            })
        });
        assert!(catch_unwind(panics).is_err());
        assert_eq!((len(&shared), *shared.latest().version()), (0, Index(0)));
    }
}
