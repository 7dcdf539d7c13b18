//! One replica of a group: a handle on one openraft instance.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use openraft::ReadPolicy;
use openraft::errors::{self, ForwardReason, LinearizableReadError, RaftError};
use tokio::sync::watch;

use super::applier::Applier;
use super::carrier::Carrier;
use super::config::{Limits, ReplicaConfig, Timings};
use super::error::{InitializeError, ReadError, StartError};
use super::health::{Fatal, Health};
use super::incoming::Incoming;
use super::log::MemoryLog;
use super::machine::Machine;
use super::network::Lines;
use super::outgoing::Transfers;
use super::runtime;
use super::source::Sources;
use super::supervise;
use super::types::{Raft, Types};
use super::view::ReplicaView;
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::Refusals;
use crate::runtime::time::{Duration, Instant};
use crate::runtime::{Clock, Tasks};

/// A handle on one replica. Clones are one replica; it ends with [`shutdown`](Replica::shutdown),
/// or when the last handle is dropped.
#[derive(Clone)]
pub(in crate::groups) struct Replica(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) id: ReplicaId,
    pub(super) raft: Raft,
    pub(super) log: MemoryLog,
    pub(super) health: Health,
    pub(super) timings: Timings,
    pub(super) limits: Limits,
    pub(super) carrier: Arc<dyn Carrier>,
    /// The snapshot that this replica is to have.
    pub(super) incoming: watch::Sender<Incoming>,
    /// Those that others read here.
    pub(super) sources: Sources,
    pub(super) transfers: Transfers,
    pub(super) is_guarded: bool,
    pub(super) refusals: Arc<Refusals>,
    /// When this replica began, and milliseconds from then until it last heard a leader that it may follow.
    began: Instant,
    leader_heard_ms: AtomicU64,
    /// For what must not end with the request that began it.
    pub(super) tasks: Tasks,
    /// One change of members at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
    pub(super) view: watch::Receiver<ReplicaView>,
    /// How many entries are applied.
    progress: watch::Receiver<u64>,
}

impl Inner {
    /// A leader that this replica may follow has said something.
    pub(super) fn hear_leader(&self) {
        let ms = Clock::system().now().saturating_duration_since(self.began);
        let ms = u64::try_from(ms.as_millis()).unwrap_or(u64::MAX);
        self.leader_heard_ms.store(ms, Ordering::Relaxed);
    }

    pub(super) fn leader_heard(&self) -> Instant {
        self.began + Duration::from_millis(self.leader_heard_ms.load(Ordering::Relaxed))
    }
}

impl Replica {
    /// Starts a blank replica. It does nothing until it [founds](Replica::initialize) a group or
    /// a leader finds it.
    ///
    /// # Errors
    /// openraft does not start.
    pub(in crate::groups) async fn start(
        config: ReplicaConfig,
        applier: Box<dyn Applier>,
        carrier: Arc<dyn Carrier>,
    ) -> Result<Self, StartError> {
        let settings = config.timings.settings(&config.name)?;
        let health = Health::new();
        let log = MemoryLog::new(config.limits.frame_bytes);
        let compacts = applier.snapshots();
        let machine = Machine::new(applier, health.clone());
        let progress = machine.progress();
        let answers_within = config.timings.answers_within();
        let transfers = Transfers::new(config.limits.snapshots_outgoing, config.seed);
        let lines = Lines {
            id: config.id,
            carrier: carrier.clone(),
            append_deadline: config.timings.append_deadline(),
            answers_within,
            append_window: config.limits.append_window,
            refusals: config.refusals.clone(),
            transfers: transfers.clone(),
        };
        let raft = Raft::new(config.id, Arc::new(settings), lines, log.clone(), machine);
        let raft = runtime::seeded(config.seed, config.id, answers_within, raft)
            .await
            .map_err(|fatal| StartError::Fatal(stopped(&health, &fatal)))?;
        let (view, watching) = supervise::view(&raft, &health);
        transfers.watch(watching.clone());
        let inner = Arc::new(Inner {
            id: config.id,
            raft,
            log,
            health,
            timings: config.timings,
            limits: config.limits,
            carrier,
            incoming: watch::Sender::default(),
            sources: Sources::default(),
            transfers,
            is_guarded: config.is_guarded,
            refusals: config.refusals,
            began: Clock::system().now(),
            leader_heard_ms: AtomicU64::new(0),
            tasks: config.tasks.clone(),
            changing: tokio::sync::Mutex::default(),
            view: watching,
            progress,
        });
        let limits = compacts.then_some(config.limits);
        let watch = supervise::run(Arc::downgrade(&inner), view, limits);
        config.tasks.spawn("consensus", watch);
        Ok(Self(inner))
    }

    /// Founds a group of these voters. Every founder may call it, with the same set.
    ///
    /// # Errors
    /// This replica is not blank, not among the founders, or has stopped.
    pub(in crate::groups) async fn initialize(
        &self,
        founders: &BTreeSet<ReplicaId>,
    ) -> Result<(), InitializeError> {
        match self.0.raft.initialize(founders.clone()).await {
            Ok(()) => Ok(()),
            Err(RaftError::APIError(errors::InitializeError::NotAllowed(_))) => {
                Err(InitializeError::NotBlank)
            }
            Err(RaftError::APIError(errors::InitializeError::NotInMembers(_))) => {
                Err(InitializeError::NotFounder)
            }
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(&fatal).into()),
        }
    }

    /// An index such that a state that has [applied](Replica::wait_applied) it, on any replica,
    /// has everything that was acknowledged before this call. Calls at the same time share a round.
    ///
    /// # Errors
    /// This replica does not lead, or a quorum does not confirm that it does.
    pub(in crate::groups) async fn read_index(&self) -> Result<u64, ReadError> {
        match self.0.raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(match forward.reason {
                    ForwardReason::LeaseExpired => ReadError::NoQuorum,
                    _ => ReadError::NotLeader {
                        leader: forward.leader_id,
                    },
                })
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
                Err(ReadError::NoQuorum)
            }
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(&fatal).into()),
        }
    }

    /// Waits until the entry at `log_index` is in the state of this replica.
    ///
    /// # Errors
    /// The replica stopped before.
    pub(in crate::groups) async fn wait_applied(&self, log_index: u64) -> Result<(), Fatal> {
        let mut progress = self.0.progress.clone();
        let applied = progress
            .wait_for(|count| *count > log_index)
            .map(|result| result.is_ok());
        tokio::select! {
            biased;
            true = applied => Ok(()),
            reason = self.0.health.failed() => Err(reason),
        }
    }

    /// What it knows of itself, a millisecond late at most.
    pub(in crate::groups) fn watch(&self) -> watch::Receiver<ReplicaView> {
        self.0.view.clone()
    }

    /// A bond with this replica came (back): what waits to be sent to it is sent.
    pub(in crate::groups) async fn peer_back(&self, peer: ReplicaId) {
        // A replica that has stopped sends nothing.
        self.0.raft.trigger().reset_backoff([peer]).await.ok();
    }

    /// Ends it. Everything that waits resolves with [`Fatal::Stopped`].
    pub(in crate::groups) async fn shutdown(&self) {
        self.0.health.fail(Fatal::Stopped);
        if let Err(error) = self.0.raft.shutdown().await {
            tracing::warn!(replica = %self.0.id, %error, "consensus did not end well");
        }
        self.incoming(Incoming::clear);
        self.0.sources.clear();
    }

    pub(super) fn stopped(&self, fatal: &errors::Fatal<Types>) -> Fatal {
        stopped(&self.0.health, fatal)
    }
}

/// Why the replica stopped: what is known already, or else what openraft says.
pub(super) fn stopped(health: &Health, fatal: &errors::Fatal<Types>) -> Fatal {
    health.reason().unwrap_or_else(|| match fatal {
        errors::Fatal::Stopped => Fatal::Stopped,
        failed => Fatal::Failed {
            text: failed.to_string(),
        },
    })
}
