//! `PriorityQueue` against a `BTreeMap` that is sorted by rank.

use core::ops::Bound;
use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::QueueChange;
use super::super::ranking;
use super::super::structure::Structure as _;
use super::super::wire::{Wire, command, expectation};
use super::{Expected, Model};

const CAPACITY: u64 = 4;

/// Key to (priority, place among equals, value).
#[derive(Default)]
pub(super) struct QueueModel {
    entries: BTreeMap<u8, (u8, u64, u16)>,
    next: u64,
}

#[derive(Clone, Debug)]
pub(super) enum QueueOperation {
    Insert(u8, u8, u16),
    Extend(Vec<(u8, u8, u16)>),
    UpdatePriority(u8, u8),
    UpdateValue(u8, u16),
    Exchange(u8, u16, Option<u16>),
    Remove(u8),
    RemoveKeys(Vec<u8>),
    RemoveRange(Bound<u8>, Bound<u8>),
    Clear,
}

pub(super) fn queue_operations() -> impl Strategy<Value = Vec<QueueOperation>> {
    use QueueOperation as O;
    let (priority, key, value) = (0..4u8, 0..7u8, 0..3u16);
    let item = (priority.clone(), key.clone(), value.clone());
    let bound = prop_oneof![
        Just(Bound::Unbounded),
        priority.clone().prop_map(Bound::Included),
        priority.clone().prop_map(Bound::Excluded),
    ];
    let operation = prop_oneof![
        8 => item.clone().prop_map(|(priority, key, value)| O::Insert(priority, key, value)),
        2 => prop::collection::vec(item, 0..6).prop_map(O::Extend),
        3 => (key.clone(), priority).prop_map(|(key, priority)| O::UpdatePriority(key, priority)),
        2 => (key.clone(), value.clone()).prop_map(|(key, value)| O::UpdateValue(key, value)),
        3 => (key.clone(), value.clone(), prop::option::of(value))
            .prop_map(|(key, expected, new)| O::Exchange(key, expected, new)),
        2 => key.clone().prop_map(O::Remove),
        1 => prop::collection::vec(key, 0..3).prop_map(O::RemoveKeys),
        1 => (bound.clone(), bound).prop_map(|(start, end)| O::RemoveRange(start, end)),
        1 => Just(O::Clear),
    ];
    prop::collection::vec(operation, 0..60)
}

impl QueueModel {
    fn set(&mut self, priority: u8, key: u8, value: u16) -> bool {
        let old = self.entries.get(&key).copied();
        let place = match old {
            Some((same, place, _)) if same == priority => place,
            _ => {
                self.next += 1;
                self.next
            }
        };
        self.entries.insert(key, (priority, place, value));
        while self.entries.len() as u64 > CAPACITY {
            let lowest = self.ranked().remove(0).1;
            self.entries.remove(&lowest);
        }
        old.is_some()
    }

    /// From the lowest to the highest.
    fn ranked(&self) -> Vec<(u8, u8, u16)> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_by_key(|(_, (priority, place, _))| (*priority, core::cmp::Reverse(*place)));
        all.iter()
            .map(|(key, (priority, _, value))| (*priority, **key, *value))
            .collect()
    }
}

impl Model for QueueModel {
    type Structure = ranking::Ranking<u8, u8, u16, CAPACITY>;
    type Operation = QueueOperation;
    type Content = BTreeMap<u8, (u8, u16)>;

    fn command(operation: &QueueOperation) -> Bytes {
        use ranking::Operation as O;
        let bytes = |value: &u16| expectation(Some(value)).unwrap().unwrap();
        let wired = match operation {
            QueueOperation::Insert(priority, key, value) => {
                O::Insert(Wire(priority), Wire(key), Wire(value))
            }
            QueueOperation::Extend(items) => O::extend(items),
            QueueOperation::UpdatePriority(key, priority) => {
                O::UpdatePriority(Wire(key), Wire(priority))
            }
            QueueOperation::UpdateValue(key, value) => O::UpdateValue(Wire(key), Wire(value)),
            QueueOperation::Exchange(key, expected, new) => O::ExchangeValue {
                key: Wire(key),
                expected: bytes(expected),
                new: new.as_ref().map(Wire),
            },
            QueueOperation::Remove(key) => O::Remove(Wire(key)),
            QueueOperation::RemoveKeys(keys) => O::remove_keys(keys),
            QueueOperation::RemoveRange(start, end) => {
                O::remove_range(start.as_ref(), end.as_ref())
            }
            QueueOperation::Clear => O::Clear,
        };
        command(&wired, true).unwrap()
    }

    fn step(&mut self, operation: &QueueOperation) -> Expected {
        use QueueOperation as O;
        match operation {
            O::Insert(priority, key, value) => {
                return Expected::Found(self.set(*priority, *key, *value));
            }
            O::Extend(items) => {
                for (priority, key, value) in items {
                    self.set(*priority, *key, *value);
                }
            }
            O::UpdatePriority(key, priority) => {
                if let Some((_, _, value)) = self.entries.get(key).copied() {
                    return Expected::Found(self.set(*priority, *key, value));
                }
            }
            O::UpdateValue(key, value) => {
                if let Some((priority, _, _)) = self.entries.get(key).copied() {
                    return Expected::Found(self.set(priority, *key, *value));
                }
            }
            O::Exchange(key, expected, new) => {
                let current = self.entries.get(key).copied();
                let Some((priority, _, _)) = current.filter(|current| current.2 == *expected)
                else {
                    return Expected::Exchanged(false);
                };
                match new {
                    Some(value) => _ = self.set(priority, *key, *value),
                    None => _ = self.entries.remove(key),
                }
                return Expected::Exchanged(true);
            }
            O::Remove(key) => return Expected::Found(self.entries.remove(key).is_some()),
            O::RemoveKeys(keys) => self.entries.retain(|key, _| !keys.contains(key)),
            O::RemoveRange(start, end) => {
                use core::ops::RangeBounds as _;
                let range = (*start, *end);
                self.entries
                    .retain(|_, (priority, _, _)| !range.contains(priority));
            }
            O::Clear => self.entries.clear(),
        }
        Expected::Done
    }

    fn verify(&self, structure: &Self::Structure) {
        let ranked = self.ranked();
        assert_eq!(structure.ascending().collect::<Vec<_>>(), ranked);
        assert!(structure.descending().eq(ranked.iter().rev().copied()));
        assert_eq!(structure.lowest(), ranked.first().copied());
        assert_eq!(structure.highest(), ranked.last().copied());
        assert_eq!(structure.count(), ranked.len());
        for (priority, key, value) in ranked {
            assert_eq!(structure.find(&key), Some((&priority, &value)));
        }
    }

    fn mirror(content: &mut Self::Content, change: QueueChange<u8, u8, u16>) {
        match change {
            QueueChange::Set { key, old, new } => assert_eq!(content.insert(key, new), old),
            QueueChange::Removed { key, old } => assert_eq!(content.remove(&key), Some(old)),
            QueueChange::Cleared => content.clear(),
        }
    }

    fn content(&self) -> Self::Content {
        self.entries
            .iter()
            .map(|(key, (priority, _, value))| (*key, (*priority, *value)))
            .collect()
    }
}
