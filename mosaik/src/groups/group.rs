//! The handle on one group.

use core::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::sync::Arc;

use bytes::Bytes;

use super::{
    Bonds, CommandError, Consistency, Cursor, GroupConfig, GroupEvent, Index, IndexRange,
    QueryError, QueryResultAt, StateMachine, Status, Term, When,
    cell::MachineCell,
    worker::{Applied, Core, Failure, Submitted},
};
use crate::primitives::{Datum, GroupId, PeerId, Short, encoding::EncodeError};

/// A member of a group: what it takes to change the group's state machine and to ask it.
///
/// Joining is [`Groups::with_key`](super::Groups::with_key). Dropping the last handle of a group on a network leaves it: leadership is
/// handed on, and the others go on without this member.
///
/// ```no_run
/// use mosaik::{Group, Network, Strong, groups::{CommandError, StateMachine}};
///
/// # async fn example<Counter: StateMachine<Command = i64, Query = (), QueryResult = i64>>(
/// #     network: Network, counter: Counter,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let group = network.groups().with_key("counter").with_state_machine(counter).join();
/// group.when().online().await;
/// let index = group.execute(5).await?;
/// let sum = group.query((), Strong).await?;
/// println!("after command {index}: {sum}");
/// # Ok(())
/// # }
/// ```
#[must_use = "a group is left when its last handle is dropped"]
pub struct Group<M: StateMachine> {
    handle: Arc<Handle<M>>,
}

/// What the handles of one group on one network share. The group is left when it is dropped.
pub(in crate::groups) struct Handle<M: StateMachine> {
    pub(in crate::groups) core: Arc<Core>,
    pub(in crate::groups) cell: Arc<MachineCell<M>>,
    pub(in crate::groups) when: When,
}

impl<M: StateMachine> Drop for Handle<M> {
    fn drop(&mut self) {
        self.core.leave();
    }
}

/// What became of one command.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Where it is in the history of the group.
    pub index: Index,
    /// The term in which it was written.
    pub term: Term,
    /// What the machine answered, encoded.
    pub response: Bytes,
}

/// One command on its way, already encoded.
#[doc(hidden)]
#[must_use]
pub struct Executing<M> {
    submitted: Submitted,
    machine: PhantomData<fn() -> M>,
}

impl<M: StateMachine> Future for Executing<M> {
    type Output = Result<Outcome, CommandError<M>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.submitted).poll(context));
        Poll::Ready(match outcome {
            Ok(applied) => Ok(outcome_of(applied)),
            Err(failure) => Err(returned(Vec::new(), failure)),
        })
    }
}

fn outcome_of(mut applied: Applied) -> Outcome {
    Outcome {
        index: applied.first,
        term: applied.term,
        response: applied.responses.pop().unwrap_or_default(),
    }
}

impl<M: StateMachine> Group<M> {
    pub(in crate::groups) const fn new(handle: Arc<Handle<M>>) -> Self {
        Self { handle }
    }

    /// The group's id: equal on all members, different for every key, machine and set of rules.
    pub fn id(&self) -> &GroupId {
        self.handle.core.config().group_id()
    }

    /// Whether this member leads, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.leader() == Some(self.handle.core.local_id())
    }

    /// The leader, as far as this member knows.
    pub fn leader(&self) -> Option<PeerId> {
        self.handle.core.views().read(|view| view.leader)
    }

    /// The sessions with the other members.
    pub fn bonds(&self) -> Bonds<M> {
        Bonds::new(self.handle.core.bonds().clone())
    }

    /// The settings of the group.
    pub fn config(&self) -> &GroupConfig {
        self.handle.core.config()
    }

    /// Waiting for what happens to this member.
    pub fn when(&self) -> &When {
        &self.handle.when
    }

    /// The last command applied here.
    pub fn committed(&self) -> Index {
        self.handle.core.views().read(|view| view.committed.value)
    }

    /// The end of the log here.
    pub fn log_position(&self) -> Cursor {
        self.handle.core.views().read(|view| view.log.value)
    }

    /// What this member is doing, and if it is not online, why.
    pub fn status(&self) -> Status {
        self.handle.core.status()
    }

    /// What happens to this member from now on. A receiver that is 256 events behind misses the oldest.
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<GroupEvent> {
        self.handle.core.events()
    }

    /// Has a command applied, exactly once: resolves when it is committed, and applied here.
    ///
    /// The command is on its way when this returns, in the order of calls; the future only waits, and may be dropped.
    pub fn execute(
        &self,
        command: M::Command,
    ) -> impl Future<Output = Result<Index, CommandError<M>>> + Send + Sync + 'static + use<M> {
        let applied = self.submit(vec![command]);
        async move { applied.await.map(|applied| applied.first) }
    }

    /// Has commands applied one after the other, each exactly once; resolves when all are applied here.
    ///
    /// The range reaches from the first to the last. Commands of others may lie between when they take more than
    /// a mebibyte.
    pub fn execute_many(
        &self,
        commands: impl IntoIterator<Item = M::Command>,
    ) -> impl Future<Output = Result<IndexRange, CommandError<M>>> + Send + Sync + 'static {
        let applied = self.submit(commands.into_iter().collect());
        async move { applied.await.map(|applied| applied.first..=applied.last) }
    }

    /// As [`execute`](Self::execute): the index of a command is certain when it is committed, and not earlier.
    pub fn feed(
        &self,
        command: M::Command,
    ) -> impl Future<Output = Result<Index, CommandError<M>>> + Send + Sync + 'static + use<M> {
        self.execute(command)
    }

    /// As [`execute_many`](Self::execute_many).
    pub fn feed_many(
        &self,
        commands: impl IntoIterator<Item = M::Command>,
    ) -> impl Future<Output = Result<IndexRange, CommandError<M>>> + Send + Sync + 'static {
        self.execute_many(commands)
    }

    /// As [`execute`](Self::execute), with the machine's answer.
    #[doc(hidden)]
    pub fn execute_with_response(
        &self,
        command: M::Command,
    ) -> impl Future<Output = Result<Outcome, CommandError<M>>> + Send + Sync + 'static + use<M>
    {
        let applied = self.submit(vec![command]);
        async move { applied.await.map(outcome_of) }
    }

    /// As [`execute_with_response`](Self::execute_with_response), for a command as it travels, which no error gives back.
    pub(crate) fn execute_encoded(&self, command: &[u8]) -> Executing<M> {
        Executing {
            submitted: self.handle.core.submit(&[command]),
            machine: PhantomData,
        }
    }

    /// As [`execute_many`](Self::execute_many), with the machine's answers, in the order of the commands.
    #[doc(hidden)]
    pub fn execute_many_with_responses(
        &self,
        commands: impl IntoIterator<Item = M::Command>,
    ) -> impl Future<Output = Result<(IndexRange, Vec<Bytes>), CommandError<M>>> + Send + Sync + 'static
    {
        let applied = self.submit(commands.into_iter().collect());
        async move {
            applied
                .await
                .map(|applied| (applied.first..=applied.last, applied.responses))
        }
    }

    /// Asks the machine.
    ///
    /// [`Consistency::Weak`] answers from this member at once, [`Consistency::Strong`] after a round to the leader,
    /// with everything that was acknowledged before the call.
    pub fn query(
        &self,
        query: M::Query,
        consistency: Consistency,
    ) -> impl Future<Output = Result<QueryResultAt<M>, QueryError<M>>> + Send + Sync + 'static + use<M>
    {
        let (core, cell) = (self.handle.core.clone(), self.handle.cell.clone());
        let barrier = match consistency {
            Consistency::Weak => None,
            Consistency::Strong => Some(core.barrier()),
        };
        async move {
            if let Some(barrier) = barrier
                && let Err(failure) = barrier.await
            {
                return Err(refused(query, failure));
            }
            if let Some(reason) = core.failure() {
                return Err(QueryError::Failed { query, reason });
            }
            Ok(cell.query(query))
        }
    }

    /// Looks at the machine as it is here, in place.
    #[doc(hidden)]
    pub fn look<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        self.handle.cell.read(|held| look(&held.machine))
    }

    /// What peers have said and this member has not taken: how often, by kind.
    #[cfg(feature = "test-util")]
    #[doc(hidden)]
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.handle.core.refusals.all().collect()
    }

    fn submit(
        &self,
        commands: Vec<M::Command>,
    ) -> impl Future<Output = Result<Applied, CommandError<M>>> + Send + Sync + 'static + use<M>
    {
        let submitted = encode::<M>(&commands).map(|encoded| self.handle.core.submit(&encoded));
        async move {
            let pending = match submitted {
                Err(error) => return Err(CommandError::Encoding(commands, error)),
                Ok(pending) => pending,
            };
            match pending.await {
                Ok(applied) => Ok(applied),
                Err(failure) => Err(returned(commands, failure)),
            }
        }
    }
}

fn encode<M: StateMachine>(commands: &[M::Command]) -> Result<Vec<Bytes>, EncodeError> {
    let encode = |command: &M::Command| {
        Datum::encode(command).map_err(|error| EncodeError::Unsupported(error.to_string()))
    };
    commands.iter().map(encode).collect()
}

fn returned<M: StateMachine>(commands: Vec<M::Command>, failure: Failure) -> CommandError<M> {
    match failure {
        Failure::NoCommands => CommandError::NoCommands,
        Failure::Offline => CommandError::Offline(commands),
        Failure::NoQuorum => CommandError::NoQuorum(commands),
        Failure::Unknown => CommandError::Unknown,
        Failure::Terminated => CommandError::GroupTerminated,
        Failure::Failed(reason) => CommandError::Failed { commands, reason },
        Failure::TooLarge { bytes, limit } => CommandError::TooLarge {
            commands,
            bytes,
            limit,
        },
        Failure::QueueFull {
            waiting,
            waiting_bytes,
        } => CommandError::QueueFull {
            commands,
            waiting,
            waiting_bytes,
        },
    }
}

fn refused<M: StateMachine>(query: M::Query, failure: Failure) -> QueryError<M> {
    match failure {
        Failure::NoQuorum => QueryError::NoQuorum(query),
        Failure::Terminated => QueryError::GroupTerminated,
        Failure::Failed(reason) => QueryError::Failed { query, reason },
        _ => QueryError::Offline(query),
    }
}

impl<M: StateMachine> fmt::Display for Group<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", Short(self.id()))
    }
}
