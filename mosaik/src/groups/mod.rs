//! Replicated state machines that form by themselves and keep what they acknowledged.
//!
//! A group is a set of nodes that share a key and hold one [`StateMachine`]. A command is acknowledged once a majority of
//! the members that decide has it; from then on it is in the state of every member, in the same place.
//!
//! What decides is pure: who founds a history, which history stands when two meet, who may vote, which command is a
//! repetition. Around it: `bonds` connects the members of a group, `worker` runs one member, and `consensus` is the
//! only place that knows the library which orders commands.

mod node;
pub use node::Groups;
pub(crate) use node::GroupsParts;

mod config;
pub use config::{Config, ConfigBuilderError, ConsensusConfig, ConsensusConfigBuilderError};
#[doc(hidden)]
pub use config::{ConfigBuilder, ConsensusConfigBuilder};

mod key;
pub use key::GroupKey;

mod builder;
pub use builder::GroupBuilder;

mod group;
pub use group::Group;
#[doc(hidden)]
pub use group::{Executing, Outcome};

mod group_config;
pub use group_config::GroupConfig;

mod query;
pub use query::{Consistency, QueryResultAt};

mod when;
pub use when::{CursorWatcher, When};

mod status;
pub use status::{GroupEvent, LineageId, Member, RefusedMember, Role, Status};

mod error;
pub use error::{CommandError, Error, QueryError};

mod machine;
#[doc(hidden)]
pub use machine::NoOp;
pub use machine::{
    ApplyContext, Command, LeadershipPreference, Query, QueryResult, StateMachine,
    StateMachineMessage,
};

mod sync;
#[doc(hidden)]
pub use sync::Snapshots;
pub use sync::{
    CHECKPOINT_CHUNK_BYTES_MAX, Checkpoint, LogReplaySync, RestoreError, SnapshotMachine,
    SnapshotSync, StateSync,
};

mod store;
pub use store::{InMemoryLogStore, Storage};

mod bonds;
pub use bonds::{Bond, BondId, Bonds};

mod cursor;
pub use cursor::{Cursor, Index, IndexOrRange, IndexRange, Term};

mod identity;
pub use identity::{Formation, FormationError};

mod lineage;

#[cfg_attr(
    not(test),
    expect(unused_imports, reason = "what a boundary offers is not all in use")
)]
mod founding;

mod session;

mod membership;

#[expect(unused_imports, reason = "what a boundary offers is not all in use")]
mod consensus;

#[cfg(feature = "test-util")]
mod ceiling;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use ceiling::{Ceiling, openraft_alone};

mod flaws;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use flaws::Flaw;

mod cell;
mod refusals;
mod view;
mod worker;

pub use crate::primitives::GroupId;
