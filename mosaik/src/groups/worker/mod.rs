//! The member behind a handle: everything that does not depend on the type of the machine, but `applier`.
//!
//! `driver` takes a member into a history and out of the group again, with `follow` and `leave` for what it does in between
//! and at the end. `sender` brings this node's commands to the leader, `client` knows which are on their way. `reader`
//! serves strong queries. `traffic` is what members say to each other over bonds. `core` is what all of these share.
//!
//! *Invariant:* nothing reaches the consensus that the fence has not accepted.

mod core;
pub(in crate::groups) use core::{Core, Making, Submitted};

mod client;
pub(in crate::groups) use client::{Applied, Failure};

mod applier;
pub(in crate::groups) use applier::MachineApplier;

mod driver;
pub(in crate::groups) use driver::Appliers;
use driver::{Driver, Input, Parts};

mod batch;
mod digest;
mod follow;
mod leave;
mod meter;
mod reader;
mod report;
mod sender;
mod settings;
mod settle;
mod traffic;
mod wire;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::mpsc;

use super::{bonds::Bonding, identity::ReplicaId};
use crate::{discovery::Discovery, runtime::Tasks, tickets::Gate, transport::Transport};

/// Where a member lives.
pub(in crate::groups) struct Surroundings {
    pub(in crate::groups) discovery: Discovery,
    pub(in crate::groups) transport: Transport,
    pub(in crate::groups) handshake_timeout: Duration,
    pub(in crate::groups) gate: Arc<Gate>,
    /// Of this member alone.
    pub(in crate::groups) tasks: Tasks,
    /// Outlives the member.
    pub(in crate::groups) node_tasks: Tasks,
}

/// A member that is about to start, and what it was made with.
pub(in crate::groups) struct Member {
    pub(in crate::groups) core: Arc<Core>,
    pub(in crate::groups) bonding: Arc<Bonding>,
    me: ReplicaId,
    inputs: mpsc::Receiver<Input>,
    surroundings: Surroundings,
}

impl Member {
    /// A member whose tasks do not run yet.
    pub(in crate::groups) fn new(mut making: Making, surroundings: Surroundings) -> Self {
        let me = ReplicaId::of(&making.local, making.rng.next_u64());
        let rng = making.rng.fork("bonds");
        let (sender, inputs) = mpsc::channel(INPUTS_MAX);
        let core = Core::new(making, me, sender);
        let bonding = Arc::new(Bonding {
            config: core.config.clone(),
            gate: surroundings.gate.clone(),
            local: core.local,
            table: core.bonds().clone(),
            member: core.clone(),
            discovery: surroundings.discovery.clone(),
            transport: surroundings.transport.clone(),
            handshake_timeout: surroundings.handshake_timeout,
            tasks: surroundings.tasks.clone(),
            clock: core.clock,
            rng: Mutex::new(rng),
            dialling: Mutex::default(),
        });
        Self {
            core,
            bonding,
            me,
            inputs,
            surroundings,
        }
    }

    /// Runs the member once `first` is over, until it has left.
    pub(in crate::groups) fn start(
        self,
        appliers: Appliers,
        first: impl Future<Output = ()> + Send + 'static,
    ) {
        let Self {
            core,
            bonding,
            me,
            inputs,
            surroundings,
        } = self;
        let Surroundings {
            discovery,
            tasks,
            node_tasks,
            ..
        } = surroundings;
        let parts = Parts {
            core: core.clone(),
            me,
            appliers,
            discovery,
            tasks: tasks.clone(),
            inputs,
        };
        let closing = tasks.shutdown().cancelled();
        node_tasks.spawn("member", async move {
            first.await;
            tasks.spawn("bonds", bonding.run());
            tasks.spawn("sender", sender::run(core.clone()));
            tasks.spawn("reader", reader::run(core.clone()));
            let driven = Driver::run(parts);
            let abandoned = async {
                closing.await;
                core.leave();
            };
            tokio::select! {
                () = driven => {}
                () = async { abandoned.await; std::future::pending().await } => {}
            }
            core.leave();
            core.fail_all(&Failure::Terminated);
            tasks.close(TASKS_END_WITHIN).await;
            core.left.cancel();
        });
    }
}

/// Messages about founding that may wait for the driver; more are dropped, and said again.
const INPUTS_MAX: usize = 1024;

/// All tasks of a member only wait for something.
const TASKS_END_WITHIN: Duration = Duration::from_millis(200);
