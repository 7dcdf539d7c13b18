//! What the parts of a collection must be.

use core::hash::Hash;

use crate::primitives::Datum;

/// A value in a collection: anything that can be sent, and cloned for who reads it.
///
/// Implemented for every such type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of a collection",
    note = "values are sent to other processes and cloned for readers: derive `Clone`, \
            `serde::Serialize` and `serde::Deserialize`"
)]
pub trait Value: Clone + Datum + Sync {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Datum + Sync> Value for T {}

/// A key of a collection: a [`Value`] that can be looked up.
///
/// Implemented for every such type. Keys that are equal must have equal hashes, as for
/// `std::collections::HashMap`, on every replica: both may depend on nothing but the value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key of a collection",
    note = "keys are values that can be looked up: derive `Clone`, `PartialEq`, `Eq`, `Hash`, \
            `serde::Serialize` and `serde::Deserialize`"
)]
pub trait Key: Value + Hash + Eq {}

#[diagnostic::do_not_recommend]
impl<T: Value + Hash + Eq> Key for T {}

/// A key with an order: of an `OrderedMap`, or the priority in a `PriorityQueue`.
///
/// Implemented for every such type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order that a collection can use",
    note = "derive `PartialOrd` and `Ord` besides what keys need: `Clone`, `PartialEq`, `Eq`, `Hash`, \
            `serde::Serialize` and `serde::Deserialize`"
)]
pub trait OrderedKey: Key + Ord {}

#[diagnostic::do_not_recommend]
impl<T: Key + Ord> OrderedKey for T {}
