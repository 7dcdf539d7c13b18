//! Joining a group, setting by setting.

use std::sync::Arc;

use super::{
    ConsensusConfig, Formation, Group, GroupConfig, GroupKey, Groups, InMemoryLogStore, NoOp,
    StateMachine, StateSync, Storage,
};
use crate::tickets::TicketValidator;

/// Gathers what a group is joined with. Made by [`Groups::with_key`].
#[must_use = "a builder does nothing until `join`"]
pub struct GroupBuilder<'g, S = (), M = ()> {
    groups: &'g Groups,
    key: GroupKey,
    consensus: ConsensusConfig,
    auth: Vec<Arc<dyn TicketValidator>>,
    formation: Formation,
    storage: S,
    machine: M,
}

impl<'g> GroupBuilder<'g, (), ()> {
    pub(in crate::groups) fn new(groups: &'g Groups, key: GroupKey) -> Self {
        Self {
            groups,
            key,
            consensus: ConsensusConfig::default(),
            auth: Vec::new(),
            formation: Formation::default(),
            storage: (),
            machine: (),
        }
    }

    /// The data that the members replicate.
    pub fn with_state_machine<SM: StateMachine>(
        self,
        state_machine: SM,
    ) -> GroupBuilder<'g, InMemoryLogStore<SM::Command>, SM> {
        self.with_parts(InMemoryLogStore::default(), state_machine)
    }

    /// Joins a group that replicates nothing and only elects a leader.
    pub fn join(self) -> Group<NoOp> {
        self.with_state_machine(NoOp).join()
    }
}

impl<'g, M: StateMachine> GroupBuilder<'g, InMemoryLogStore<M::Command>, M> {
    /// Where the log is kept.
    pub fn with_log_storage<S: Storage<M::Command>>(self, storage: S) -> GroupBuilder<'g, S, M> {
        let (builder, machine) = self.take_machine();
        builder.with_parts(storage, machine)
    }

    fn take_machine(self) -> (GroupBuilder<'g, (), ()>, M) {
        let builder = GroupBuilder {
            groups: self.groups,
            key: self.key,
            consensus: self.consensus,
            auth: self.auth,
            formation: self.formation,
            storage: (),
            machine: (),
        };
        (builder, self.machine)
    }
}

impl<'g, S, M> GroupBuilder<'g, S, M> {
    /// How fast the members notice, elect and give up. What could not work is moved to where it does.
    pub const fn with_consensus_config(mut self, consensus: ConsensusConfig) -> Self {
        self.consensus = consensus;
        self
    }

    /// Who founds the history of the group. Default: [`Formation::Auto`].
    pub fn with_formation(mut self, formation: Formation) -> Self {
        self.formation = formation;
        self
    }

    /// Lets only peers in that have a ticket which this validator accepts. Repeatable: all must accept.
    ///
    /// The validators and their order are part of the group's id.
    pub fn require_ticket(mut self, auth: impl TicketValidator) -> Self {
        self.auth.push(Arc::new(auth));
        self
    }

    fn with_parts<T, SM>(self, storage: T, machine: SM) -> GroupBuilder<'g, T, SM> {
        GroupBuilder {
            groups: self.groups,
            key: self.key,
            consensus: self.consensus,
            auth: self.auth,
            formation: self.formation,
            storage,
            machine,
        }
    }
}

impl<S: Storage<M::Command>, M: StateMachine> GroupBuilder<'_, S, M> {
    /// Joins the group: looks for the other members, and founds its history with them if there is none.
    ///
    /// Returns at once; [`Group::when`] says when there is something to work with, [`Group::status`] why not. If
    /// this node is a member already, the handle is another one on the same member, and the given machine is dropped.
    ///
    /// # Panics
    /// If this node is a member of the same group with another type of machine: their signatures and settings are
    /// equal, and no handle could be right.
    pub fn join(self) -> Group<M> {
        let sync = self.machine.state_sync();
        let config = GroupConfig::new(
            self.key,
            self.consensus,
            self.auth,
            self.formation,
            self.machine.leadership_preference(),
            (self.machine.signature(), sync.signature()),
        )
        .with_label(self.machine.label());
        // Sealed: there is but one kind, which has no state of its own.
        drop(self.storage);
        self.groups.join(config, self.machine, sync.snapshots())
    }
}
