//! The state machine of a member, shared by who changes it and who asks it.

use std::sync::{PoisonError, RwLock};

use super::{Cursor, QueryResultAt, StateMachine};

/// A state machine and its position. Queries wait for one batch of commands at most.
pub(in crate::groups) struct MachineCell<M>(RwLock<Held<M>>);

/// What the lock protects.
pub(in crate::groups) struct Held<M> {
    pub(in crate::groups) machine: M,
    /// The last command that it has applied.
    pub(in crate::groups) position: Cursor,
}

impl<M: StateMachine> MachineCell<M> {
    pub(in crate::groups) const fn new(machine: M) -> Self {
        Self(RwLock::new(Held {
            machine,
            position: Cursor::zero(),
        }))
    }

    /// The answer of the state as it is.
    pub(in crate::groups) fn query(&self, query: M::Query) -> QueryResultAt<M> {
        self.read(|held| QueryResultAt {
            result: held.machine.query(query),
            at_position: held.position.index(),
        })
    }

    pub(in crate::groups) fn read<R>(&self, look: impl FnOnce(&Held<M>) -> R) -> R {
        // A machine that panicked is not asked any more by those who check, and does no harm to others.
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
