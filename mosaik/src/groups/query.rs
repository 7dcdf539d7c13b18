//! How fresh an answer is, and what it was read from.

use core::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use super::{Index, StateMachine};

/// How fresh the answer to a query has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// What this member knows: at once, perhaps outdated.
    Weak,
    /// Everything that was acknowledged to anybody before the query began: takes a round to the leader.
    Strong,
}

/// The answer to a query, with the position that it was read at.
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "M::QueryResult: Serialize",
    deserialize = "M::QueryResult: Deserialize<'de>"
))]
pub struct QueryResultAt<M: StateMachine> {
    /// The answer.
    pub result: M::QueryResult,
    /// The last command that it includes.
    pub at_position: Index,
}

impl<M: StateMachine> QueryResultAt<M> {
    /// The answer alone.
    pub fn into(self) -> M::QueryResult {
        self.result
    }

    /// The answer.
    pub const fn result(&self) -> &M::QueryResult {
        &self.result
    }

    /// The last command that the answer includes.
    pub const fn state_position(&self) -> Index {
        self.at_position
    }
}

impl<M: StateMachine> Deref for QueryResultAt<M> {
    type Target = M::QueryResult;

    fn deref(&self) -> &M::QueryResult {
        &self.result
    }
}

impl<M: StateMachine> Clone for QueryResultAt<M> {
    fn clone(&self) -> Self {
        Self {
            result: self.result.clone(),
            at_position: self.at_position,
        }
    }
}

impl<M: StateMachine> fmt::Debug for QueryResultAt<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryResultAt")
            .field("at_position", &self.at_position)
            .finish_non_exhaustive()
    }
}

impl<M: StateMachine> PartialEq<M::QueryResult> for QueryResultAt<M>
where
    M::QueryResult: PartialEq,
{
    fn eq(&self, other: &M::QueryResult) -> bool {
        self.result == *other
    }
}

impl<M: StateMachine> fmt::Display for QueryResultAt<M>
where
    M::QueryResult: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.result.fmt(f)
    }
}
