//! Calls of a machine's methods through its group.

use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Returned;
use crate::groups::{
    CommandError, Consistency, Group, Index, QueryError, QueryResultAt, StateMachine,
};
use crate::primitives::decode;

/// A future that may be moved between threads and kept anywhere.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send + Sync>>;

/// A command on its way. Resolves to what its method returned, once that is decided and applied here.
///
/// The command was handed over when its method was called, in the order of calls. Dropping the future
/// does not take it back.
#[must_use = "the command is on its way, but only the future tells whether it was applied"]
pub struct Executing<M: StateMachine, R> {
    outcome: Boxed<Result<(R, Index), CommandError<M>>>,
}

impl<M: StateMachine, R: 'static> Executing<M, R> {
    /// Resolves to the command's place in the history of the group, too.
    pub fn with_index(
        self,
    ) -> impl Future<Output = Result<(R, Index), CommandError<M>>> + Send + Sync + 'static {
        self.outcome
    }
}

impl<M: StateMachine, R> Future for Executing<M, R> {
    type Output = Result<R, CommandError<M>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = self.outcome.as_mut().poll(context);
        outcome.map_ok(|(returned, _)| returned)
    }
}

impl<M: StateMachine, R> fmt::Debug for Executing<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executing")
    }
}

/// Hands a command over.
pub fn execute<M: StateMachine, R: Returned>(
    group: &Group<M>,
    command: M::Command,
) -> Executing<M, R> {
    let outcome = group.execute_with_response(command);
    Executing {
        outcome: Box::pin(async move {
            let outcome = outcome.await?;
            let returned = decode(&outcome.response).map_err(CommandError::Result)?;
            Ok((returned, outcome.index))
        }),
    }
}

/// A query that is asked when it is awaited.
///
/// The answer includes everything that was acknowledged to anybody before, which takes a round to the
/// leader; that of a [`weak`](Self::weak) query is what this member knows.
#[must_use = "a query is asked when it is awaited"]
pub struct Asking<'g, M: StateMachine, A> {
    group: &'g Group<M>,
    query: M::Query,
    consistency: Consistency,
    take: fn(M::QueryResult) -> Option<A>,
}

impl<M: StateMachine, A: Send + 'static> Asking<'_, M, A> {
    /// Answered by this member at once, perhaps outdated.
    pub const fn weak(mut self) -> Self {
        self.consistency = Consistency::Weak;
        self
    }

    /// Resolves to the last command that the answer includes, too.
    pub fn with_index(
        self,
    ) -> impl Future<Output = Result<(A, Index), QueryError<M>>> + Send + Sync + 'static + use<M, A>
    {
        let Self {
            group,
            query,
            consistency,
            take,
        } = self;
        let answer = group.query(query, consistency);
        async move {
            let QueryResultAt {
                result,
                at_position,
            } = answer.await?;
            let answer = take(result).expect("invariant: a machine answers what it was asked");
            Ok((answer, at_position))
        }
    }
}

impl<M: StateMachine, A: Send + 'static> IntoFuture for Asking<'_, M, A> {
    type Output = Result<A, QueryError<M>>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let answer = self.with_index();
        Box::pin(async move { answer.await.map(|(answer, _)| answer) })
    }
}

impl<M: StateMachine, A> fmt::Debug for Asking<'_, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Asking");
        shown.field("consistency", &self.consistency);
        shown.finish_non_exhaustive()
    }
}

/// Prepares a query.
pub const fn ask<M: StateMachine, A>(
    group: &Group<M>,
    query: M::Query,
    take: fn(M::QueryResult) -> Option<A>,
) -> Asking<'_, M, A> {
    Asking {
        group,
        query,
        consistency: Consistency::Strong,
        take,
    }
}
