//! What a collection is made of, apart from being replicated.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Exchange, Returned, Version};
use crate::primitives::{Datum, Digest, UniqueId, schema::stable_type_name};

/// The data of a collection: operations that change it, and items that it is made of.
///
/// Operations are total: whatever comes from a peer changes every replica in the same way, or none.
/// Clones are cheap and share what is equal, so that readers and snapshots keep one.
#[doc(hidden)]
pub trait Structure: Clone + Default + Send + Sync + 'static {
    /// The name of the kind of collection, in metrics and in the id of its group.
    const KIND: &'static str;
    /// Whether the order of items is part of the state.
    const ORDERED: bool = false;

    /// What a writer may ask for, as it travels.
    type Operation: DeserializeOwned;
    /// What an operation changed, for those who follow.
    type Change: Clone + Send + Sync + 'static;
    /// One part of a snapshot.
    type Item: Serialize + DeserializeOwned;

    /// The types inside.
    type Types: 'static;

    /// Their names, without the paths of their modules.
    fn types() -> String {
        stable_type_name::<Self::Types>()
    }

    /// An id of the types inside: collections of other types never meet.
    fn types_id() -> UniqueId {
        UniqueId::from(Self::types().as_str())
    }

    /// Applies one operation.
    fn apply(&mut self, operation: Self::Operation, effects: &mut Effects<Self::Change>) -> Reply;

    /// Whether applying it may take long though it is short.
    fn is_sweeping(_: &Self::Operation) -> bool {
        false
    }

    /// How many items there are.
    fn count(&self) -> usize;

    /// All items, of this moment; in order, if the order is part of the state.
    fn items(&self) -> Items<Self::Item>;

    /// Adds an item of a snapshot.
    fn load(&mut self, item: Self::Item);

    /// What the state counts besides its items.
    fn counter(&self) -> u64 {
        0
    }

    /// Sets what the state counts besides its items.
    fn set_counter(&mut self, _: u64) {}
}

/// Items that own what they are taken from.
pub(super) type Items<T> = Box<dyn Iterator<Item = T> + Send>;

/// What an operation leaves behind besides the new state.
#[doc(hidden)]
#[derive(Debug)]
pub struct Effects<C> {
    /// Changes in order; `None` if nobody follows.
    changes: Option<Vec<C>>,
    /// Whether the writer wants to know the outcome.
    answers: bool,
}

impl<C> Effects<C> {
    pub(super) fn new(records: bool, answers: bool) -> Self {
        Self {
            changes: records.then(Vec::new),
            answers,
        }
    }

    /// Whether changes are noted.
    pub(super) const fn is_followed(&self) -> bool {
        self.changes.is_some()
    }

    /// Notes a change, which is made only if somebody follows.
    pub(super) fn record(&mut self, change: impl FnOnce() -> C) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }

    /// Makes the reply, if somebody waits for one.
    pub(super) fn answer(&self, reply: impl FnOnce() -> Reply) -> Reply {
        if self.answers { reply() } else { Reply::Done }
    }

    pub(super) fn into_changes(self) -> Vec<C> {
        self.changes.unwrap_or_default()
    }
}

/// What the writer of an operation is told, as it travels in the replicated state.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Applied, and nothing to tell.
    Done,
    /// Nothing was changed.
    Refused(Refusal),
    /// The digest of the whole state, which replicas compare with the rest of what they reply; and the reply itself.
    Verified(Digest, Box<Self>),
    /// What was there before, encoded.
    Found(Option<Bytes>),
    /// Whether an exchange took place, and the value that stopped it, encoded.
    Exchange {
        /// It took place.
        exchanged: bool,
        /// What is there instead of the expected value.
        current: Option<Bytes>,
    },
}

impl Reply {
    /// What was there before; `None` if this is another reply, or cannot be decoded.
    pub(super) fn found<T: Datum>(self, version: Version) -> Option<Returned<Option<T>>> {
        let Self::Found(value) = self else {
            return None;
        };
        let value = value.map(|bytes| T::decode(&bytes)).transpose().ok()?;
        Some(Returned { value, version })
    }

    /// Whether an exchange took place; `None` if this is another reply, or cannot be decoded.
    pub(super) fn exchange<T: Datum>(self, version: Version) -> Option<Exchange<T>> {
        match self {
            Self::Exchange {
                exchanged: true, ..
            } => Some(Exchange::Done { version }),
            Self::Exchange { current, .. } => {
                let current = current.map(|bytes| T::decode(&bytes)).transpose().ok()?;
                Some(Exchange::Differs { current, version })
            }
            _ => None,
        }
    }
}

/// Why a write that reached all replicas changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The position is beyond the end.
    #[error("index {index} is out of range, the length is {len}")]
    OutOfRange {
        /// The position asked for.
        index: u64,
        /// The length when the write was applied.
        len: u64,
    },
    /// The replicas cannot read the operation: the writer runs another version of the program.
    #[error("the replicas cannot decode this operation: {reason}")]
    Undecodable {
        /// What the decoder says.
        reason: String,
    },
}
