//! A collection as a state machine of a group.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;

use super::StoreId;
use super::checkpoint::{Reading, Writing};
use super::config::SyncConfig;
use super::digest;
use super::history::History;
use super::structure::{Effects, Refusal, Reply, Structure};
use super::view::Shared;
use super::wire::{self, Received};
use crate::groups::{
    ApplyContext, Index, LeadershipPreference, RestoreError, SnapshotMachine, SnapshotSync,
    StateMachine,
};
use crate::primitives::{Datum, Short, UniqueId, encode};

/// A command: bytes that were encoded once, by [`wire`].
#[derive(Clone, Debug)]
pub(super) struct Command(pub(super) Bytes);

impl Datum for Command {
    type EncodeError = Infallible;
    type DecodeError = Infallible;

    fn encode(&self) -> Result<Bytes, Infallible> {
        Ok(self.0.clone())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Infallible> {
        Ok(Self(Bytes::copy_from_slice(bytes)))
    }
}

/// The replica of one node: what changes the state that is shown.
pub(super) struct Machine<S: Structure> {
    version: Index,
    /// How many items there are.
    count: usize,
    run: Run<S::Change>,
    shared: Arc<Shared<S>>,
    store_id: StoreId,
    is_writer: bool,
    sync: SyncConfig,
}

impl<S: Structure> Machine<S> {
    pub(super) fn new(
        store_id: StoreId,
        is_writer: bool,
        sync: SyncConfig,
        history_changes_max: usize,
    ) -> Self {
        Self {
            version: Index(0),
            count: 0,
            run: Run::Empty,
            shared: Arc::new(Shared::new(history_changes_max)),
            store_id,
            is_writer,
            sync,
        }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<S>> {
        &self.shared
    }

    /// Applies a command, encoded, to the state that readers see.
    pub(super) fn apply_command(&mut self, version: Index, command: &[u8]) -> Reply {
        self.version = version;
        if matches!(self.run, Run::Empty) {
            let is_followed = self.shared.history.read(History::is_on);
            self.run = if is_followed {
                Run::Followed(Vec::new())
            } else {
                Run::Unseen
            };
        }
        // Whatever decoding takes, readers do not wait for it.
        let received = wire::receive::<S::Operation>(command);
        let is_long = command.len() > SHORT_COMMAND_BYTES_MAX
            || match &received {
                Ok(Received::One { operation, .. }) => S::is_sweeping(operation),
                Ok(Received::Together(_)) => true,
                Err(_) => false,
            };
        let run = &mut self.run;
        let (reply, count) = self.shared.change(version, is_long, |state| {
            let reply = match received {
                Ok(Received::One { operation, answers }) => {
                    run.apply(state, version, operation, answers)
                }
                Ok(Received::Together(operations)) => {
                    run.apply_together(state, version, operations)
                }
                Err(reason) => Reply::Refused(Refusal::Undecodable { reason }),
            };
            (reply, state.count())
        });
        self.count = count;
        reply
    }

    /// Applies a command, and encodes what its writer is told.
    fn answer(&mut self, version: Index, command: &[u8]) -> Bytes {
        let mut reply = self.apply_command(version, command);
        if self.is_verified_here() {
            reply = Reply::Verified(self.shared.read(digest::of), Box::new(reply));
        }
        match reply {
            Reply::Done => Bytes::new(),
            reply => encode(&reply).unwrap_or_default(),
        }
    }

    /// Whether the whole state goes into the reply, which groups compare between replicas.
    ///
    /// Follows from the state and its version alone, so that all replicas look at the same versions. The more items,
    /// the more seldom: a write pays for one item, or less.
    fn is_verified_here(&self) -> bool {
        let count = self.count;
        let period = count.next_power_of_two().max(VERIFY_EVERY) as u64;
        count <= VERIFY_ITEMS_MAX && self.version.0.is_multiple_of(period)
    }

    /// Tells of the state, and what led to it since that was done last; `None` if that is not known.
    fn show(&mut self, changes: Option<Vec<(Index, S::Change)>>) {
        self.shared.publish(self.version, changes);
        if let Some(figures) = self.shared.figures.get() {
            figures.set_size(self.count);
        }
    }
}

/// A command up to this length is applied in some microseconds: readers wait for it. Beside a longer one they see the
/// state before.
const SHORT_COMMAND_BYTES_MAX: usize = 4096;

/// Versions from one look at the whole state to the next, at least.
const VERIFY_EVERY: usize = 1024;

/// Items of a state that is looked at as a whole: so many take some milliseconds, while no other write is applied.
const VERIFY_ITEMS_MAX: usize = 16_384;

/// What is known of the changes since the state was shown last.
enum Run<C> {
    /// There were no commands.
    Empty,
    /// Nobody followed when the first command came.
    Unseen,
    /// All of them.
    Followed(Vec<(Index, C)>),
}

impl<C> Run<C> {
    fn apply<S: Structure<Change = C>>(
        &mut self,
        state: &mut S,
        version: Index,
        operation: S::Operation,
        answers: bool,
    ) -> Reply {
        let mut effects = Effects::new(matches!(self, Self::Followed(_)), answers);
        let reply = state.apply(operation, &mut effects);
        if let Self::Followed(changes) = self {
            let effects = effects.into_changes().into_iter();
            changes.extend(effects.map(|change| (version, change)));
        }
        reply
    }

    /// All, or with the first that is refused, none.
    fn apply_together<S: Structure<Change = C>>(
        &mut self,
        state: &mut S,
        version: Index,
        operations: Vec<S::Operation>,
    ) -> Reply {
        let before = state.clone();
        let changes_count = match self {
            Self::Followed(changes) => changes.len(),
            Self::Empty | Self::Unseen => 0,
        };
        for operation in operations {
            let reply = self.apply(state, version, operation, false);
            if matches!(reply, Reply::Refused(_)) {
                *state = before;
                if let Self::Followed(changes) = self {
                    changes.truncate(changes_count);
                }
                return reply;
            }
        }
        Reply::Done
    }
}

impl<S: Structure> Drop for Machine<S> {
    fn drop(&mut self) {
        self.shared.history.update(|history| {
            history.close();
            true
        });
    }
}

impl<S: Structure> StateMachine for Machine<S> {
    type Command = Command;
    type Query = ();
    type QueryResult = u64;
    type StateSync = SnapshotSync<Self>;

    fn signature(&self) -> UniqueId {
        UniqueId::from("mosaik_collections")
            .derive(S::KIND)
            .derive(self.store_id.as_bytes())
            .derive(S::types_id().as_bytes())
    }

    fn apply(&mut self, command: Command, ctx: &dyn ApplyContext) {
        self.apply_with_response(command, ctx);
    }

    fn apply_with_response(&mut self, command: Command, ctx: &dyn ApplyContext) -> Bytes {
        self.answer(ctx.index(), &command.0)
    }

    fn apply_encoded(
        &mut self,
        command: &[u8],
        ctx: &dyn ApplyContext,
    ) -> Result<Bytes, Infallible> {
        Ok(self.answer(ctx.index(), command))
    }

    fn label(&self) -> String {
        format!("{} {}", S::KIND, Short(&self.store_id))
    }

    fn end_of_run(&mut self) {
        let changes = match core::mem::replace(&mut self.run, Run::Empty) {
            Run::Empty => Some(Vec::new()),
            Run::Unseen => None,
            Run::Followed(changes) => Some(changes),
        };
        self.show(changes);
    }

    /// How many items there are.
    fn query(&self, (): ()) -> u64 {
        self.count as u64
    }

    fn state_sync(&self) -> SnapshotSync<Self> {
        SnapshotSync::default()
            .with_fetch_batch_size(self.sync.fetch_batch_size)
            .with_snapshot_ttl(self.sync.snapshot_ttl)
            .with_snapshot_request_timeout(self.sync.snapshot_request_timeout)
            .with_fetch_timeout(self.sync.fetch_timeout)
    }

    fn leadership_preference(&self) -> LeadershipPreference {
        if self.is_writer {
            LeadershipPreference::Normal
        } else {
            LeadershipPreference::Observer
        }
    }
}

impl<S: Structure> SnapshotMachine for Machine<S> {
    type Checkpoint = Writing<S>;

    fn checkpoint(&self) -> Writing<S> {
        self.shared
            .read(|state| Writing::new(state, self.version.0))
    }

    fn restore(&mut self, chunks: &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError> {
        if let Some(figures) = self.shared.figures.get() {
            figures.count_sync();
        }
        let mut reading = Reading::<S>::new();
        for chunk in chunks {
            reading.feed(&chunk).map_err(RestoreError::new)?;
        }
        let (state, version) = reading.finish().map_err(RestoreError::new)?;
        self.version = Index(version);
        self.count = state.count();
        self.run = Run::Empty;
        let old = self
            .shared
            .change(self.version, false, |live| core::mem::replace(live, state));
        // Outside of the lock: dropping a large state takes a while.
        drop(old);
        self.show(None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::elements::Elements;

    #[test]
    fn the_more_items_the_more_seldom_all_are_looked_at() {
        // (items, version) -> whether all are looked at
        let table = [
            ((0, 1023), false),
            ((0, 1024), true),
            ((1024, 3 * 1024), true),
            ((1025, 3 * 1024), false),
            ((1025, 4 * 1024), true),
            ((16_384, 8 * 1024), false),
            ((16_384, 16_384), true),
            ((16_385, 32_768), false),
        ];
        for ((items_count, version), expected) in table {
            let mut machine =
                Machine::<Elements<u64>>::new("store".into(), true, SyncConfig::default(), 0);
            machine.count = items_count;
            machine.version = Index(version);
            assert_eq!(
                machine.is_verified_here(),
                expected,
                "{items_count} items at {version}"
            );
        }
    }
}
