//! Every structure against a plain one of std: the same operations, in random order, with snapshots in between.
//!
//! A run keeps two replicas, which end their runs at different commands and of which one is replaced by its snapshot now
//! and then, and a mirror that is built from change events alone.

use core::fmt::Debug;
use core::ops::Bound;
use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use proptest::prelude::*;

use super::config::SyncConfig;
use super::history::{Changes, Event};
use super::machine::Machine;
use super::structure::{Reply, Structure};
use super::wire::{Wire, command, expectation};
use super::{CellChange, MapChange, QueueChange, VecChange};
use super::{elements, keyed, ranking, slot};
use crate::groups::{Checkpoint as _, SnapshotMachine as _, StateMachine as _};

/// A structure, its model and how they go together.
trait Model: Sized + Default {
    type Structure: Structure;
    type Operation: Debug + Clone;
    /// What the mirror holds.
    type Content: Default + PartialEq + Debug;

    fn command(operation: &Self::Operation) -> Bytes;
    fn step(&mut self, operation: &Self::Operation) -> Expected;
    fn verify(&self, structure: &Self::Structure);
    fn mirror(content: &mut Self::Content, change: <Self::Structure as Structure>::Change);
    fn content(&self) -> Self::Content;
}

/// What the writer should be told.
#[derive(Debug, PartialEq)]
enum Expected {
    Done,
    Refused,
    Found(bool),
    Exchanged(bool),
}

fn machine<S: Structure>() -> Machine<S> {
    let sync = SyncConfig::default().with_fetch_batch_size(3);
    Machine::new("store".into(), true, sync, 100_000)
}

fn copy<S: Structure>(machine: &Machine<S>) -> Machine<S> {
    let mut checkpoint = machine.checkpoint();
    let mut copy = self::machine();
    copy.restore(&mut core::iter::from_fn(|| checkpoint.next_chunk()))
        .unwrap();
    copy
}

fn run<M: Model>(operations: &[M::Operation]) {
    let mut model = M::default();
    let (mut one, mut other) = (machine::<M::Structure>(), machine::<M::Structure>());
    let mut changes = Changes::follow(&one.shared().history, None);
    one.end_of_run();
    let mut content = M::Content::default();
    for (position, operation) in operations.iter().enumerate() {
        let version = (position as u64 + 1).into();
        let command = M::command(operation);
        let reply = one.apply_command(version, &command);
        assert_eq!(reply, other.apply_command(version, &command));
        assert_eq!(told(&reply), model.step(operation), "{operation:?}");
        one.end_of_run();
        if position % 3 == 0 {
            other.end_of_run();
        }
        if position % 7 == 0 {
            other = copy(&one);
        }
        model.verify(one.shared().latest().state());
        while let Some(Some(event)) = changes.next().now_or_never() {
            let Event::Changed {
                version: at,
                change,
            } = event
            else {
                panic!("nothing is lost here");
            };
            assert_eq!(*at, version);
            M::mirror(&mut content, change);
        }
        assert_eq!(content, model.content(), "after {operation:?}");
    }
    other.end_of_run();
    let (one, other) = (one.shared().latest(), other.shared().latest());
    assert_eq!(one.state_digest(), other.state_digest());
}

fn told(reply: &Reply) -> Expected {
    match reply {
        Reply::Done | Reply::Verified(_) => Expected::Done,
        Reply::Refused(_) => Expected::Refused,
        Reply::Found(value) => Expected::Found(value.is_some()),
        Reply::Exchange { exchanged, .. } => Expected::Exchanged(*exchanged),
    }
}

type MapOperation = keyed::Operation<u8, u16>;

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

fn bytes_of(value: Option<u16>) -> Option<Bytes> {
    expectation(value.as_ref()).unwrap()
}

fn value_of(bytes: Option<&Bytes>) -> Option<u16> {
    use crate::Datum as _;
    bytes.map(|bytes| u16::decode(bytes).unwrap())
}

fn map_operations() -> impl Strategy<Value = Vec<MapOperation>> {
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
struct KeyedModel<T>(BTreeMap<u8, u16>, core::marker::PhantomData<T>);

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

#[derive(Default)]
struct VecModel(Vec<u16>);

#[derive(Clone, Debug)]
enum VecOperation {
    PushBack(u16),
    PushFront(u16),
    Insert(u64, u16),
    Extend(Vec<u16>),
    Remove(u64),
    PopBack,
    PopFront,
    Swap(u64, u64),
    Truncate(u64),
    Clear,
}

fn vec_operations() -> impl Strategy<Value = Vec<VecOperation>> {
    use VecOperation as O;
    let (index, value) = (0..70u64, any::<u16>());
    let operation = prop_oneof![
        6 => value.prop_map(O::PushBack),
        3 => value.prop_map(O::PushFront),
        4 => (index.clone(), value).prop_map(|(index, value)| O::Insert(index, value)),
        2 => prop::collection::vec(value, 0..30).prop_map(O::Extend),
        3 => index.clone().prop_map(O::Remove),
        1 => Just(O::Remove(u64::MAX)),
        2 => Just(O::PopBack),
        2 => Just(O::PopFront),
        3 => (index.clone(), index.clone()).prop_map(|(i, j)| O::Swap(i, j)),
        1 => index.prop_map(O::Truncate),
        1 => Just(O::Clear),
    ];
    prop::collection::vec(operation, 0..60)
}

impl Model for VecModel {
    type Structure = elements::Elements<u16>;
    type Operation = VecOperation;
    type Content = Vec<u16>;

    fn command(operation: &VecOperation) -> Bytes {
        use elements::Operation as O;
        let wired = match operation {
            VecOperation::PushBack(value) => O::PushBack(Wire(value)),
            VecOperation::PushFront(value) => O::PushFront(Wire(value)),
            VecOperation::Insert(index, value) => O::Insert(*index, Wire(value)),
            VecOperation::Extend(values) => O::extend(values),
            VecOperation::Remove(index) => O::Remove(*index),
            VecOperation::PopBack => O::PopBack,
            VecOperation::PopFront => O::PopFront,
            VecOperation::Swap(i, j) => O::Swap(*i, *j),
            VecOperation::Truncate(len) => O::Truncate(*len),
            VecOperation::Clear => O::Clear,
        };
        command(&wired, true).unwrap()
    }

    fn step(&mut self, operation: &VecOperation) -> Expected {
        let len = self.0.len() as u64;
        match operation {
            VecOperation::PushBack(value) => self.0.push(*value),
            VecOperation::PushFront(value) => self.0.insert(0, *value),
            VecOperation::Insert(index, _) if *index > len => return Expected::Refused,
            VecOperation::Insert(index, value) => self.0.insert(*index as usize, *value),
            VecOperation::Extend(values) => self.0.extend(values),
            VecOperation::Remove(index) => {
                if *index < len {
                    self.0.remove(*index as usize);
                }
                return Expected::Found(*index < len);
            }
            VecOperation::PopBack => return Expected::Found(self.0.pop().is_some()),
            VecOperation::PopFront => {
                if len > 0 {
                    self.0.remove(0);
                }
                return Expected::Found(len > 0);
            }
            VecOperation::Swap(i, j) if *i < len && *j < len => {
                self.0.swap(*i as usize, *j as usize);
            }
            VecOperation::Swap(..) => {}
            VecOperation::Truncate(len) => self.0.truncate(*len as usize),
            VecOperation::Clear => self.0.clear(),
        }
        Expected::Done
    }

    fn verify(&self, structure: &elements::Elements<u16>) {
        assert!(structure.0.iter().eq(&self.0));
        assert_eq!(structure.count(), self.0.len());
    }

    fn mirror(content: &mut Vec<u16>, change: VecChange<u16>) {
        let range = change.range.start as usize..change.range.end as usize;
        content.splice(range, change.values);
    }

    fn content(&self) -> Vec<u16> {
        self.0.clone()
    }
}

/// The model of `Cell`, or with `ONCE` of `Once`.
#[derive(Default)]
struct SlotModel<const ONCE: bool>(Option<u16>);

#[derive(Clone, Debug)]
enum SlotOperation {
    Write(u16),
    Exchange(Option<u16>, Option<u16>),
    Clear,
}

fn slot_operations() -> impl Strategy<Value = Vec<SlotOperation>> {
    let value = || 0..3u16;
    let operation = prop_oneof![
        value().prop_map(SlotOperation::Write),
        (prop::option::of(value()), prop::option::of(value()))
            .prop_map(|(expected, new)| SlotOperation::Exchange(expected, new)),
        Just(SlotOperation::Clear),
    ];
    prop::collection::vec(operation, 0..20)
}

impl<const ONCE: bool> Model for SlotModel<ONCE> {
    type Structure = slot::Slot<u16, ONCE>;
    type Operation = SlotOperation;
    type Content = Option<u16>;

    fn command(operation: &SlotOperation) -> Bytes {
        use slot::Operation as O;
        let wired = match operation {
            SlotOperation::Write(value) => O::Write(Wire(value)),
            SlotOperation::Exchange(expected, new) => O::Exchange {
                expected: bytes_of(*expected),
                new: new.as_ref().map(Wire),
            },
            SlotOperation::Clear => O::Clear,
        };
        command(&wired, true).unwrap()
    }

    fn step(&mut self, operation: &SlotOperation) -> Expected {
        let before = self.0;
        let is_final = ONCE && before.is_some();
        let (told, new) = match operation {
            SlotOperation::Write(value) => (Expected::Found(before.is_some()), Some(*value)),
            SlotOperation::Clear => (Expected::Found(before.is_some()), None),
            SlotOperation::Exchange(expected, new) => {
                let exchanged = !is_final && *expected == before;
                let new = if exchanged { *new } else { before };
                (Expected::Exchanged(exchanged), new)
            }
        };
        if !is_final {
            self.0 = new;
        }
        told
    }

    fn verify(&self, structure: &slot::Slot<u16, ONCE>) {
        assert_eq!(structure.0, self.0);
    }

    fn mirror(content: &mut Option<u16>, change: CellChange<u16>) {
        assert_eq!(*content, change.old);
        *content = change.new;
    }

    fn content(&self) -> Option<u16> {
        self.0
    }
}

const CAPACITY: u64 = 4;

/// Key to (priority, place among equals, value).
#[derive(Default)]
struct QueueModel {
    entries: BTreeMap<u8, (u8, u64, u16)>,
    next: u64,
}

#[derive(Clone, Debug)]
enum QueueOperation {
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

fn queue_operations() -> impl Strategy<Value = Vec<QueueOperation>> {
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn map(operations in map_operations()) {
        run::<KeyedModel<keyed::Hashed<u8, u16>>>(&operations);
    }

    #[test]
    fn ordered_map(operations in map_operations()) {
        run::<KeyedModel<keyed::Sorted<u8, u16>>>(&operations);
    }

    #[test]
    fn vec(operations in vec_operations()) {
        run::<VecModel>(&operations);
    }

    #[test]
    fn cell(operations in slot_operations()) {
        run::<SlotModel<false>>(&operations);
    }

    #[test]
    fn once(operations in slot_operations()) {
        run::<SlotModel<true>>(&operations);
    }

    #[test]
    fn bounded_queue(operations in queue_operations()) {
        run::<QueueModel>(&operations);
    }

    /// Bytes of a stranger change every replica in the same way, or none, and panic nowhere.
    #[test]
    fn any_bytes_are_applied(commands in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20)) {
        fn apply<S: Structure>(commands: &[Vec<u8>]) {
            let (mut one, mut other) = (machine::<S>(), machine::<S>());
            for (position, bytes) in commands.iter().enumerate() {
                let framed: Vec<u8> = [1, position as u8 % 3].iter().chain(bytes).copied().collect();
                for bytes in [bytes, &framed] {
                    let version = (position as u64 + 1).into();
                    assert_eq!(one.apply_command(version, bytes), other.apply_command(version, bytes));
                }
            }
            one.end_of_run();
            other.end_of_run();
            assert_eq!(one.shared().latest().state_digest(), other.shared().latest().state_digest());
        }
        apply::<keyed::Keyed<keyed::Hashed<u8, u8>>>(&commands);
        apply::<keyed::Keyed<keyed::Members<u8>>>(&commands);
        apply::<elements::Elements<u8>>(&commands);
        apply::<slot::Slot<u8, true>>(&commands);
        apply::<ranking::Ranking<u8, u8, u8, 2>>(&commands);
    }
}

/// Adds to a batch until it is refused: then nothing of it counts, and nobody hears of it.
#[test]
fn a_batch_takes_effect_whole_or_not_at_all() {
    let mut machine = machine::<elements::Elements<u16>>();
    let mut changes = Changes::follow(&machine.shared().history, None);
    machine.end_of_run();
    let encode = |operation: &elements::Operation<Wire<'_, u16>>| {
        crate::primitives::encode(operation).unwrap()
    };
    let push = encode(&elements::Operation::PushBack(Wire(&7)));
    let beyond = encode(&elements::Operation::Insert(9, Wire(&8)));
    let whole = super::wire::together(&[push.clone(), push.clone()]).unwrap();
    let broken = super::wire::together(&[push, beyond]).unwrap();
    assert_eq!(machine.apply_command(1.into(), &whole), Reply::Done);
    let refused = machine.apply_command(2.into(), &broken);
    assert_eq!(told(&refused), Expected::Refused);
    machine.end_of_run();
    let latest = machine.shared().latest();
    assert_eq!(latest.iter().collect::<Vec<_>>(), [7, 7]);
    assert_eq!(*latest.version(), 2);
    let versions = core::iter::from_fn(|| changes.next().now_or_never().flatten())
        .map(|event| *event.version())
        .collect::<Vec<_>>();
    assert_eq!(versions, [1, 1]);
}

/// Two keys, of which each replica got the earlier in another way, are evicted in the same order.
#[test]
fn a_snapshot_keeps_the_order_among_equals() {
    let mut one = machine::<ranking::Ranking<u8, u8, u8, 2>>();
    let insert = |priority: u8, key: u8| {
        let operation = ranking::Operation::Insert(Wire(&priority), Wire(&key), Wire(&0u8));
        command(&operation, false).unwrap()
    };
    one.apply_command(1.into(), &insert(5, 1));
    one.apply_command(2.into(), &insert(5, 2));
    let mut other = copy(&one);
    for machine in [&mut one, &mut other] {
        machine.apply_command(3.into(), &insert(5, 3));
        machine.apply_command(4.into(), &insert(6, 4));
        machine.end_of_run();
        let latest = machine.shared().latest();
        let keys: Vec<u8> = latest.iter_desc().map(|(_, key, _)| key).collect();
        assert_eq!(keys, [4, 1], "of equals, the latest goes first");
    }
}
