//! The one replica that every kind of collection has.

use core::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use super::machine::{Command, Machine};
use super::metrics::Figures;
use super::stores::Claim;
use super::structure::{Reply, Structure};
use super::view::{Shared, Snapshot};
use super::{Batch, Changes, CollectionConfig, Error, Status, StoreId, Version, When};
use crate::groups::{Consistency, Formation, Group, GroupKey, Outcome, QueryError};
use crate::network::Network;
use crate::primitives::encoding::EncodeError;
use crate::primitives::{GroupId, decode};

/// What a handle of any collection holds: a share in the one replica of its store on this node.
///
/// Whether a handle may write is in its type, not here; the group counts the handles.
pub(super) struct Replica<S: Structure> {
    group: Group<Machine<S>>,
    shared: Arc<Shared<S>>,
    when: When,
    store_id: StoreId,
    is_writer: bool,
    /// That the store is open as this kind; or as what it is open instead.
    claim: Result<Arc<Claim>, String>,
}

impl<S: Structure> Replica<S> {
    pub(super) fn open(
        network: &Network,
        store_id: StoreId,
        is_writer: bool,
        config: CollectionConfig,
    ) -> Self {
        let CollectionConfig {
            sync,
            auth,
            consensus,
            formation,
            history_changes_max,
        } = config;
        let machine = Machine::<S>::new(store_id, is_writer, sync, history_changes_max);
        let group = network
            .groups()
            .with_key(GroupKey::new(store_id))
            .with_state_machine(machine)
            .with_consensus_config(consensus.unwrap_or_default())
            .with_formation(if is_writer {
                formation
            } else {
                Formation::JoinOnly
            });
        let group = auth
            .into_iter()
            .fold(group, |group, validator| group.require_ticket(validator))
            .join();
        // The replica may be older than this handle, so its machine may be another one than ours.
        let shared = group.look(|machine| machine.shared().clone());
        shared
            .figures
            .get_or_init(|| Figures::new(S::KIND, network.network_id(), group.id()));
        Self {
            claim: network.stores().claim(store_id, &Self::kind()),
            when: When::new(group.when().clone(), shared.published.clone()),
            group,
            shared,
            store_id,
            is_writer,
        }
    }

    fn kind() -> String {
        format!("{} of {}", S::KIND, S::types())
    }

    /// The state as it is here.
    pub(super) fn latest(&self) -> Snapshot<S> {
        self.shared.latest()
    }

    /// Looks at the state as it is here, for a moment.
    pub(super) fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.shared.read(look)
    }

    /// Looks at the state as it is here, for as long as it takes.
    pub(super) fn scan<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(self.latest().state())
    }

    pub(super) const fn when(&self) -> &When {
        &self.when
    }

    pub(super) fn version(&self) -> Version {
        Version(self.shared.published.read(|published| published.version))
    }

    pub(super) fn group_id(&self) -> &GroupId {
        self.group.id()
    }

    pub(super) fn status(&self) -> Status {
        Status::new(
            S::KIND,
            self.store_id,
            self.is_writer,
            self.version(),
            self.read(S::count),
            self.group.status(),
        )
    }

    pub(super) fn changes(&self, since: Option<Version>) -> Changes<S::Change> {
        Changes::follow(&self.shared.history, since)
    }

    /// Has a command applied; `value` comes back if it certainly is not.
    pub(super) fn write<T: Send + Sync + 'static>(
        &self,
        value: T,
        command: Result<Bytes, EncodeError>,
    ) -> impl Future<Output = Result<Version, Error<T>>> + Send + Sync + 'static + use<S, T> {
        self.write_unless(false, value, command)
    }

    /// As [`write`](Self::write), unless it is nothing at all, which is done already.
    pub(super) fn write_unless<T: Send + Sync + 'static>(
        &self,
        is_nothing: bool,
        value: T,
        command: Result<Bytes, EncodeError>,
    ) -> impl Future<Output = Result<Version, Error<T>>> + Send + Sync + 'static + use<S, T> {
        let version = self.version();
        let written = (!is_nothing).then(|| self.ask(value, command, |_, version| Some(version)));
        async move {
            match written {
                Some(written) => written.await,
                None => Ok(version),
            }
        }
    }

    /// As [`write`](Self::write), with what `read` finds in the reply.
    pub(super) fn ask<T: Send + Sync + 'static, R: 'static>(
        &self,
        value: T,
        command: Result<Bytes, EncodeError>,
        read: fn(Reply, Version) -> Option<R>,
    ) -> impl Future<Output = Result<R, Error<T>>> + Send + Sync + 'static + use<S, T, R> {
        let submitted = match (&self.claim, command) {
            (Err(open), _) => Err(Unsent::OtherTypes(open.clone())),
            (Ok(_), Err(error)) => Err(Unsent::Encoding(error)),
            (Ok(_), Ok(bytes)) => Ok(self.group.execute_with_response(Command(bytes))),
        };
        async move {
            let pending = match submitted {
                Ok(pending) => pending,
                Err(unsent) => return Err(unsent.into_error(value, Self::kind())),
            };
            let outcome = match pending.await {
                Ok(outcome) => outcome,
                Err(error) => return Err(Error::of_command(error, value)),
            };
            let version = Version(outcome.index);
            match reply(&outcome) {
                Some(Reply::Refused(refusal)) => Err(Error::Refused(value, refusal)),
                Some(reply) => read(reply, version).ok_or(Error::Unknown),
                None => Err(Error::Unknown),
            }
        }
    }

    /// Waits until everything that was acknowledged to anybody by now is visible here.
    pub(super) fn sync(
        &self,
    ) -> impl Future<Output = Result<Version, Error<()>>> + Send + Sync + 'static + use<S> {
        let asked = self.group.query((), Consistency::Strong);
        let shared = self.shared.clone();
        async move {
            match asked.await {
                Ok(_) => Ok(Version(
                    shared.published.read(|published| published.version),
                )),
                Err(QueryError::NoQuorum(())) => Err(Error::NoQuorum(())),
                Err(QueryError::GroupTerminated) => Err(Error::NetworkDown),
                Err(QueryError::Failed { reason, .. }) => Err(Error::Failed { value: (), reason }),
                Err(_) => Err(Error::Offline(())),
            }
        }
    }

    pub(super) fn update(
        &self,
        batch: Batch<S>,
    ) -> impl Future<Output = Result<Version, Error<Batch<S>>>> + Send + Sync + 'static + use<S>
    {
        let command = batch.command();
        self.write(batch, command)
    }
}

/// Why a command was not even sent.
enum Unsent {
    Encoding(EncodeError),
    OtherTypes(String),
}

impl Unsent {
    fn into_error<T>(self, value: T, wanted: String) -> Error<T> {
        match self {
            Self::Encoding(error) => Error::Encoding(value, error),
            Self::OtherTypes(open) => Error::OtherTypes {
                value,
                open,
                wanted,
            },
        }
    }
}

/// What the machine answered; `None` if it cannot be read.
fn reply(outcome: &Outcome) -> Option<Reply> {
    if outcome.response.is_empty() {
        return Some(Reply::Done);
    }
    match decode(&outcome.response).ok()? {
        Reply::Verified(_, reply) => Some(*reply),
        reply => Some(reply),
    }
}
