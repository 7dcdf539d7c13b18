//! One history on several replicas: openraft, behind an interface of our own.
//!
//! A [`Replica`] keeps a log in agreement with the other replicas of its lineage and feeds what is
//! agreed on to an [`Applier`]; a [`Carrier`] brings its messages to the others.

mod applier;
#[cfg(any(test, feature = "test-util"))]
pub(in crate::groups) mod bench;
mod carrier;
mod change;
mod config;
mod convert;
mod error;
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
