//! Keys with values in the order of priorities: the data of `PriorityQueue`.

use core::borrow::Borrow;
use core::cmp::Reverse;
use core::hash::Hash;
use core::ops::{Bound, RangeBounds};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::shards::Shards;
use super::structure::{Effects, Items, Reply, Structure};
use super::wire::{Held, Wire, command, expectation, fingerprint};
use super::{Key, OrderedKey, Returned, Value, Version};
use crate::primitives::encoding::EncodeError;
use crate::primitives::{decode, encode, schema::stable_type_name};

/// What can be asked of a queue. `P`, `K` and `V` are written ([`Wire`]) or read ([`Held`]).
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub enum Operation<P, K, V> {
    /// Sets priority and value of a key.
    Insert(P, K, V),
    /// Sets priorities and values of keys, in order.
    Extend(Vec<(P, K, V)>),
    /// Sets the priority of a key that is there.
    UpdatePriority(K, P),
    /// Sets the value of a key that is there.
    UpdateValue(K, V),
    /// Sets the value of a key or takes it away, if its value is the expected one.
    ExchangeValue {
        /// Whose value.
        key: K,
        /// The bytes of the value that must be there.
        expected: Bytes,
        /// The value that takes its place; without one, the key goes.
        new: Option<V>,
    },
    /// Takes a key away.
    Remove(K),
    /// Takes keys away, in order.
    RemoveKeys(Vec<K>),
    /// Takes away whose priority is in a range.
    RemoveRange(Bound<P>, Bound<P>),
    /// Takes everything away.
    Clear,
}

impl<'a, P, K, V> Operation<Wire<'a, P>, Wire<'a, K>, Wire<'a, V>> {
    pub(super) fn extend(items: &'a [(P, K, V)]) -> Self {
        let wire = |(priority, key, value): &'a (P, K, V)| (Wire(priority), Wire(key), Wire(value));
        Self::Extend(items.iter().map(wire).collect())
    }

    pub(super) fn remove_keys(keys: &'a [K]) -> Self {
        Self::RemoveKeys(keys.iter().map(Wire).collect())
    }

    pub(super) fn remove_range(start: Bound<&'a P>, end: Bound<&'a P>) -> Self {
        Self::RemoveRange(start.map(Wire), end.map(Wire))
    }
}

/// What happened to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueChange<P, K, V> {
    /// A key is new, or has another priority or value.
    Set {
        /// The key.
        key: K,
        /// Priority and value before, if it was there.
        old: Option<(P, V)>,
        /// Priority and value now.
        new: (P, V),
    },
    /// A key is gone: removed, or evicted by one that ranks higher.
    Removed {
        /// The key.
        key: K,
        /// Its last priority and value.
        old: (P, V),
    },
    /// Everything is gone.
    Cleared,
}

/// When a key took its place among those of equal priority: the earlier ranks higher.
type Arrival = u64;

/// The place of a key in the order.
type Rank<P> = (P, Reverse<Arrival>);

#[derive(Clone, Debug)]
struct Entry<P, V> {
    priority: P,
    arrival: Arrival,
    value: V,
}

impl<P: Clone, V: Clone> Entry<P, V> {
    fn rank(&self) -> Rank<P> {
        (self.priority.clone(), Reverse(self.arrival))
    }

    fn pair(&self) -> (P, V) {
        (self.priority.clone(), self.value.clone())
    }
}

/// Keys with values in the order of priorities, at most `CAP` of them.
#[doc(hidden)]
#[derive(Clone)]
pub struct Ranking<P, K, V, const CAP: u64> {
    entries: Shards<K, Entry<P, V>>,
    ranks: imbl::OrdMap<Rank<P>, K>,
    /// The next place among equals. Counted on, never down, so that no two are the same.
    next_arrival: Arrival,
}

// Derived, it would want values that have a default.
impl<P, K, V, const CAP: u64> Default for Ranking<P, K, V, CAP> {
    fn default() -> Self {
        Self {
            entries: Shards::default(),
            ranks: imbl::OrdMap::new(),
            next_arrival: 0,
        }
    }
}

impl<P: OrderedKey, K: Key, V: Value, const CAP: u64> Ranking<P, K, V, CAP> {
    /// Priority and value of a key.
    pub(super) fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<(&P, &V)>
    where
        K: Borrow<Q>,
    {
        self.entries
            .get(key)
            .map(|entry| (&entry.priority, &entry.value))
    }

    pub(super) fn lowest(&self) -> Option<(P, K, V)> {
        let (_, key) = self.ranks.get_min()?;
        self.triple(key.clone())
    }

    pub(super) fn highest(&self) -> Option<(P, K, V)> {
        let (_, key) = self.ranks.get_max()?;
        self.triple(key.clone())
    }

    fn triple(&self, key: K) -> Option<(P, K, V)> {
        let entry = self.entries.get(&key)?;
        Some((entry.priority.clone(), key, entry.value.clone()))
    }

    pub(super) fn ascending(
        &self,
    ) -> impl Iterator<Item = (P, K, V)> + Send + Sync + use<P, K, V, CAP> {
        let ranking = self.clone();
        let keys = self.ranks.clone().into_iter();
        keys.filter_map(move |(_, key)| ranking.triple(key))
    }

    pub(super) fn descending(
        &self,
    ) -> impl Iterator<Item = (P, K, V)> + Send + Sync + use<P, K, V, CAP> {
        let ranking = self.clone();
        let keys = self.ranks.clone().into_iter().rev();
        keys.filter_map(move |(_, key)| ranking.triple(key))
    }

    fn set(
        &mut self,
        priority: P,
        key: K,
        value: V,
        effects: &mut Effects<Change<P, K, V>>,
    ) -> Reply {
        let old = self.entries.get(&key).cloned();
        let reply = effects.answer(|| Reply::Found(old.as_ref().and_then(pair_bytes)));
        // Who keeps its priority keeps its place among equals.
        let arrival = match &old {
            Some(old) if old.priority == priority => old.arrival,
            _ => self.arrive(),
        };
        let entry = Entry {
            priority,
            arrival,
            value,
        };
        if let Some(old) = &old {
            self.ranks.remove(&old.rank());
        }
        self.ranks.insert(entry.rank(), key.clone());
        self.entries.insert(key.clone(), entry.clone());
        effects.record(|| QueueChange::Set {
            key,
            old: old.as_ref().map(Entry::pair),
            new: entry.pair(),
        });
        self.evict(effects);
        reply
    }

    const fn arrive(&mut self) -> Arrival {
        let arrival = self.next_arrival;
        self.next_arrival = self.next_arrival.wrapping_add(1);
        arrival
    }

    fn unset(&mut self, key: &K, effects: &mut Effects<Change<P, K, V>>) -> Reply {
        let old = self.entries.remove(key);
        let reply = effects.answer(|| Reply::Found(old.as_ref().and_then(pair_bytes)));
        if let Some(old) = old {
            self.ranks.remove(&old.rank());
            effects.record(|| QueueChange::Removed {
                key: key.clone(),
                old: old.pair(),
            });
        }
        reply
    }

    /// Takes the lowest away, the latest first among equals, until there are no more than `CAP`.
    fn evict(&mut self, effects: &mut Effects<Change<P, K, V>>) {
        while self.entries.len() as u64 > CAP {
            let Some((_, key)) = self.ranks.get_min().cloned() else {
                return;
            };
            self.unset(&key, effects);
        }
    }

    fn exchange_value(
        &mut self,
        key: K,
        expected: &Bytes,
        new: Option<V>,
        effects: &mut Effects<Change<P, K, V>>,
    ) -> Reply {
        let current = self.entries.get(&key).cloned();
        let bytes = current
            .as_ref()
            .and_then(|current| fingerprint(&current.value));
        let Some(current) = current.filter(|_| bytes.as_ref() == Some(expected)) else {
            return effects.answer(|| Reply::Exchange {
                exchanged: false,
                current: bytes,
            });
        };
        match new {
            Some(value) => self.set(current.priority, key, value, effects),
            None => self.unset(&key, effects),
        };
        effects.answer(|| Reply::Exchange {
            exchanged: true,
            current: None,
        })
    }

    fn remove_range(
        &mut self,
        start: Bound<P>,
        end: Bound<P>,
        effects: &mut Effects<Change<P, K, V>>,
    ) {
        let range = (start, end);
        // Below the range, in it, above it: in this order, so two thirds need not be looked at.
        let from = match range.0.clone() {
            Bound::Included(priority) => Bound::Included((priority, Reverse(Arrival::MAX))),
            Bound::Excluded(priority) => Bound::Excluded((priority, Reverse(0))),
            Bound::Unbounded => Bound::Unbounded,
        };
        let keys: Vec<K> = self
            .ranks
            .range((from, Bound::Unbounded))
            .take_while(|((priority, _), _)| range.contains(priority))
            .map(|(_, key)| key.clone())
            .collect();
        for key in keys {
            self.unset(&key, effects);
        }
    }

    fn clear(&mut self, effects: &mut Effects<Change<P, K, V>>) {
        if !self.entries.is_empty() {
            self.entries = Shards::default();
            self.ranks.clear();
            effects.record(|| QueueChange::Cleared);
        }
    }
}

type Change<P, K, V> = QueueChange<P, K, V>;

/// The command of an exchange.
pub(super) fn exchange_value<P: OrderedKey, K: Key, V: Value>(
    key: &K,
    expected: &V,
    new: Option<&V>,
    answers: bool,
) -> Result<Bytes, EncodeError> {
    let operation = Operation::<Wire<'_, P>, _, _>::ExchangeValue {
        key: Wire(key),
        expected: expectation(Some(expected))?.unwrap_or_default(),
        new: new.map(Wire),
    };
    command(&operation, answers)
}

/// Priority and value before; `None` if this is another reply, or cannot be decoded.
pub(super) fn found<P: OrderedKey, V: Value>(
    reply: Reply,
    version: Version,
) -> Option<Returned<Option<(P, V)>>> {
    let Reply::Found(pair) = reply else {
        return None;
    };
    let read = |bytes: Bytes| decode::<(Held<P>, Held<V>)>(&bytes);
    let pair = pair.map(read).transpose().ok()?;
    let value = pair.map(|(priority, value)| (priority.0, value.0));
    Some(Returned { value, version })
}

/// Priority and value, as the writer of a removal reads them.
fn pair_bytes<P: OrderedKey, V: Value>(entry: &Entry<P, V>) -> Option<Bytes> {
    encode(&(Wire(&entry.priority), Wire(&entry.value))).ok()
}

impl<P: OrderedKey, K: Key, V: Value, const CAP: u64> Structure for Ranking<P, K, V, CAP> {
    type Types = (P, K, V);
    const KIND: &'static str = "depq";

    type Operation = Operation<Held<P>, Held<K>, Held<V>>;
    type Change = QueueChange<P, K, V>;
    /// The last is the place among equals.
    type Item = (Held<P>, Held<K>, Held<V>, Arrival);

    fn types() -> String {
        format!("{}, at most {CAP}", stable_type_name::<Self::Types>())
    }

    fn apply(&mut self, operation: Self::Operation, effects: &mut Effects<Self::Change>) -> Reply {
        match operation {
            Operation::Insert(priority, key, value) => {
                return self.set(priority.0, key.0, value.0, effects);
            }
            Operation::Extend(items) => {
                for (priority, key, value) in items {
                    self.set(priority.0, key.0, value.0, effects);
                }
            }
            Operation::UpdatePriority(key, priority) => {
                if let Some(entry) = self.entries.get(&key.0).cloned() {
                    return self.set(priority.0, key.0, entry.value, effects);
                }
            }
            Operation::UpdateValue(key, value) => {
                if let Some(entry) = self.entries.get(&key.0).cloned() {
                    return self.set(entry.priority, key.0, value.0, effects);
                }
            }
            Operation::ExchangeValue { key, expected, new } => {
                return self.exchange_value(key.0, &expected, new.map(|new| new.0), effects);
            }
            Operation::Remove(key) => return self.unset(&key.0, effects),
            Operation::RemoveKeys(keys) => {
                for key in keys {
                    self.unset(&key.0, effects);
                }
            }
            Operation::RemoveRange(start, end) => {
                self.remove_range(start.map(|held| held.0), end.map(|held| held.0), effects);
            }
            Operation::Clear => self.clear(effects),
        }
        Reply::Done
    }

    fn is_sweeping(operation: &Self::Operation) -> bool {
        matches!(operation, Operation::RemoveRange(..) | Operation::Clear)
    }

    fn count(&self) -> usize {
        self.entries.len()
    }

    fn items(&self) -> Items<Self::Item> {
        let entries = self.entries.clone().into_iter();
        Box::new(entries.map(|(key, entry)| {
            let Entry {
                priority,
                arrival,
                value,
            } = entry;
            (Held(priority), Held(key), Held(value), arrival)
        }))
    }

    fn load(&mut self, (priority, key, value, arrival): Self::Item) {
        let entry = Entry {
            priority: priority.0,
            arrival,
            value: value.0,
        };
        self.ranks.insert(entry.rank(), key.0.clone());
        self.entries.insert(key.0, entry);
    }

    fn counter(&self) -> u64 {
        self.next_arrival
    }

    fn set_counter(&mut self, counter: u64) {
        self.next_arrival = counter;
    }
}
