//! One history on several replicas: openraft, behind an interface of our own.
//!
//! A [`Replica`] keeps a log in agreement with the other replicas of its lineage, and feeds what is agreed on to an
//! [`Applier`]; a [`Carrier`] brings its messages to the others. Nothing outside of this folder names openraft, and none
//! of its types travels: see `wire`.
//!
//! What this layer does not know: which lineage it belongs to (the caller checks that before [`Replica::serve`]), who
//! should be a member, what is in a batch, which batch is a repetition. It does not retry: each outcome says what is
//! certain, and the caller decides.
//!
//! ```text
//!   propose, submit    read_index, wait_applied    add_learner, change_voters, remove, transfer_leader
//!          \                     |                              /
//!           `-------------- Replica ---------- serve  <----- messages of others (checked in `guard`, `convert`)
//!                               |
//!        supervise ------ openraft, one `types::Types` for all groups
//!     (view, end, log size)  /        |          \
//!                         log      machine      network, outgoing, fetch ----> Carrier
//!                    (in memory)      |
//!                                  Applier
//! ```
//!
//! *Invariant:* a proposal that is refused ([`NotLeader`](ProposeError::NotLeader), [`NoQuorum`](ProposeError::NoQuorum))
//! is in no log; whatever was in one is [`Unknown`](ProposeError::Unknown) until it is applied.
//!
//! *Invariant:* nothing waits for ever. When a replica ends, by a panic of its state, by openraft's own error or by
//! [`Replica::shutdown`], everything that waits for it resolves with the same [`Fatal`], and the view says so.
//!
//! *Invariant:* no message can make openraft do what an honest member's could not: terms and indices are bounded, entries
//! have no holes, members can decide, a snapshot fits the log. A member that lies within these bounds can still stop the
//! replica, never the process. What leads is a voter, as far as this replica knows, or there has been no leader for a
//! while (`guard`): a member that does not vote cannot unseat a leader, or be taken for one while there is one.
//!
//! **Snapshots are not kept.** State and log are both in memory, so a snapshot is a promise that the log up to it may go;
//! whoever needs one reads a checkpoint of the state as it is then, in pieces of half a MiB with a running SHA-256,
//! resumed after lost pieces, restored at once when all of it is here. The leader says who needs one and who has one
//! (`outgoing`); the member that needs it brings it in (`incoming`, `fetch`) from a voter or, if no voter gives it, from
//! the leader (`source`). Pieces travel on a lane of their own. The log is cut by bytes ([`Limits::log_bytes`]), only if
//! [`Applier::snapshots`] says that it may be.
//!
//! **Order.** [`Replica::submit`] gives a batch its place; everything in the queue is written and sent together. Frames
//! of entries to one follower are pipelined ([`Limits::append_window`]).
//!
//! **Chance and time.** Elections follow from [`ReplicaConfig::seed`]; time is tokio's, which tests pause.

mod applier;
#[cfg(any(test, feature = "test-util"))]
pub(in crate::groups) mod bench;
mod carrier;
mod change;
mod config;
mod convert;
mod error;
mod fetch;
mod guard;
mod health;
mod incoming;
mod log;
mod machine;
mod network;
mod outgoing;
mod propose;
mod replica;
mod runtime;
mod serve;
mod source;
mod supervise;
mod types;
mod view;
mod wire;

#[cfg(test)]
mod tests;

pub(in crate::groups) use applier::{Applier, Position};
pub(in crate::groups) use carrier::{Carrier, CarryError};
pub(in crate::groups) use config::{Limits, ReplicaConfig, Timings};
pub(in crate::groups) use error::{
    ChangeError, InitializeError, ProposeError, ReadError, StartError, TransferError,
};
pub(in crate::groups) use health::Fatal;
pub(in crate::groups) use replica::Replica;
pub(in crate::groups) use view::{FollowerView, MembersView, ReplicaView, Role};
pub(in crate::groups) use wire::{Lane, RaftReply, RaftRequest, WireError};
