//! Why a command, a query or a bond did not come about.

use core::fmt;

use super::StateMachine;
use crate::primitives::encoding::{DecodeError, EncodeError};

/// Why commands were not acknowledged.
///
/// [`Unknown`](Self::Unknown) and [`Failed`](Self::Failed) leave open whether they were applied, and
/// [`Result`](Self::Result) says that they were; every other variant says that they certainly were not, and most give
/// them back.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CommandError<M: StateMachine> {
    /// There is no leader that could take them.
    #[error("group is temporarily offline and cannot process commands")]
    Offline(Vec<M::Command>),
    /// The leader cannot reach enough members: this side of the network must not decide anything.
    #[error("no quorum: the group's leader cannot reach a majority of its voters")]
    NoQuorum(Vec<M::Command>),
    /// As many commands are waiting already as this member keeps.
    #[error("too many commands are waiting: {waiting} in {waiting_bytes} bytes")]
    QueueFull {
        /// The commands.
        commands: Vec<M::Command>,
        /// How many are waiting.
        waiting: usize,
        /// Their bytes.
        waiting_bytes: usize,
    },
    /// A command is longer than any may be.
    #[error("command of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The commands.
        commands: Vec<M::Command>,
        /// The length of the longest, encoded.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// No outcome came in time: the commands may have been applied, or may still be.
    #[error("outcome unknown: the commands may or may not have been applied")]
    Unknown,
    /// An empty list of commands.
    #[error("no commands provided")]
    NoCommands,
    /// The group was left, or its network is closed.
    #[error("group is terminated")]
    GroupTerminated,
    /// This member has stopped for good, perhaps by applying them; its status says more.
    #[error("this member of the group has failed: {reason}")]
    Failed {
        /// The commands.
        commands: Vec<M::Command>,
        /// Why.
        reason: String,
    },
    /// A command has no encoding.
    #[error("command encoding error: {1}")]
    Encoding(Vec<M::Command>, EncodeError),
    /// The command was applied, but what it returned cannot be read: its type does not read what it writes.
    #[error("the command was applied, but its result cannot be read: {0}")]
    Result(DecodeError),
}

impl<M: StateMachine> CommandError<M> {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Offline(_) | Self::NoQuorum(_) | Self::QueueFull { .. } | Self::Unknown
        )
    }

    /// Whether it is certain that no command was applied.
    pub const fn is_definite(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Failed { .. } | Self::Result(_))
    }

    /// The commands, if they are given back.
    pub fn into_commands(self) -> Vec<M::Command> {
        match self {
            Self::Offline(commands)
            | Self::NoQuorum(commands)
            | Self::QueueFull { commands, .. }
            | Self::TooLarge { commands, .. }
            | Self::Failed { commands, .. }
            | Self::Encoding(commands, _) => commands,
            Self::Unknown | Self::NoCommands | Self::GroupTerminated | Self::Result(_) => {
                Vec::new()
            }
        }
    }
}

/// The text: commands need not be `Debug`.
impl<M: StateMachine> fmt::Debug for CommandError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandError({self})")
    }
}

/// Why a query was not answered.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum QueryError<M: StateMachine> {
    /// There is no leader that could confirm the answer.
    #[error("group is temporarily offline and cannot process queries")]
    Offline(M::Query),
    /// The leader cannot reach enough members to be certain that it still leads.
    #[error("no quorum: the group's leader cannot reach a majority of its voters")]
    NoQuorum(M::Query),
    /// The group was left, or its network is closed.
    #[error("group is terminated")]
    GroupTerminated,
    /// This member has stopped for good; its status says more.
    #[error("this member of the group has failed: {reason}")]
    Failed {
        /// The query.
        query: M::Query,
        /// Why.
        reason: String,
    },
    /// The query has no encoding.
    #[error("query encoding error: {1}")]
    Encoding(M::Query, EncodeError),
}

impl<M: StateMachine> QueryError<M> {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Offline(_) | Self::NoQuorum(_))
    }

    /// Whether it is certain that nothing changed: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// The text: queries need not be `Debug`.
impl<M: StateMachine> fmt::Debug for QueryError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryError({self})")
    }
}

/// Why a bond did not come about, or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The group was left, or its network is closed.
    #[error("group is terminated")]
    GroupTerminated,
    /// The other end does not know the group's key.
    #[error("the peer does not know the key of the group")]
    InvalidGroupKeyProof,
    /// The other end lacks a ticket that the group asks for.
    #[error("the peer has no valid ticket for the group")]
    Unauthorized,
    /// There is a bond with this peer already.
    #[error("there is a bond with this peer already")]
    AlreadyBonded,
    /// The connection was not made, or broke.
    #[error("no connection: {0}")]
    Link(String),
    /// The peer's entry is not known here, and could not be fetched.
    #[error("the peer is not known: {0}")]
    Discovery(String),
}

impl Error {
    /// Whether another attempt may succeed without a change of settings.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Link(_) | Self::Discovery(_) | Self::AlreadyBonded
        )
    }

    /// Whether it is certain that there is no bond: all but one that was there before.
    pub const fn is_definite(&self) -> bool {
        !matches!(self, Self::AlreadyBonded)
    }
}

#[cfg(test)]
mod tests {
    use super::super::NoOp;
    use super::*;

    #[test]
    fn says_whether_it_happened() {
        fn errors<E: std::error::Error + Send + Sync + 'static>() {}
        errors::<CommandError<NoOp>>();
        errors::<QueryError<NoOp>>();
        errors::<Error>();
        let unknown = CommandError::<NoOp>::Unknown;
        assert!(unknown.is_retryable() && !unknown.is_definite());
        let offline = CommandError::<NoOp>::Offline(vec![(), ()]);
        assert!(offline.is_retryable() && offline.is_definite());
        assert_eq!(offline.into_commands().len(), 2);
        assert!(!CommandError::<NoOp>::GroupTerminated.is_retryable());
        assert!(format!("{unknown:?}").contains("outcome unknown"));
    }
}
