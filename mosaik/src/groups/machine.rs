//! What a group replicates: a state machine, by its commands.

use core::iter;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use super::{Cursor, Index, LogReplaySync, StateSync, Term};
use crate::primitives::{Datum, GroupId, NetworkId, UniqueId};

/// A value that changes a state machine.
pub trait Command: Datum + Sync + Clone {}

#[diagnostic::do_not_recommend]
impl<T: Datum + Sync + Clone> Command for T {}

/// A value that asks a state machine.
pub trait Query: Datum + Sync + Clone {}

#[diagnostic::do_not_recommend]
impl<T: Datum + Sync + Clone> Query for T {}

/// The answer to a [`Query`].
pub trait QueryResult: Datum + Sync + Clone {}

#[diagnostic::do_not_recommend]
impl<T: Datum + Sync + Clone> QueryResult for T {}

/// A value that serde can carry between members.
pub trait StateMachineMessage:
    Clone + Send + Sync + Serialize + DeserializeOwned + 'static
{
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> StateMachineMessage for T {}

/// Data that all members of a group hold, changed by commands that all of them apply in one order.
///
/// `apply` must be deterministic: the same command on the same state gives the same state on every member. What
/// looks like time or chance comes from its [`ApplyContext`]. It must be total, too: a panic ends this member's part
/// in the group, with the reason in its status.
///
/// ```
/// use mosaik::groups::{ApplyContext, LogReplaySync, StateMachine};
/// use mosaik::UniqueId;
///
/// #[derive(Default)]
/// struct Counter(i64);
///
/// impl StateMachine for Counter {
///     type Command = i64;
///     type Query = ();
///     type QueryResult = i64;
///     type StateSync = LogReplaySync<Self>;
///
///     fn signature(&self) -> UniqueId {
///         "counter.v1".into()
///     }
///     fn apply(&mut self, add: i64, _: &dyn ApplyContext) {
///         self.0 = self.0.wrapping_add(add);
///     }
///     fn query(&self, (): ()) -> i64 {
///         self.0
///     }
///     fn state_sync(&self) -> LogReplaySync<Self> {
///         LogReplaySync::default()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a state machine that a group can replicate",
    label = "not a `StateMachine`",
    note = "put `#[mosaik::state_machine]` on its inherent `impl`, or implement \
            `mosaik::groups::StateMachine` by hand"
)]
pub trait StateMachine: Sized + Send + Sync + 'static {
    /// What changes it.
    type Command: Command;
    /// What can be asked.
    type Query: Query;
    /// What is answered.
    type QueryResult: QueryResult;
    /// How a member that comes late gets the state.
    type StateSync: StateSync<Machine = Self>;

    /// The identity of the kind of machine and its settings: part of the group's id.
    fn signature(&self) -> UniqueId;

    /// Applies one command.
    fn apply(&mut self, command: Self::Command, ctx: &dyn ApplyContext);

    /// Applies commands that follow each other. The group passes one at a time, each with its own context.
    fn apply_batch(
        &mut self,
        commands: impl IntoIterator<Item = Self::Command>,
        ctx: &dyn ApplyContext,
    ) {
        for command in commands {
            self.apply(command, ctx);
        }
    }

    /// Applies one command, and gives its caller an encoded answer. Every member must give the same one.
    #[doc(hidden)]
    fn apply_with_response(&mut self, command: Self::Command, ctx: &dyn ApplyContext) -> Bytes {
        self.apply_batch(iter::once(command), ctx);
        Bytes::new()
    }

    /// As [`apply_with_response`](Self::apply_with_response), for a command as it travels; one that does not decode changes
    /// nothing.
    #[doc(hidden)]
    fn apply_encoded(
        &mut self,
        command: &[u8],
        ctx: &dyn ApplyContext,
    ) -> Result<Bytes, <Self::Command as Datum>::DecodeError> {
        Ok(self.apply_with_response(Self::Command::decode(command)?, ctx))
    }

    /// What it is, for people: in the words of an error that concerns this machine.
    #[doc(hidden)]
    fn label(&self) -> String {
        "group".to_owned()
    }

    /// Told after each run of commands, before any of them is acknowledged: the time to show the new state.
    #[doc(hidden)]
    fn end_of_run(&mut self) {}

    /// Answers from the state as it is here and now.
    fn query(&self, query: Self::Query) -> Self::QueryResult;

    /// How a member that comes late gets the state: part of the group's id.
    fn state_sync(&self) -> Self::StateSync;

    /// Whether this member wants to lead.
    fn leadership_preference(&self) -> LeadershipPreference {
        LeadershipPreference::Normal
    }
}

/// What a command may know besides the state. Equal on every member, for every command.
pub trait ApplyContext {
    /// The position before this command.
    fn committed(&self) -> Cursor;

    /// The position of this command.
    fn log_position(&self) -> Cursor;

    /// The term in which the command was written.
    fn current_term(&self) -> Term;

    /// The group.
    fn group_id(&self) -> &GroupId;

    /// The network of the group.
    fn network_id(&self) -> &NetworkId;

    /// The index of this command.
    fn index(&self) -> Index {
        self.committed().index().next()
    }

    /// The time by the clock of the leader that took the command, in milliseconds; it never goes back.
    fn timestamp(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    /// The next number of a sequence that is random, different for every command, and the same on every member.
    fn random(&self) -> u64 {
        0
    }
}

/// Whether a member wants to lead its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeadershipPreference {
    /// As good as any other.
    #[default]
    Normal,
    /// Waits `factor` times as long before it wants to lead.
    Reluctant {
        /// How many times as long.
        factor: u32,
    },
    /// Never leads and never votes: it reads, and its commands go to the leader.
    Observer,
}

impl LeadershipPreference {
    /// Three times as patient as others.
    pub const fn reluctant() -> Self {
        Self::Reluctant { factor: 3 }
    }
}

/// A machine that does nothing: for groups that only elect a leader.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct NoOp;

impl StateMachine for NoOp {
    type Command = ();
    type Query = ();
    type QueryResult = ();
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        UniqueId::from("mosaik_noop_state_machine")
    }

    fn apply(&mut self, (): (), _: &dyn ApplyContext) {}

    fn query(&self, (): ()) {}

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}
