//! The state machine of a member with all that belongs to its state, shared by who changes it and who asks it.

use std::sync::{PoisonError, RwLock};

use super::{
    Cursor, QueryResultAt, StateMachine,
    identity::Lineage,
    session::{SessionTable, StateDigest},
};

/// A state machine and its ledger. Queries wait for one batch of commands at most.
pub(in crate::groups) struct MachineCell<M>(RwLock<Held<M>>);

/// What the lock protects.
pub(in crate::groups) struct Held<M> {
    pub(in crate::groups) machine: M,
    pub(in crate::groups) ledger: Ledger,
}

/// What is replicated beside the machine itself.
#[derive(Debug, Default)]
pub(in crate::groups) struct Ledger {
    /// The history that all of this comes from.
    pub(in crate::groups) lineage: Option<Lineage>,
    /// The last log entry that is in the state.
    pub(in crate::groups) log_index: Option<u64>,
    /// The last command that is in the state.
    pub(in crate::groups) position: Cursor,
    /// The latest of the leaders' times.
    pub(in crate::groups) utc_ms: u64,
    /// Of all batches and answers so far.
    pub(in crate::groups) digest: StateDigest,
    /// Which commands of whom are in the state.
    pub(in crate::groups) sessions: SessionTable,
    /// The history that this one gave way to, while it was empty.
    pub(in crate::groups) sealed: Option<Lineage>,
}

impl<M: StateMachine> MachineCell<M> {
    pub(in crate::groups) fn new(machine: M) -> Self {
        Self(RwLock::new(Held {
            machine,
            ledger: Ledger::default(),
        }))
    }

    /// The answer of the state as it is.
    pub(in crate::groups) fn query(&self, query: M::Query) -> QueryResultAt<M> {
        self.read(|held| QueryResultAt {
            result: held.machine.query(query),
            at_position: held.ledger.position.index(),
        })
    }

    pub(in crate::groups) fn read<R>(&self, look: impl FnOnce(&Held<M>) -> R) -> R {
        // A machine that panicked is not asked any more by those who check, and does no harm to others.
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(in crate::groups) fn write<R>(&self, change: impl FnOnce(&mut Held<M>) -> R) -> R {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
