//! `Map` and `OrderedMap` against a `BTreeMap`.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::MapChange;
use super::super::keyed;
use super::super::structure::Structure as _;
use super::super::wire::{Wire, command};
use super::{Expected, Model, bytes_of, value_of};

pub(super) type MapOperation = keyed::Operation<u8, u16>;

impl Clone for MapOperation {
    fn clone(&self) -> Self {
        match self {
            Self::Insert(key, value) => Self::Insert(*key, *value),
            Self::Extend(entries) => Self::Extend(entries.clone()),
            Self::Remove(key) => Self::Remove(*key),
            Self::RemoveMany(keys) => Self::RemoveMany(keys.clone()),
            Self::Exchange { key, expected, new } => Self::Exchange {
                key: *key,
                expected: expected.clone(),
                new: *new,
            },
            Self::Clear => Self::Clear,
        }
    }
}

pub(super) fn map_operations() -> impl Strategy<Value = Vec<MapOperation>> {
    let (key, value) = (0..6u8, 0..3u16);
    let operation = prop_oneof![
        6 => (key.clone(), value.clone()).prop_map(|(key, value)| MapOperation::Insert(key, value)),
        1 => prop::collection::vec((key.clone(), value.clone()), 0..4).prop_map(MapOperation::Extend),
        3 => key.clone().prop_map(MapOperation::Remove),
        1 => prop::collection::vec(key.clone(), 0..4).prop_map(MapOperation::RemoveMany),
        4 => (key, prop::option::of(value.clone()), prop::option::of(value)).prop_map(
            |(key, expected, new)| MapOperation::Exchange { key, expected: bytes_of(expected), new }
        ),
        1 => Just(MapOperation::Clear),
    ];
    prop::collection::vec(operation, 0..40)
}

/// The model of the three kinds with keys; `T` is the table.
pub(super) struct KeyedModel<T>(BTreeMap<u8, u16>, core::marker::PhantomData<T>);

impl<T> Default for KeyedModel<T> {
    fn default() -> Self {
        Self(BTreeMap::new(), core::marker::PhantomData)
    }
}

impl<T: keyed::Table<Key = u8, Value = u16>> Model for KeyedModel<T> {
    type Structure = keyed::Keyed<T>;
    type Operation = MapOperation;
    type Content = BTreeMap<u8, u16>;

    fn command(operation: &MapOperation) -> Bytes {
        use keyed::Operation as O;
        let wired = match operation {
            O::Insert(key, value) => O::Insert(Wire(key), Wire(value)),
            O::Extend(entries) => O::extend(entries),
            O::Remove(key) => O::Remove(Wire(key)),
            O::RemoveMany(keys) => O::remove_many(keys),
            O::Exchange { key, expected, new } => O::Exchange {
                key: Wire(key),
                expected: expected.clone(),
                new: new.as_ref().map(Wire),
            },
            O::Clear => O::Clear,
        };
        command(&wired, true).unwrap()
    }

    fn step(&mut self, operation: &MapOperation) -> Expected {
        use keyed::Operation as O;
        match operation {
            O::Insert(key, value) => {
                return Expected::Found(self.0.insert(*key, *value).is_some());
            }
            O::Extend(entries) => self.0.extend(entries.iter().copied()),
            O::Remove(key) => return Expected::Found(self.0.remove(key).is_some()),
            O::RemoveMany(keys) => self.0.retain(|key, _| !keys.contains(key)),
            O::Exchange { key, expected, new } => {
                let exchanged = self.0.get(key).copied() == value_of(expected.as_ref());
                match new {
                    _ if !exchanged => {}
                    Some(value) => _ = self.0.insert(*key, *value),
                    None => _ = self.0.remove(key),
                }
                return Expected::Exchanged(exchanged);
            }
            O::Clear => self.0.clear(),
        }
        Expected::Done
    }

    fn verify(&self, structure: &keyed::Keyed<T>) {
        let entries: BTreeMap<u8, u16> = structure.0.entries().collect();
        assert_eq!(entries, self.0);
        assert_eq!(structure.count(), self.0.len());
        for key in 0..6 {
            assert_eq!(structure.0.value(&key), self.0.get(&key));
        }
    }

    fn mirror(content: &mut BTreeMap<u8, u16>, change: MapChange<u8, u16>) {
        match change {
            MapChange::Set { key, old, new } => assert_eq!(content.insert(key, new), old),
            MapChange::Removed { key, old } => assert_eq!(content.remove(&key), Some(old)),
            MapChange::Cleared => content.clear(),
        }
    }

    fn content(&self) -> BTreeMap<u8, u16> {
        self.0.clone()
    }
}
