//! The groups of one node.

use std::{
    any::{Any, type_name},
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures::{FutureExt, future::join_all};

use super::{
    Config, Group, GroupBuilder, GroupConfig, GroupId, GroupKey, LeadershipPreference, Snapshots,
    StateMachine, When,
    bonds::{Bonding, group_of},
    cell::MachineCell,
    group::Handle,
    worker::{Appliers, Core, MachineApplier, Making, Member, Surroundings},
};
use crate::{
    discovery::Discovery,
    primitives::NetworkId,
    runtime::{Clock, Rng, Tasks, time},
    transport::{CloseCode, Incoming, Protocol, Transport},
};

/// Replicated state machines, shared with other nodes.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) {
/// // A group that elects a leader among its members, and nothing else.
/// let group = network.groups().with_key("cleaners").join();
/// group.when().is_leader().await;
/// println!("it is my turn to clean");
/// # }
/// ```
pub struct Groups {
    inner: Arc<Inner>,
}

struct Inner {
    parts: GroupsParts,
    /// The groups that this node is in, or is about to have left.
    joined: Mutex<HashMap<GroupId, Joined>>,
}

/// A group that this node is in.
struct Joined {
    handle: Weak<dyn Any + Send + Sync>,
    machine: &'static str,
    core: Arc<Core>,
    /// Gone with the member's tasks.
    bonding: Weak<Bonding>,
}

/// Where [`Groups`] live.
pub(crate) struct GroupsParts {
    pub(crate) config: Config,
    pub(crate) network_id: NetworkId,
    pub(crate) discovery: Discovery,
    pub(crate) transport: Transport,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    pub(crate) rng: Mutex<Rng>,
}

impl Groups {
    /// Starts serving groups.
    pub(crate) fn open(parts: GroupsParts) -> Self {
        let transport = parts.transport.clone();
        let inner = Arc::new(Inner {
            parts,
            joined: Mutex::default(),
        });
        for protocol in [Protocol::BOND, Protocol::SNAPSHOT] {
            // The handler lives in the transport, which these parts own: it must not own them.
            let served = Arc::downgrade(&inner);
            transport.serve(protocol, move |incoming| {
                let bonding = served.upgrade().and_then(|inner| inner.bonding(&incoming));
                async move {
                    match bonding {
                        Some(bonding) if protocol == Protocol::BOND => {
                            bonding.accept(incoming).await
                        }
                        Some(bonding) => bonding.accept_bulk(incoming).await,
                        None => incoming.reject(CloseCode::GROUP_NOT_FOUND, "").await,
                    }
                }
                .boxed()
            });
        }
        Self { inner }
    }

    /// Joins the group whose members share this key, once its other settings are given.
    pub fn with_key(&self, key: impl Into<GroupKey>) -> GroupBuilder<'_> {
        GroupBuilder::new(self, key.into())
    }

    /// Another handle.
    pub(crate) fn share(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }

    /// Leaves every group, and ends all tasks.
    pub(crate) async fn close(&self, deadline: Duration) {
        let members: Vec<Arc<Core>> = {
            let joined = self.inner.joined();
            joined.values().map(|joined| joined.core.clone()).collect()
        };
        let left = members.iter().map(|core| {
            core.leave();
            core.has_left()
        });
        // Who has not left by then is cut off, and missed by the others after a while.
        let _ = time::timeout(deadline, join_all(left)).await;
        self.inner.parts.tasks.close(CLOSE_FLOOR).await;
    }

    pub(in crate::groups) fn join<M: StateMachine>(
        &self,
        config: GroupConfig,
        machine: M,
        snapshots: Option<Snapshots<M>>,
    ) -> Group<M> {
        let id = *config.group_id();
        let mut joined = self.inner.joined();
        if let Some(existing) = joined.get(&id)
            && let Some(handle) = existing.handle.upgrade()
        {
            let other = existing.machine;
            let Ok(handle) = handle.downcast::<Handle<M>>() else {
                drop(joined);
                panic!(
                    "group {id} is joined with machine `{other}` already, and cannot be joined with `{}`: \
                     give one of them another signature or another key",
                    type_name::<M>(),
                );
            };
            if config.preference() != LeadershipPreference::Observer {
                handle.core.promote(config.formation());
            }
            return Group::new(handle);
        }
        let (member, appliers, handle) = self.inner.member(config, machine, snapshots);
        let any: Arc<dyn Any + Send + Sync> = handle.clone();
        let entry = Joined {
            handle: Arc::downgrade(&any),
            machine: type_name::<M>(),
            core: member.core.clone(),
            bonding: Arc::downgrade(&member.bonding),
        };
        // The same node cannot be two members: the former one leaves first.
        let former = joined
            .insert(id, entry)
            .map(|former| former.core.has_left());
        joined.retain(|_, joined| joined.bonding.strong_count() > 0);
        drop(joined);
        member.start(appliers, async move {
            if let Some(former) = former {
                former.await;
            }
        });
        Group::new(handle)
    }
}

impl Inner {
    fn joined(&self) -> MutexGuard<'_, HashMap<GroupId, Joined>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group that a peer dials for.
    fn bonding(&self, incoming: &Incoming) -> Option<Arc<Bonding>> {
        let group = group_of(&incoming.request)?;
        self.joined().get(&group)?.bonding.upgrade()
    }

    fn member<M: StateMachine>(
        &self,
        config: GroupConfig,
        machine: M,
        snapshots: Option<Snapshots<M>>,
    ) -> (Member, Appliers, Arc<Handle<M>>) {
        let parts = &self.parts;
        let rng = {
            let mut rng = parts.rng.lock().unwrap_or_else(PoisonError::into_inner);
            rng.fork("group")
        };
        let local = parts.transport.local_id();
        let ids = (*config.group_id(), parts.network_id);
        let gate = config.gate().clone();
        let making = Making {
            config: Arc::new(config),
            network_id: parts.network_id,
            local,
            clock: parts.clock,
            rng,
            flaws: parts.config.flaws,
        };
        let member = Member::new(
            making,
            Surroundings {
                discovery: parts.discovery.clone(),
                transport: parts.transport.clone(),
                handshake_timeout: parts.config.handshake_timeout,
                gate,
                tasks: parts.tasks.child("group"),
                node_tasks: parts.tasks.clone(),
            },
        );
        let core = member.core.clone();
        let cell = Arc::new(MachineCell::new(machine));
        let handle = Arc::new(Handle {
            when: When::new(core.views().clone(), local),
            cell: cell.clone(),
            core: core.clone(),
        });
        let appliers: Appliers = Box::new(move |lineage| {
            let applier = MachineApplier::new(cell.clone(), snapshots, core.clone(), ids, lineage)?;
            Ok(Box::new(applier))
        });
        (member, appliers, handle)
    }
}

/// Tasks get this long to end when everything has been left, or when the time is over.
const CLOSE_FLOOR: Duration = Duration::from_millis(50);
