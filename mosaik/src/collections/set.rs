//! Values of which each is there once.

use core::borrow::Borrow;
use core::future::Future;
use core::hash::Hash;

use super::handle::{handle, mutators, reads};
use super::keyed::{Keyed, Members, Operation, Table};
use super::replica::Replica;
use super::structure::Reply;
use super::wire::{Wire, command};
use super::{Batch, Key, Returned, Version};

/// A replicated set, without an order. Its changes are those of a map without values.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::Set;
///
/// let names = Set::<String>::writer(&network, "names");
/// names.when().online().await;
/// names.insert("ann".to_owned()).await?;
/// assert!(names.contains("ann"));
/// # Ok(())
/// # }
/// ```
pub struct Set<T: Key, const IS_WRITER: bool = true>(Replica<Keyed<Members<T>>>);

/// Reads a [`Set`].
pub type SetReader<T> = Set<T, false>;

/// Reads and changes a [`Set`].
pub type SetWriter<T> = Set<T, true>;

handle! { [T: Key] Set [T] = Keyed<Members<T>> }

mutators! { [T: Key] Set [T] {
    /// Adds a value.
    fn insert(&self, value: T) -> (Version, T) {
        let command = command(&Operation::Insert(Wire(&value), Wire(&())), false);
        self.0.write(value, command)
    }

    /// Adds a value, and tells whether it was there before.
    fn insert_returning(&self, value: T) -> (Returned<bool>, T) {
        let command = command(&Operation::Insert(Wire(&value), Wire(&())), true);
        self.0.ask(value, command, was_there)
    }

    /// Adds values, in one write. Without any, nothing is written.
    fn extend(&self, values: impl IntoIterator<Item = T>) -> (Version, std::vec::Vec<T>) {
        let values: std::vec::Vec<T> = values.into_iter().collect();
        let entries = values.iter().map(|value| (Wire(value), Wire(&()))).collect();
        let command = command(&Operation::Extend(entries), false);
        self.0.write_unless(values.is_empty(), values, command)
    }

    /// Takes a value away.
    fn remove[Q: Borrow<T>](&self, value: &Q) -> (Version, T) {
        let value: T = value.borrow().clone();
        let command = command(&Operation::<_, Wire<'_, ()>>::Remove(Wire(&value)), false);
        self.0.write(value, command)
    }

    /// Takes a value away, and tells whether it was there before.
    fn remove_returning[Q: Borrow<T>](&self, value: &Q) -> (Returned<bool>, T) {
        let value: T = value.borrow().clone();
        let command = command(&Operation::<_, Wire<'_, ()>>::Remove(Wire(&value)), true);
        self.0.ask(value, command, was_there)
    }

    /// Takes values away, in one write. Without any, nothing is written.
    fn remove_many(&self, values: impl IntoIterator<Item = T>) -> (Version, std::vec::Vec<T>) {
        let values: std::vec::Vec<T> = values.into_iter().collect();
        let command = command(&Operation::<_, Wire<'_, ()>>::remove_many(&values), false);
        self.0.write_unless(values.is_empty(), values, command)
    }

    /// Takes everything away.
    fn clear(&self) -> (Version, ()) {
        self.0.write((), command(&Operation::<Wire<'_, T>, Wire<'_, ()>>::Clear, false))
    }
}}

fn was_there(reply: Reply, version: Version) -> Option<Returned<bool>> {
    let Returned { value, version } = reply.found::<()>(version)?;
    let value = value.is_some();
    Some(Returned { value, version })
}

impl<T: Key> Batch<Keyed<Members<T>>> {
    /// Adds a value.
    pub fn insert(&mut self, value: T) -> &mut Self {
        self.add(&Operation::Insert(Wire(&value), Wire(&())))
    }
}

reads! { [T: Key] Set [T] = Keyed<Members<T>> {
    /// How many values there are.
    fn len() -> usize |state| { state.0.count() }

    /// Whether there are no values.
    fn is_empty() -> bool |state| { state.0.count() == 0 }

    /// Whether a value is there.
    fn contains[Q: Hash + Eq + ?Sized](value: &Q) -> bool where [T: Borrow<Q>] |state| {
        state.0.0.contains_key(value)
    }

    /// All values, of this moment, in no order.
    fn iter() -> impl Iterator<Item = T> + 'static |state| {
        state.0.0.clone().into_iter().map(|(value, ())| value)
    }
}}

impl<T: Key, const IS_WRITER: bool> Set<T, IS_WRITER> {
    /// Whether every value is in the other set, too.
    pub fn is_subset<const W: bool>(&self, other: &Set<T, W>) -> bool {
        let (ours, theirs) = (self.snapshot(), other.snapshot());
        let (ours, theirs) = (&ours.state().0.0, &theirs.state().0.0);
        ours.len() <= theirs.len() && ours.iter().all(|(value, ())| theirs.contains_key(value))
    }
}
