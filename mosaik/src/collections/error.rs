//! Why a write did not come about.

use core::fmt;

use super::Refusal;
use crate::groups::{CommandError, StateMachine};
use crate::primitives::encoding::EncodeError;

/// Why a write did not come about, with what was to be written.
///
/// [`Unknown`](Self::Unknown) alone leaves open whether it did; every other variant says that it certainly did not.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error<T> {
    /// There is no leader that could take the write.
    #[error("collection is offline")]
    Offline(T),
    /// A value has no encoding.
    #[error("encoding: {1}")]
    Encoding(T, EncodeError),
    /// The collection was closed, or its network is.
    #[error("network is down")]
    NetworkDown,
    /// The leader cannot reach most of the writers: this side of the network must not change anything.
    #[error("no quorum: the collection's leader cannot reach a majority of its voters")]
    NoQuorum(T),
    /// As many writes are waiting already as this node keeps.
    #[error("too many writes are waiting: {waiting_count}")]
    QueueFull {
        /// What was to be written.
        value: T,
        /// How many writes are waiting.
        waiting_count: usize,
    },
    /// The write is longer than any may be.
    #[error("write of {bytes} bytes exceeds the limit of {bytes_max} bytes")]
    TooLarge {
        /// What was to be written.
        value: T,
        /// Its length, encoded.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// All replicas have seen the write, and none has taken it.
    #[error("refused: {1}")]
    Refused(T, Refusal),
    /// The store is open on this node with other types: this handle reads and writes nothing.
    #[error("this store is open as {open}, and cannot be {wanted} at the same time")]
    OtherTypes {
        /// What was to be written.
        value: T,
        /// What the store was opened as before.
        open: String,
        /// What this handle is.
        wanted: String,
    },
    /// This replica has stopped for good; its status says more.
    #[error("this replica has failed: {reason}")]
    Failed {
        /// What was to be written.
        value: T,
        /// Why.
        reason: String,
    },
    /// No outcome came in time: the write may have taken effect, or may still.
    #[error("outcome unknown: the write may or may not take effect")]
    Unknown,
}

impl<T> Error<T> {
    /// Whether the same write may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Offline(_) | Self::NoQuorum(_) | Self::QueueFull { .. } | Self::Unknown
        )
    }

    /// Whether it is certain that nothing was written.
    pub const fn is_definite(&self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// What was to be written, if it is given back.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Offline(value)
            | Self::Encoding(value, _)
            | Self::NoQuorum(value)
            | Self::QueueFull { value, .. }
            | Self::TooLarge { value, .. }
            | Self::Refused(value, _)
            | Self::OtherTypes { value, .. }
            | Self::Failed { value, .. } => Some(value),
            Self::NetworkDown | Self::Unknown => None,
        }
    }

    /// What became of a command that carried `value`.
    pub(super) fn of_command<M: StateMachine>(error: CommandError<M>, value: T) -> Self {
        match error {
            CommandError::NoQuorum(_) => Self::NoQuorum(value),
            CommandError::QueueFull { waiting, .. } => Self::QueueFull {
                value,
                waiting_count: waiting,
            },
            CommandError::TooLarge { bytes, limit, .. } => Self::TooLarge {
                value,
                bytes,
                bytes_max: limit,
            },
            CommandError::Encoding(_, error) => Self::Encoding(value, error),
            CommandError::Failed { reason, .. } => Self::Failed { value, reason },
            CommandError::Unknown | CommandError::Result(_) => Self::Unknown,
            CommandError::GroupTerminated => Self::NetworkDown,
            CommandError::Offline(_) | CommandError::NoCommands => Self::Offline(value),
        }
    }
}

/// The text: values need not be `Debug`.
impl<T> fmt::Debug for Error<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}
