//! The one instantiation of openraft that every group shares.

use core::fmt;

use bytes::Bytes;
use openraft::impls::{BoxedErrorSource, InlineBatch, leader_id_std};
use openraft::{EntryPayload, OptionalSend, RaftTypeConfig};

use super::machine::Machine;
use super::runtime::SeededTokio;
use crate::groups::identity::ReplicaId;

/// What openraft is generic over: opaque batches, replicas by key and incarnation, standard terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Types;

impl RaftTypeConfig for Types {
    type D = Batch;
    type R = ();
    type NodeId = ReplicaId;
    type Node = ();
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = SeededTokio;
    type Responder<T>
        = super::propose::Outcome<T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

pub(super) type LeaderId = leader_id_std::LeaderId<u64, ReplicaId>;
pub(super) type Committed = <LeaderId as openraft::vote::RaftLeaderId>::Committed;
pub(super) type Vote = openraft::Vote<LeaderId>;
pub(super) type Payload = EntryPayload<Batch, ReplicaId, ()>;
pub(super) type Entry = openraft::Entry<Committed, Payload>;
pub(super) type LogId = openraft::LogId<Committed>;
pub(super) type Membership = openraft::Membership<ReplicaId, ()>;
pub(super) type StoredMembership = openraft::StoredMembership<Committed, ReplicaId, ()>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<Committed, ReplicaId, ()>;
pub(super) type Snapshot = openraft::Snapshot<Committed, ReplicaId, (), super::machine::Content>;
pub(super) type Raft = openraft::Raft<Types, Machine>;

/// The bytes of one log entry. What is in them is the applier's business.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Batch(pub(super) Bytes);

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Bytes that an entry takes in a log or a frame, about.
pub(super) fn weight(entry: &Entry) -> u64 {
    ENTRY_BYTES_FIXED
        + match &entry.payload {
            EntryPayload::Normal(batch) => batch.0.len() as u64,
            EntryPayload::Membership(membership) => {
                membership.nodes().count() as u64 * MEMBER_BYTES
            }
            EntryPayload::Blank => 0,
        }
}

/// Bytes of an entry beside its batch.
const ENTRY_BYTES_FIXED: u64 = 64;

/// Bytes of a replica's id, which a joint membership names up to three times.
const MEMBER_BYTES: u64 = 3 * 48;
