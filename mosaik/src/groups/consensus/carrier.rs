//! What a replica asks of the network.

use core::time::Duration;

use futures::future::BoxFuture;

use super::wire::{RaftReply, RaftRequest};
use crate::groups::identity::ReplicaId;

/// Brings requests to other replicas and their replies back.
///
/// The carrier checks identity and lineage on both sides: what it hands to
/// [`Replica::serve`](super::Replica::serve) comes from that replica and is meant for this one.
/// Calls to one replica on lane [`Append`](super::Lane::Append) should arrive in the order of the
/// calls: out of order they are refused and sent again, which costs time only.
pub(in crate::groups) trait Carrier: Send + Sync + 'static {
    /// Sends `request` to `to`; its reply, if that comes within `deadline`.
    fn call(
        &self,
        to: ReplicaId,
        request: RaftRequest,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<RaftReply, CarryError>>;
}

/// Why there is no reply. The request may have arrived all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum CarryError {
    /// No bond with that replica, or it broke.
    #[error("replica is unreachable")]
    Unreachable,
    /// The other side does not take requests from this replica.
    #[error("request refused: {0}")]
    Refused(String),
    /// Nothing came in time.
    #[error("no reply in time")]
    Deadline,
}
