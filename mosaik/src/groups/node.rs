//! The groups of one node.

use std::{
    any::{Any, type_name},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use super::{
    Config, Group, GroupBuilder, GroupConfig, GroupId, GroupKey, Snapshots, StateMachine, When,
    cell::MachineCell, group::Handle, worker::Core,
};
use crate::{
    discovery::Discovery,
    primitives::NetworkId,
    runtime::{Clock, Rng, Tasks},
    transport::Transport,
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
    /// The handles that are in use, by group.
    joined: Mutex<HashMap<GroupId, Joined>>,
}

/// A group that this node is in.
struct Joined {
    handle: Weak<dyn Any + Send + Sync>,
    machine: &'static str,
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
        Self {
            inner: Arc::new(Inner {
                parts,
                joined: Mutex::default(),
            }),
        }
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
        self.inner.parts.tasks.close(deadline).await;
    }

    pub(in crate::groups) fn join<M: StateMachine>(
        &self,
        config: GroupConfig,
        machine: M,
        _snapshots: Option<Snapshots<M>>,
    ) -> Group<M> {
        let id = *config.group_id();
        let mut joined = self
            .inner
            .joined
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(existing) = joined.get(&id)
            && let Some(handle) = existing.handle.upgrade()
        {
            let other = existing.machine;
            return match handle.downcast::<Handle<M>>() {
                Ok(handle) => Group::new(handle),
                Err(_) => panic!(
                    "group {id} is joined with machine `{other}` already, and cannot be joined with `{}`: \
                     give one of them another signature or another key",
                    type_name::<M>(),
                ),
            };
        }
        let local = *self.inner.parts.discovery.me().id();
        let core = Core::new(config, local);
        let handle = Arc::new(Handle {
            when: When::new(core.views().clone(), local),
            cell: Arc::new(MachineCell::new(machine)),
            core,
        });
        let any: Arc<dyn Any + Send + Sync> = handle.clone();
        let entry = Joined {
            handle: Arc::downgrade(&any),
            machine: type_name::<M>(),
        };
        joined.insert(id, entry);
        Group::new(handle)
    }
}
