//! The one replica that every kind of collection has.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;

use super::machine::Machine;
use super::metrics::Figures;
use super::stores::Claim;
use super::structure::{Reply, Structure};
use super::view::{Shared, Snapshot};
use super::{Batch, Changes, CollectionConfig, Error, Status, StoreId, Version, When};
use crate::groups::{Consistency, Executing, Formation, Group, GroupKey, Outcome, QueryError};
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
    pub(super) fn write<T>(
        &self,
        value: T,
        command: Result<Bytes, EncodeError>,
    ) -> Write<S, T, Version> {
        self.ask(value, command, |_, version| Some(version))
    }

    /// As [`write`](Self::write), unless it is nothing at all, which is done already.
    pub(super) fn write_unless<T>(
        &self,
        is_nothing: bool,
        value: T,
        command: Result<Bytes, EncodeError>,
    ) -> Write<S, T, Version> {
        if is_nothing {
            return Write {
                value: Some(value),
                progress: Progress::Nothing(self.version()),
                read: |_, version| Some(version),
            };
        }
        self.write(value, command)
    }

    /// As [`write`](Self::write), with what `read` finds in the reply.
    pub(super) fn ask<T, R>(
        &self,
        value: T,
        command: Result<Bytes, EncodeError>,
        read: fn(Reply, Version) -> Option<R>,
    ) -> Write<S, T, R> {
        let progress = match (&self.claim, command) {
            (Err(open), _) => Progress::Unsent(Unsent::OtherTypes(open.clone())),
            (Ok(_), Err(error)) => Progress::Unsent(Unsent::Encoding(error)),
            (Ok(_), Ok(bytes)) => Progress::Sent(self.group.execute_encoded(&bytes)),
        };
        Write {
            value: Some(value),
            progress,
            read,
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

    pub(super) fn update(&self, batch: Batch<S>) -> Write<S, Batch<S>, Version> {
        let command = batch.command();
        self.write(batch, command)
    }
}

/// A write on its way.
///
/// Written by hand, and not as `async` blocks within each other, each of which would hold what the inner one holds twice:
/// thousands of these may be in flight.
#[must_use = "the write is on its way, and its outcome is for who waits"]
pub(super) struct Write<S: Structure, T, R> {
    /// What was to be written, until the outcome is known.
    value: Option<T>,
    progress: Progress<S>,
    read: fn(Reply, Version) -> Option<R>,
}

enum Progress<S: Structure> {
    Sent(Executing<Machine<S>>),
    Unsent(Unsent),
    /// There was nothing to write; the version now.
    Nothing(Version),
    /// The outcome was given.
    Over,
}

// Nothing in it is pinned.
impl<S: Structure, T, R> Unpin for Write<S, T, R> {}

impl<S: Structure, T, R> Future for Write<S, T, R> {
    type Output = Result<R, Error<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.progress {
            Progress::Sent(executing) => Some(ready!(Pin::new(executing).poll(context))),
            _ => None,
        };
        let progress = core::mem::replace(&mut self.progress, Progress::Over);
        let Some(value) = self.value.take() else {
            // Polled after its end.
            return Poll::Ready(Err(Error::Unknown));
        };
        Poll::Ready(match (outcome, progress) {
            (Some(Ok(outcome)), _) => self.read_outcome(value, &outcome),
            (Some(Err(error)), _) => Err(Error::of_command(error, value)),
            (None, Progress::Unsent(unsent)) => Err(unsent.into_error(value, Replica::<S>::kind())),
            (None, Progress::Nothing(version)) => {
                (self.read)(Reply::Done, version).ok_or(Error::Unknown)
            }
            (None, Progress::Sent(_) | Progress::Over) => Err(Error::Unknown),
        })
    }
}

impl<S: Structure, T, R> Write<S, T, R> {
    fn read_outcome(&self, value: T, outcome: &Outcome) -> Result<R, Error<T>> {
        let version = Version(outcome.index);
        match reply(outcome) {
            Some(Reply::Refused(refusal)) => Err(Error::Refused(value, refusal)),
            Some(reply) => (self.read)(reply, version).ok_or(Error::Unknown),
            None => Err(Error::Unknown),
        }
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
