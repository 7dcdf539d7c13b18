//! Keys with values, in the order of priorities, from both ends.

use core::borrow::Borrow;
use core::future::Future;
use core::hash::Hash;
use core::ops::RangeBounds;

use bytes::Bytes;

use super::handle::{handle, mutators, reads};
use super::ranking::{Operation, Ranking, exchange_value, found};
use super::replica::Replica;
use super::structure::{Reply, Structure as _};
use super::wire::{Wire, command};
use super::{Batch, Exchange, Key, OrderedKey, Returned, Value, Version};
use crate::primitives::encoding::EncodeError;

/// A replicated queue of keys with values, ordered by priority and open at both ends, with at most `CAP` keys.
///
/// Each key is there once. Among equal priorities, the key that got its priority earlier ranks higher. With a key too many, the
/// one that ranks lowest is evicted.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::BoundedPriorityQueue;
///
/// let best = BoundedPriorityQueue::<u64, String, String, 3>::writer(&network, "best");
/// best.when().online().await;
/// best.insert(5, "ann".to_owned(), "red".to_owned()).await?;
/// assert_eq!(best.max_priority(), Some(5));
/// # Ok(())
/// # }
/// ```
pub struct PriorityQueue<
    P: OrderedKey,
    K: Key,
    V: Value,
    const CAP: u64 = { u64::MAX },
    const IS_WRITER: bool = true,
>(Replica<Ranking<P, K, V, CAP>>);

/// Reads a [`PriorityQueue`].
pub type PriorityQueueReader<P, K, V, const CAP: u64 = { u64::MAX }> =
    PriorityQueue<P, K, V, CAP, false>;

/// Reads and changes a [`PriorityQueue`].
pub type PriorityQueueWriter<P, K, V, const CAP: u64 = { u64::MAX }> =
    PriorityQueue<P, K, V, CAP, true>;

/// A [`PriorityQueue`] with room for everything.
pub type UnboundedPriorityQueue<P, K, V, const IS_WRITER: bool = true> =
    PriorityQueue<P, K, V, { u64::MAX }, IS_WRITER>;

/// A [`PriorityQueue`] with room for `CAP` keys.
pub type BoundedPriorityQueue<P, K, V, const CAP: u64, const IS_WRITER: bool = true> =
    PriorityQueue<P, K, V, CAP, IS_WRITER>;

handle! {
    [P: OrderedKey, K: Key, V: Value, const CAP: u64] PriorityQueue [P, K, V, CAP]
        = Ranking<P, K, V, CAP>
}

mutators! { [P: OrderedKey, K: Key, V: Value, const CAP: u64] PriorityQueue [P, K, V, CAP] {
    /// Sets priority and value of a key, which may evict the lowest, the new one perhaps.
    fn insert(&self, priority: P, key: K, value: V) -> (Version, (P, K, V)) {
        let operation = Operation::Insert(Wire(&priority), Wire(&key), Wire(&value));
        let command = command(&operation, false);
        self.0.write((priority, key, value), command)
    }

    /// As [`insert`](Self::insert), and tells priority and value before.
    fn insert_returning(&self, priority: P, key: K, value: V)
        -> (Returned<Option<(P, V)>>, (P, K, V))
    {
        let operation = Operation::Insert(Wire(&priority), Wire(&key), Wire(&value));
        let command = command(&operation, true);
        self.0.ask((priority, key, value), command, found)
    }

    /// Sets priorities and values of keys one after the other, in one write. Without any, nothing is written.
    fn extend[I: IntoIterator<Item = (P, K, V)>](&self, items: I)
        -> (Version, std::vec::Vec<(P, K, V)>)
    {
        let items: std::vec::Vec<_> = items.into_iter().collect();
        let command = command(&Operation::extend(&items), false);
        self.0.write_unless(items.is_empty(), items, command)
    }

    /// Sets the priority of a key. If the key is not there, it changes nothing.
    fn update_priority(&self, key: &K, new_priority: P) -> (Version, K) {
        let operation = Operation::UpdatePriority(Wire(key), Wire(&new_priority));
        self.0.write(key.clone(), plain::<P, K, V>(&operation, false))
    }

    /// Sets the value of a key. If the key is not there, it changes nothing.
    fn update_value(&self, key: &K, new_value: V) -> (Version, K) {
        let operation = Operation::UpdateValue(Wire(key), Wire(&new_value));
        self.0.write(key.clone(), plain::<P, K, V>(&operation, false))
    }

    /// Sets the value of a key, or with no `new` value takes the key away, if its value is `expected`: if it has the same
    /// encoding.
    ///
    /// The version does not say whether it did; [`try_compare_exchange_value`](Self::try_compare_exchange_value) does.
    fn compare_exchange_value(&self, key: &K, expected: V, new: Option<V>) -> (Version, K) {
        let command = exchange_value::<P, K, V>(key, &expected, new.as_ref(), false);
        self.0.write(key.clone(), command)
    }

    /// As [`compare_exchange_value`](Self::compare_exchange_value), and tells whether it did, and if not, the value.
    fn try_compare_exchange_value(&self, key: &K, expected: V, new: Option<V>) -> (Exchange<V>, K) {
        let command = exchange_value::<P, K, V>(key, &expected, new.as_ref(), true);
        self.0.ask(key.clone(), command, Reply::exchange)
    }

    /// Takes a key away.
    fn remove(&self, key: &K) -> (Version, K) {
        self.0.write(key.clone(), plain::<P, K, V>(&Operation::Remove(Wire(key)), false))
    }

    /// Takes a key away, and tells its priority and value.
    fn remove_returning(&self, key: &K) -> (Returned<Option<(P, V)>>, K) {
        self.0.ask(key.clone(), plain::<P, K, V>(&Operation::Remove(Wire(key)), true), found)
    }

    /// Takes keys away, in one write. Without any, nothing is written.
    fn remove_keys(&self, keys: impl IntoIterator<Item = K>) -> (Version, std::vec::Vec<K>) {
        let keys: std::vec::Vec<K> = keys.into_iter().collect();
        let command = plain::<P, K, V>(&Operation::remove_keys(&keys), false);
        self.0.write_unless(keys.is_empty(), keys, command)
    }

    /// Takes away whose priority is in a range.
    fn remove_range(&self, range: impl RangeBounds<P>) -> (Version, ()) {
        let operation = Operation::remove_range(range.start_bound(), range.end_bound());
        self.0.write((), plain::<P, K, V>(&operation, false))
    }

    /// Takes everything away.
    fn clear(&self) -> (Version, ()) {
        self.0.write((), plain::<P, K, V>(&Operation::Clear, false))
    }
}}

/// The command of an operation that does not have all three kinds of parts.
fn plain<'a, P: OrderedKey, K: Key, V: Value>(
    operation: &Operation<Wire<'a, P>, Wire<'a, K>, Wire<'a, V>>,
    answers: bool,
) -> Result<Bytes, EncodeError> {
    command(operation, answers)
}

impl<P: OrderedKey, K: Key, V: Value, const CAP: u64> Batch<Ranking<P, K, V, CAP>> {
    /// Sets priority and value of a key, which may evict the lowest.
    pub fn insert(&mut self, priority: P, key: K, value: V) -> &mut Self {
        self.add(&Operation::Insert(
            Wire(&priority),
            Wire(&key),
            Wire(&value),
        ))
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &K) -> &mut Self {
        self.add(&Operation::<Wire<'_, P>, _, Wire<'_, V>>::Remove(Wire(key)))
    }

    /// Takes everything away.
    pub fn clear(&mut self) -> &mut Self {
        self.add(&Operation::<Wire<'_, P>, Wire<'_, K>, Wire<'_, V>>::Clear)
    }
}

impl<P: OrderedKey, K: Key, V: Value, const CAP: u64, const IS_WRITER: bool>
    PriorityQueue<P, K, V, CAP, IS_WRITER>
{
    /// For how many keys there is room.
    pub const fn capacity(&self) -> u64 {
        CAP
    }
}

reads! {
    [P: OrderedKey, K: Key, V: Value, const CAP: u64] PriorityQueue [P, K, V, CAP]
        = Ranking<P, K, V, CAP>
{
    /// How many keys there are.
    fn len() -> usize |state| { state.count() }

    /// Whether there are no keys.
    fn is_empty() -> bool |state| { state.count() == 0 }

    /// Whether a key is there.
    fn contains_key[Q: Hash + Eq + ?Sized](key: &Q) -> bool where [K: Borrow<Q>] |state| {
        state.find(key).is_some()
    }

    /// The value of a key.
    fn get[Q: Hash + Eq + ?Sized](key: &Q) -> Option<V> where [K: Borrow<Q>] |state| {
        state.find(key).map(|(_, value)| value.clone())
    }

    /// The priority of a key.
    fn get_priority[Q: Hash + Eq + ?Sized](key: &Q) -> Option<P> where [K: Borrow<Q>] |state| {
        state.find(key).map(|(priority, _)| priority.clone())
    }

    /// What ranks lowest: the latest with the lowest priority.
    fn get_min() -> Option<(P, K, V)> |state| { state.lowest() }

    /// What ranks highest: the earliest with the highest priority.
    fn get_max() -> Option<(P, K, V)> |state| { state.highest() }

    /// The lowest priority.
    fn min_priority() -> Option<P> |state| { state.lowest().map(|(priority, ..)| priority) }

    /// The highest priority.
    fn max_priority() -> Option<P> |state| { state.highest().map(|(priority, ..)| priority) }

    /// Everything, of this moment, from what ranks lowest to what ranks highest.
    fn iter() -> impl Iterator<Item = (P, K, V)> + 'static |state| { state.ascending() }

    /// Everything, of this moment, from what ranks lowest to what ranks highest.
    fn iter_asc() -> impl Iterator<Item = (P, K, V)> + 'static |state| {
        state.ascending()
    }

    /// Everything, of this moment, from what ranks highest to what ranks lowest.
    fn iter_desc() -> impl Iterator<Item = (P, K, V)> + 'static |state| {
        state.descending()
    }
}}
