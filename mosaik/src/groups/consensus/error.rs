//! Outcomes of what a replica is asked, by operation. Each says whether it is certain.

use super::health::Fatal;
use crate::groups::identity::ReplicaId;

/// Why a replica did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum StartError {
    /// openraft takes no such settings.
    #[error("settings refused: {0}")]
    Settings(String),
    /// It stopped at once.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// Why a replica did not found a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum InitializeError {
    /// It has voted or holds entries.
    #[error("replica is part of a group already")]
    NotBlank,
    /// The founders do not name it.
    #[error("replica is not among the founders")]
    NotFounder,
    /// It has stopped.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// What became of a proposal that was not applied here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum ProposeError {
    /// Another leads: certainly not in the log.
    #[error("replica does not lead")]
    NotLeader {
        /// Who does, or is about to, as far as known.
        leader: Option<ReplicaId>,
    },
    /// Not enough replicas answer: certainly not in the log.
    #[error("no quorum")]
    NoQuorum,
    /// In the log of this replica at least: it may be committed later, or not.
    #[error("outcome unknown")]
    Unknown,
    /// The replica stopped, before or after it took the proposal.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

#[cfg(test)]
impl ProposeError {
    /// Whether it is certain that the batch is not applied by this call.
    pub(in crate::groups) const fn is_definite(&self) -> bool {
        matches!(self, Self::NotLeader { .. } | Self::NoQuorum)
    }
}

/// Why there is no index to read at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum ReadError {
    /// Another leads.
    #[error("replica does not lead")]
    NotLeader {
        /// Who does, as far as known.
        leader: Option<ReplicaId>,
    },
    /// Not enough replicas confirm that this one leads.
    #[error("no quorum")]
    NoQuorum,
    /// The replica stopped.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// Why the members were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum ChangeError {
    /// Another leads: nothing was changed.
    #[error("replica does not lead")]
    NotLeader {
        /// Who does, as far as known.
        leader: Option<ReplicaId>,
    },
    /// Not enough replicas answer: nothing was changed.
    #[error("no quorum")]
    NoQuorum,
    /// Another change was not finished in time, or came between: nothing was changed.
    #[error("another change of members is in progress")]
    InProgress,
    /// It makes no sense: no voter left, or a voter that is not a member.
    #[error("change refused: {0}")]
    Refused(String),
    /// Begun, and perhaps finished later.
    #[error("outcome unknown")]
    Unknown,
    /// The replica stopped.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// Why leadership stayed, as far as known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum TransferError {
    /// Another leads already.
    #[error("replica does not lead")]
    NotLeader,
    /// Only a voter can lead.
    #[error("target is not a voter")]
    NotVoter,
    /// The target did not take over in time; it may still.
    #[error("target did not take over in time")]
    Deadline,
    /// The replica stopped.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}
