//! Keys with values: the data of `Map`, `OrderedMap` and `Set`.

use bytes::Bytes;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::shards::Shards;
use super::structure::{Effects, Items, Reply, Structure};
use super::wire::{Held, Wire, command, expectation, fingerprint};
use super::{Batch, Key, OrderedKey, Value};
use crate::primitives::Datum;
use crate::primitives::encoding::EncodeError;

/// What can be asked of keys with values. `K` and `V` are written ([`Wire`]) or read ([`Held`]).
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub enum Operation<K, V> {
    /// Sets the value of a key.
    Insert(K, V),
    /// Sets the values of keys, in order.
    Extend(Vec<(K, V)>),
    /// Takes a key away.
    Remove(K),
    /// Takes keys away, in order.
    RemoveMany(Vec<K>),
    /// Sets or takes away, if the value is the expected one.
    Exchange {
        /// Whose value.
        key: K,
        /// The bytes of the value that must be there, or none.
        expected: Option<Bytes>,
        /// The value that takes its place, or none.
        new: Option<V>,
    },
    /// Takes everything away.
    Clear,
}

impl<'a, K, V> Operation<Wire<'a, K>, Wire<'a, V>> {
    pub(super) fn extend(entries: &'a [(K, V)]) -> Self {
        let wire = |(key, value): &'a (K, V)| (Wire(key), Wire(value));
        Self::Extend(entries.iter().map(wire).collect())
    }

    pub(super) fn remove_many(keys: &'a [K]) -> Self {
        Self::RemoveMany(keys.iter().map(Wire).collect())
    }
}

/// What happened to a map.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapChange<K, V> {
    /// A key has another value, or is new.
    Set {
        /// The key.
        key: K,
        /// The value before, if there was one.
        old: Option<V>,
        /// The value now.
        new: V,
    },
    /// A key is gone.
    Removed {
        /// The key.
        key: K,
        /// Its last value.
        old: V,
    },
    /// Everything is gone.
    Cleared,
}

/// Where keys and their values are kept: a persistent map, whose clones share what is equal.
#[doc(hidden)]
pub trait Table: Clone + Default + Send + Sync + 'static {
    /// The keys.
    type Key: Key;
    /// The values.
    type Value: Value;
    /// The name of the kind of collection.
    const KIND: &'static str;

    /// The value of a key.
    fn value(&self, key: &Self::Key) -> Option<&Self::Value>;
    /// Sets the value of a key and gives the old one.
    fn put(&mut self, key: Self::Key, value: Self::Value) -> Option<Self::Value>;
    /// Takes a key away and gives its value.
    fn take(&mut self, key: &Self::Key) -> Option<Self::Value>;
    /// How many keys there are.
    fn count(&self) -> usize;
    /// All of them, of this moment.
    fn entries(&self) -> Items<(Self::Key, Self::Value)>;
}

/// Writes down a table: a type of ours, so that its name, which is part of the group's id, is ours too.
macro_rules! table {
    (
        $(#[$doc:meta])* $table:ident[$($param:ident: $bound:ident),+] =
        $map:ident<$key:ident, $value:ty>, $kind:literal
    ) => {
        $(#[$doc])*
        #[doc(hidden)]
        #[derive(Clone)]
        pub struct $table<$($param),+>(pub(super) $map<$key, $value>);

        impl<$($param: $bound),+> Default for $table<$($param),+> {
            fn default() -> Self {
                Self($map::default())
            }
        }

        impl<$($param: $bound),+> Table for $table<$($param),+> {
            type Key = $key;
            type Value = $value;
            const KIND: &'static str = $kind;

            fn value(&self, key: &$key) -> Option<&$value> {
                self.0.get(key)
            }

            fn put(&mut self, key: $key, value: $value) -> Option<$value> {
                self.0.insert(key, value)
            }

            fn take(&mut self, key: &$key) -> Option<$value> {
                self.0.remove(key)
            }

            fn count(&self) -> usize {
                self.0.len()
            }

            fn entries(&self) -> Items<($key, $value)> {
                Box::new(self.0.clone().into_iter())
            }
        }
    };
}

table! {
    /// Without an order.
    Hashed[K: Key, V: Value] = Shards<K, V>, "map"
}

table! {
    /// In the order of the keys.
    Sorted[K: OrderedKey, V: Value] = OrdMap<K, V>, "ordered_map"
}

table! {
    /// Keys alone.
    Members[T: Key] = Shards<T, ()>, "set"
}

/// Keys with values, in a table `T`.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Keyed<T>(pub(super) T);

impl<T: Table> Keyed<T> {
    fn set(&mut self, key: T::Key, value: T::Value, effects: &mut Effects<Change<T>>) -> Reply {
        let noted = effects.is_followed().then(|| (key.clone(), value.clone()));
        let old = self.0.put(key, value);
        let reply = effects.answer(|| Reply::Found(old.as_ref().and_then(fingerprint)));
        if let Some((key, new)) = noted {
            effects.record(|| MapChange::Set { key, old, new });
        }
        reply
    }

    fn unset(&mut self, key: T::Key, effects: &mut Effects<Change<T>>) -> Reply {
        let old = self.0.take(&key);
        let reply = effects.answer(|| Reply::Found(old.as_ref().and_then(fingerprint)));
        if let Some(old) = old {
            effects.record(|| MapChange::Removed { key, old });
        }
        reply
    }

    fn exchange(
        &mut self,
        key: T::Key,
        expected: Option<Bytes>,
        new: Option<T::Value>,
        effects: &mut Effects<Change<T>>,
    ) -> Reply {
        let current = self.0.value(&key);
        let is_expected = match (current, &expected) {
            (None, None) => true,
            (Some(current), Some(expected)) => fingerprint(current).as_ref() == Some(expected),
            _ => false,
        };
        if !is_expected {
            return effects.answer(|| Reply::Exchange {
                exchanged: false,
                current: current.and_then(fingerprint),
            });
        }
        match new {
            Some(value) => self.set(key, value, effects),
            None => self.unset(key, effects),
        };
        effects.answer(|| Reply::Exchange {
            exchanged: true,
            current: None,
        })
    }
}

impl<T: Table> Batch<Keyed<T>> {
    /// Takes a key away.
    pub fn remove(&mut self, key: &T::Key) -> &mut Self {
        self.add(&Operation::<_, Wire<'_, T::Value>>::Remove(Wire(key)))
    }

    /// Takes everything away.
    pub fn clear(&mut self) -> &mut Self {
        self.add(&Operation::<Wire<'_, T::Key>, Wire<'_, T::Value>>::Clear)
    }
}

/// Makes handles of a map, with the reads and writes that every map has: how keys are looked up, and what is known of
/// their order.
macro_rules! keyed {
    (
        [$($bounds:tt)*] $name:ident [$key:ident, $value:ident] = $structure:ty,
        [$($lookup:tt)*], $iterator:ident $order:literal
    ) => {
        $crate::collections::handle::handle! { [$($bounds)*] $name [$key, $value] = $structure }

        $crate::collections::handle::reads! { [$($bounds)*] $name [$key, $value] = $structure {
            /// How many keys there are.
            fn len() -> usize |state| { state.0.0.len() }

            /// Whether there are no keys.
            fn is_empty() -> bool |state| { state.0.0.is_empty() }

            /// Whether a key has a value.
            fn contains_key[Q: $($lookup)* + ?Sized](key: &Q) -> bool
                where [$key: core::borrow::Borrow<Q>] |state|
            {
                state.0.0.contains_key(key)
            }

            /// The value of a key.
            fn get[Q: $($lookup)* + ?Sized](key: &Q) -> Option<$value>
                where [$key: core::borrow::Borrow<Q>] |state|
            {
                state.0.0.get(key).cloned()
            }

            #[doc = concat!("All keys with their values, of this moment, ", $order, ".")]
            fn iter() -> impl $iterator<Item = ($key, $value)> + 'static |state| {
                state.0.0.clone().into_iter()
            }

            #[doc = concat!("All keys, of this moment, ", $order, ".")]
            fn keys() -> impl $iterator<Item = $key> + 'static |state| {
                state.0.0.clone().into_iter().map(|(key, _)| key)
            }

            #[doc = concat!("All values, of this moment, ", $order, ".")]
            fn values() -> impl $iterator<Item = $value> + 'static |state| {
                state.0.0.clone().into_iter().map(|(_, value)| value)
            }
        }}

        $crate::collections::handle::mutators! { [$($bounds)*] $name [$key, $value] {
            /// Sets the value of a key.
            fn insert(&self, key: $key, value: $value) -> (Version, ($key, $value)) {
                let command = command(&Operation::Insert(Wire(&key), Wire(&value)), false);
                self.0.write((key, value), command)
            }

            /// Sets the value of a key, and tells the value before.
            fn insert_returning(&self, key: $key, value: $value)
                -> (Returned<Option<$value>>, ($key, $value))
            {
                let command = command(&Operation::Insert(Wire(&key), Wire(&value)), true);
                self.0.ask((key, value), command, Reply::found)
            }

            /// Sets the value of a key that has none, and tells the value of one that has.
            fn insert_if_absent(&self, key: $key, value: $value)
                -> (Exchange<$value>, ($key, $value))
            {
                let operation = Operation::Exchange {
                    key: Wire(&key),
                    expected: None,
                    new: Some(Wire(&value)),
                };
                let command = command(&operation, true);
                self.0.ask((key, value), command, Reply::exchange)
            }

            /// Sets the values of keys, in one write; of a key that comes twice, the later counts. Without any,
            /// nothing is written.
            fn extend(&self, entries: impl IntoIterator<Item = ($key, $value)>)
                -> (Version, std::vec::Vec<($key, $value)>)
            {
                let entries: std::vec::Vec<_> = entries.into_iter().collect();
                let command = command(&Operation::extend(&entries), false);
                self.0.write_unless(entries.is_empty(), entries, command)
            }

            /// Takes a key away.
            fn remove(&self, key: &$key) -> (Version, $key) {
                let command = command(&Operation::<_, Wire<'_, $value>>::Remove(Wire(key)), false);
                self.0.write(key.clone(), command)
            }

            /// Takes a key away, and tells its value.
            fn remove_returning(&self, key: &$key) -> (Returned<Option<$value>>, $key) {
                let command = command(&Operation::<_, Wire<'_, $value>>::Remove(Wire(key)), true);
                self.0.ask(key.clone(), command, Reply::found)
            }

            /// Takes keys away, in one write. Without any, nothing is written.
            fn remove_many(&self, keys: impl IntoIterator<Item = $key>)
                -> (Version, std::vec::Vec<$key>)
            {
                let keys: std::vec::Vec<_> = keys.into_iter().collect();
                let command = command(&Operation::<_, Wire<'_, $value>>::remove_many(&keys), false);
                self.0.write_unless(keys.is_empty(), keys, command)
            }

            /// Sets the value of a key, or with no `new` value takes the key away, if its value is `expected`: if it
            /// has the same encoding, or with no `expected` value, if there is none.
            ///
            /// The version does not say whether it did; [`try_compare_exchange`](Self::try_compare_exchange) does.
            fn compare_exchange(&self, key: $key, expected: Option<$value>, new: Option<$value>)
                -> (Version, ($key, Option<$value>, Option<$value>))
            {
                let command = exchange(&key, expected.as_ref(), new.as_ref(), false);
                self.0.write((key, expected, new), command)
            }

            /// As [`compare_exchange`](Self::compare_exchange), and tells whether it did, and if not, the value.
            fn try_compare_exchange(&self, key: $key, expected: Option<$value>, new: Option<$value>)
                -> (Exchange<$value>, ($key, Option<$value>, Option<$value>))
            {
                let command = exchange(&key, expected.as_ref(), new.as_ref(), true);
                self.0.ask((key, expected, new), command, Reply::exchange)
            }

            /// Takes everything away.
            fn clear(&self) -> (Version, ()) {
                let clear = Operation::<Wire<'_, $key>, Wire<'_, $value>>::Clear;
                self.0.write((), command(&clear, false))
            }
        }}

        impl<$($bounds)*> Batch<$structure> {
            /// Sets the value of a key.
            pub fn insert(&mut self, key: $key, value: $value) -> &mut Self {
                self.add(&Operation::Insert(Wire(&key), Wire(&value)))
            }
        }
    };
}
pub(super) use keyed;

/// The command of an exchange.
pub(super) fn exchange<K: Datum, V: Datum>(
    key: &K,
    expected: Option<&V>,
    new: Option<&V>,
    answers: bool,
) -> Result<Bytes, EncodeError> {
    let operation = Operation::Exchange {
        key: Wire(key),
        expected: expectation(expected)?,
        new: new.map(Wire),
    };
    command(&operation, answers)
}

/// The changes of a table.
type Change<T> = MapChange<<T as Table>::Key, <T as Table>::Value>;

impl<T: Table> Structure for Keyed<T> {
    type Types = (T::Key, T::Value);
    const KIND: &'static str = T::KIND;

    type Operation = Operation<Held<T::Key>, Held<T::Value>>;
    type Change = Change<T>;
    type Item = (Held<T::Key>, Held<T::Value>);

    fn apply(&mut self, operation: Self::Operation, effects: &mut Effects<Self::Change>) -> Reply {
        match operation {
            Operation::Insert(key, value) => return self.set(key.0, value.0, effects),
            Operation::Extend(entries) => {
                for (key, value) in entries {
                    self.set(key.0, value.0, effects);
                }
            }
            Operation::Remove(key) => return self.unset(key.0, effects),
            Operation::RemoveMany(keys) => {
                for key in keys {
                    self.unset(key.0, effects);
                }
            }
            Operation::Exchange { key, expected, new } => {
                return self.exchange(key.0, expected, new.map(|new| new.0), effects);
            }
            Operation::Clear => {
                if self.0.count() > 0 {
                    self.0 = T::default();
                    effects.record(|| MapChange::Cleared);
                }
            }
        }
        Reply::Done
    }

    fn is_sweeping(operation: &Self::Operation) -> bool {
        matches!(operation, Operation::Clear)
    }

    fn count(&self) -> usize {
        self.0.count()
    }

    fn items(&self) -> Items<Self::Item> {
        Box::new(
            self.0
                .entries()
                .map(|(key, value)| (Held(key), Held(value))),
        )
    }

    fn load(&mut self, (key, value): Self::Item) {
        self.0.put(key.0, value.0);
    }
}
