//! What all tasks of a member share.

use std::{
    future::{self, Future},
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::{
    groups::{GroupConfig, GroupEvent, Index, Role, Status, Term, bonds::Table, view::Views},
    primitives::PeerId,
    runtime::Shutdown,
};

/// What all tasks of a member share.
pub(in crate::groups) struct Core {
    config: GroupConfig,
    local: PeerId,
    views: Views,
    bonds: Table,
    events: broadcast::Sender<GroupEvent>,
    leaving: Shutdown,
}

/// Commands that were applied here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) struct Applied {
    pub(in crate::groups) first: Index,
    pub(in crate::groups) last: Index,
    pub(in crate::groups) term: Term,
    pub(in crate::groups) responses: Vec<Bytes>,
}

/// Why commands were not, or why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) enum Failure {
    NoCommands,
    Offline,
    NoQuorum,
    Unknown,
    Terminated,
    Failed(String),
    TooLarge {
        bytes: usize,
        limit: usize,
    },
    QueueFull {
        waiting: usize,
        waiting_bytes: usize,
    },
}

impl Core {
    pub(in crate::groups) fn new(config: GroupConfig, local: PeerId) -> Arc<Self> {
        Arc::new(Self {
            config,
            local,
            views: Views::default(),
            bonds: Table::default(),
            events: broadcast::Sender::new(EVENTS_BACKLOG),
            leaving: Shutdown::new(),
        })
    }

    pub(in crate::groups) const fn config(&self) -> &GroupConfig {
        &self.config
    }

    pub(in crate::groups) const fn local_id(&self) -> PeerId {
        self.local
    }

    pub(in crate::groups) const fn views(&self) -> &Views {
        &self.views
    }

    pub(in crate::groups) const fn bonds(&self) -> &Table {
        &self.bonds
    }

    pub(in crate::groups) fn events(&self) -> broadcast::Receiver<GroupEvent> {
        self.events.subscribe()
    }

    /// Starts leaving the group.
    pub(in crate::groups) fn leave(&self) {
        self.leaving.cancel();
    }

    /// Why this member has stopped for good, if it has.
    pub(in crate::groups) fn failure(&self) -> Option<String> {
        None
    }

    /// Takes encoded commands, in the order of calls.
    pub(in crate::groups) fn submit(
        &self,
        commands: &[Bytes],
    ) -> impl Future<Output = Result<Applied, Failure>> + Send + Sync + 'static + use<> {
        let failure = if commands.is_empty() {
            Failure::NoCommands
        } else if self.leaving.is_cancelled() {
            Failure::Terminated
        } else {
            Failure::Offline
        };
        future::ready(Err(failure))
    }

    /// Until everything is applied here that was acknowledged to anybody before the call.
    pub(in crate::groups) fn barrier(
        &self,
    ) -> impl Future<Output = Result<(), Failure>> + Send + Sync + 'static + use<> {
        future::ready(Err(Failure::Offline))
    }

    pub(in crate::groups) fn status(&self) -> Status {
        self.views.read(|view| Status {
            formation: self.config.formation().clone(),
            lineage: None,
            role: Role::Forming,
            leader: view.leader,
            term: view.log.value.term(),
            committed: view.committed.value,
            log: view.log.value,
            voters: Vec::new(),
            learners: Vec::new(),
            quorum_margin: None,
            bonds_count: self.bonds.len(),
            is_online: view.is_online,
            why_offline: Some("no history has been found or founded yet".to_owned()),
        })
    }
}

/// Events that a slow listener may be behind.
const EVENTS_BACKLOG: usize = 256;
