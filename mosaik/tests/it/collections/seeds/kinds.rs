//! Kinds of collections as a run sees them: what is written to them, and what std would make of it.

use std::{collections::BTreeMap, fmt::Debug, future::Future};

use futures::future::BoxFuture;
use mosaik::{
    collections::{
        BoundedPriorityQueue, Changes, CollectionConfig, Error, Map, MapChange, QueueChange,
        Returned, VecChange, Version, When,
    },
    *,
};
use rand::{RngExt as _, rngs::SmallRng};

/// A kind of collection beside its model of std.
pub(super) trait Kind: 'static {
    type Writer: Handle<Change = Self::Change, Model = Self::Model>;
    type Reader: Handle<Change = Self::Change, Model = Self::Model>;
    type Change: Clone + Debug + PartialEq + Send + Sync + 'static;
    type Write: Clone + Debug;
    type Model: Clone + Debug + Default + PartialEq;

    fn writer(node: &Network, config: CollectionConfig) -> Self::Writer;
    fn reader(node: &Network, config: CollectionConfig) -> Self::Reader;

    /// Something to write; `number` was never written before.
    fn think(rng: &mut SmallRng, writer: &Self::Writer, number: u64) -> Self::Write;

    /// Writes it: the version, and what its writer was told of the value before, if it asked.
    fn write(
        writer: &Self::Writer,
        write: &Self::Write,
    ) -> impl Future<Output = Result<(Version, Told), Failed>>;

    /// Does to the model what a write does, and says what its writer should be told.
    fn step(model: &mut Self::Model, write: &Self::Write) -> Told;

    /// Does to the model what a change says.
    fn follow(model: &mut Self::Model, change: Self::Change);
}

/// The value before, of a write that asks for it.
pub(super) type Told = Option<Option<u64>>;

/// A write that was not acknowledged.
pub(super) struct Failed {
    /// It certainly changed nothing.
    pub(super) is_definite: bool,
}

/// What handles of all kinds have.
pub(super) trait Handle {
    type Change;
    type Model;

    fn changes(&self) -> Changes<Self::Change>;
    fn when(&self) -> &When;
    fn sync(&self) -> BoxFuture<'static, Option<Version>>;
    fn state_digest(&self) -> Digest;
    fn status(&self) -> String;
    /// What is there, and as of when.
    fn content(&self) -> (Version, Self::Model);
}

macro_rules! handle {
    ($handle:ty, $change:ty, $model:ty, |$snapshot:ident| $content:expr) => {
        impl<const IS_WRITER: bool> Handle for $handle {
            type Change = $change;
            type Model = $model;

            fn changes(&self) -> Changes<$change> {
                self.changes()
            }

            fn when(&self) -> &When {
                self.when()
            }

            fn sync(&self) -> BoxFuture<'static, Option<Version>> {
                let synced = self.sync();
                Box::pin(async move { synced.await.ok() })
            }

            fn state_digest(&self) -> Digest {
                self.state_digest()
            }

            fn status(&self) -> String {
                self.status().to_string()
            }

            fn content(&self) -> (Version, $model) {
                let $snapshot = self.snapshot();
                ($snapshot.version(), $content)
            }
        }
    };
}

/// A write that tells nothing.
async fn plain<T>(
    written: impl Future<Output = Result<Version, Error<T>>>,
) -> Result<(Version, Told), Failed> {
    written
        .await
        .map(|version| (version, None))
        .map_err(|error| failed(&error))
}

/// A write that tells the value before.
async fn telling<V, T>(
    written: impl Future<Output = Result<Returned<Option<V>>, Error<T>>>,
    value: impl Fn(V) -> u64,
) -> Result<(Version, Told), Failed> {
    written
        .await
        .map(|returned| (returned.version, Some(returned.value.map(value))))
        .map_err(|error| failed(&error))
}

fn failed<T>(error: &Error<T>) -> Failed {
    Failed {
        is_definite: error.is_definite(),
    }
}

/// A `Map` beside a `BTreeMap`.
pub(super) struct Maps;

handle!(
    Map<u8, u64, IS_WRITER>,
    MapChange<u8, u64>,
    BTreeMap<u8, u64>,
    |snapshot| snapshot.iter().collect()
);

#[derive(Clone, Debug)]
pub(super) enum MapWrite {
    Insert(u8, u64),
    InsertReturning(u8, u64),
    Extend(Vec<(u8, u64)>),
    Exchange(u8, Option<u64>, Option<u64>),
    Remove(u8),
    RemoveReturning(u8),
    Clear,
}

impl Kind for Maps {
    type Writer = Map<u8, u64>;
    type Reader = Map<u8, u64, false>;
    type Change = MapChange<u8, u64>;
    type Write = MapWrite;
    type Model = BTreeMap<u8, u64>;

    fn writer(node: &Network, config: CollectionConfig) -> Self::Writer {
        Map::writer_with_config(node, "map", config)
    }

    fn reader(node: &Network, config: CollectionConfig) -> Self::Reader {
        Map::<u8, u64>::reader_with_config(node, "map", config)
    }

    fn think(rng: &mut SmallRng, writer: &Self::Writer, number: u64) -> MapWrite {
        let key = rng.random_range(0..5);
        match rng.random_range(0..20) {
            0..6 => MapWrite::Insert(key, number),
            6..10 => MapWrite::InsertReturning(key, number),
            10..12 => MapWrite::Extend(vec![(key, number), (key / 2, number), (4, number)]),
            12..16 => {
                let new = rng.random_bool(0.7).then_some(number);
                MapWrite::Exchange(key, writer.get(&key), new)
            }
            16 => MapWrite::Remove(key),
            17 | 18 => MapWrite::RemoveReturning(key),
            _ => MapWrite::Clear,
        }
    }

    async fn write(writer: &Self::Writer, write: &MapWrite) -> Result<(Version, Told), Failed> {
        match write.clone() {
            MapWrite::Insert(key, value) => plain(writer.insert(key, value)).await,
            MapWrite::InsertReturning(key, value) => {
                telling(writer.insert_returning(key, value), |value| value).await
            }
            MapWrite::Extend(entries) => plain(writer.extend(entries)).await,
            MapWrite::Exchange(key, expected, new) => {
                plain(writer.compare_exchange(key, expected, new)).await
            }
            MapWrite::Remove(key) => plain(writer.remove(&key)).await,
            MapWrite::RemoveReturning(key) => {
                telling(writer.remove_returning(&key), |value| value).await
            }
            MapWrite::Clear => plain(writer.clear()).await,
        }
    }

    fn step(model: &mut Self::Model, write: &MapWrite) -> Told {
        match write {
            MapWrite::Insert(key, value) => _ = model.insert(*key, *value),
            MapWrite::InsertReturning(key, value) => return Some(model.insert(*key, *value)),
            MapWrite::Extend(entries) => model.extend(entries.iter().copied()),
            MapWrite::Exchange(key, expected, new) => {
                if model.get(key) == expected.as_ref() {
                    match new {
                        Some(value) => _ = model.insert(*key, *value),
                        None => _ = model.remove(key),
                    }
                }
            }
            MapWrite::Remove(key) => _ = model.remove(key),
            MapWrite::RemoveReturning(key) => return Some(model.remove(key)),
            MapWrite::Clear => model.clear(),
        }
        None
    }

    fn follow(model: &mut Self::Model, change: MapChange<u8, u64>) {
        match change {
            MapChange::Set { key, old, new } => assert_eq!(model.insert(key, new), old),
            MapChange::Removed { key, old } => assert_eq!(model.remove(&key), Some(old)),
            MapChange::Cleared => model.clear(),
            change => panic!("{change:?}"),
        }
    }
}

/// A `Vec` beside one of std.
pub(super) struct Rows;

handle!(
    collections::Vec<u64, IS_WRITER>,
    VecChange<u64>,
    Vec<u64>,
    |snapshot| snapshot.iter().collect()
);

#[derive(Clone, Debug)]
pub(super) enum RowWrite {
    PushBack(u64),
    PushFront(u64),
    Insert(u64, u64),
    Extend(Vec<u64>),
    Remove(u64),
    RemoveReturning(u64),
    PopBack,
    PopFrontReturning,
    Swap(u64, u64),
    Truncate(usize),
}

impl Kind for Rows {
    type Writer = collections::Vec<u64>;
    type Reader = collections::Vec<u64, false>;
    type Change = VecChange<u64>;
    type Write = RowWrite;
    type Model = Vec<u64>;

    fn writer(node: &Network, config: CollectionConfig) -> Self::Writer {
        collections::Vec::writer_with_config(node, "row", config)
    }

    fn reader(node: &Network, config: CollectionConfig) -> Self::Reader {
        collections::Vec::<u64>::reader_with_config(node, "row", config)
    }

    fn think(rng: &mut SmallRng, _: &Self::Writer, number: u64) -> RowWrite {
        let (one, other) = (rng.random_range(0..12), rng.random_range(0..12));
        match rng.random_range(0..20) {
            0..6 => RowWrite::PushBack(number),
            6 | 7 => RowWrite::PushFront(number),
            8..11 => RowWrite::Insert(one, number),
            11 | 12 => RowWrite::Extend(vec![number; 3]),
            13 => RowWrite::Remove(one),
            14 => RowWrite::RemoveReturning(one),
            15 => RowWrite::PopBack,
            16 => RowWrite::PopFrontReturning,
            17 | 18 => RowWrite::Swap(one, other),
            _ => RowWrite::Truncate(10),
        }
    }

    async fn write(writer: &Self::Writer, write: &RowWrite) -> Result<(Version, Told), Failed> {
        match write.clone() {
            RowWrite::PushBack(value) => plain(writer.push_back(value)).await,
            RowWrite::PushFront(value) => plain(writer.push_front(value)).await,
            RowWrite::Insert(index, value) => plain(writer.insert(index, value)).await,
            RowWrite::Extend(values) => plain(writer.extend(values)).await,
            RowWrite::Remove(index) => plain(writer.remove(index)).await,
            RowWrite::RemoveReturning(index) => {
                telling(writer.remove_returning(index), |value| value).await
            }
            RowWrite::PopBack => plain(writer.pop_back()).await,
            RowWrite::PopFrontReturning => {
                telling(writer.pop_front_returning(), |value| value).await
            }
            RowWrite::Swap(one, other) => plain(writer.swap(one, other)).await,
            RowWrite::Truncate(len) => plain(writer.truncate(len)).await,
        }
    }

    fn step(model: &mut Self::Model, write: &RowWrite) -> Told {
        let len = model.len();
        let inside = |index: u64| (index as usize) < len;
        match write {
            RowWrite::PushBack(value) => model.push(*value),
            RowWrite::PushFront(value) => model.insert(0, *value),
            RowWrite::Insert(index, value) => model.insert(*index as usize, *value),
            RowWrite::Extend(values) => model.extend(values),
            RowWrite::Remove(index) if inside(*index) => _ = model.remove(*index as usize),
            RowWrite::RemoveReturning(index) => {
                return Some(inside(*index).then(|| model.remove(*index as usize)));
            }
            RowWrite::PopBack => _ = model.pop(),
            RowWrite::PopFrontReturning => {
                return Some((!model.is_empty()).then(|| model.remove(0)));
            }
            RowWrite::Swap(one, other) if inside(*one) && inside(*other) => {
                model.swap(*one as usize, *other as usize);
            }
            RowWrite::Truncate(len) => model.truncate(*len),
            RowWrite::Remove(_) | RowWrite::Swap(..) => {}
        }
        None
    }

    fn follow(model: &mut Self::Model, change: VecChange<u64>) {
        let VecChange { range, values } = change;
        drop(model.splice(range.start as usize..range.end as usize, values));
    }
}

/// A `PriorityQueue` of four beside a `BTreeMap`.
pub(super) struct Queues;

/// From keys to priority, place among equals and value.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueModel {
    entries: BTreeMap<u8, (u8, u64, u64)>,
    next_place: u64,
}

impl QueueModel {
    fn set(&mut self, priority: u8, key: u8, value: u64) {
        let place = match self.entries.get(&key) {
            Some((same, place, _)) if *same == priority => *place,
            _ => {
                self.next_place += 1;
                self.next_place
            }
        };
        self.entries.insert(key, (priority, place, value));
    }

    fn set_and_evict(&mut self, priority: u8, key: u8, value: u64) {
        self.set(priority, key, value);
        while self.entries.len() > 4 {
            let (_, lowest, _) = self.ranked()[0];
            self.entries.remove(&lowest);
        }
    }

    /// From the lowest to the highest: the later of equals is lower.
    fn ranked(&self) -> Vec<(u8, u8, u64)> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_by_key(|(_, (priority, place, _))| (*priority, std::cmp::Reverse(*place)));
        all.into_iter()
            .map(|(key, (priority, _, value))| (*priority, *key, *value))
            .collect()
    }

    fn take(&mut self, key: u8) -> Option<u64> {
        self.entries.remove(&key).map(|(_, _, value)| value)
    }
}

/// Equal queues have the same items in the same order.
impl PartialEq for QueueModel {
    fn eq(&self, other: &Self) -> bool {
        self.ranked() == other.ranked()
    }
}

handle!(
    BoundedPriorityQueue<u8, u8, u64, 4, IS_WRITER>,
    QueueChange<u8, u8, u64>,
    QueueModel,
    |snapshot| {
        let mut model = QueueModel::default();
        for (priority, key, value) in snapshot.iter_desc() {
            model.set(priority, key, value);
        }
        model
    }
);

#[derive(Clone, Debug)]
pub(super) enum QueueWrite {
    Insert(u8, u8, u64),
    Extend(Vec<(u8, u8, u64)>),
    UpdatePriority(u8, u8),
    UpdateValue(u8, u64),
    Remove(u8),
    RemoveReturning(u8),
    RemoveUpTo(u8),
}

impl Kind for Queues {
    type Writer = BoundedPriorityQueue<u8, u8, u64, 4>;
    type Reader = BoundedPriorityQueue<u8, u8, u64, 4, false>;
    type Change = QueueChange<u8, u8, u64>;
    type Write = QueueWrite;
    type Model = QueueModel;

    fn writer(node: &Network, config: CollectionConfig) -> Self::Writer {
        BoundedPriorityQueue::<u8, u8, u64, 4>::writer_with_config(node, "queue", config)
    }

    fn reader(node: &Network, config: CollectionConfig) -> Self::Reader {
        BoundedPriorityQueue::<u8, u8, u64, 4>::reader_with_config(node, "queue", config)
    }

    fn think(rng: &mut SmallRng, _: &Self::Writer, number: u64) -> QueueWrite {
        let (priority, key) = (rng.random_range(0..3), rng.random_range(0..7));
        match rng.random_range(0..20) {
            0..9 => QueueWrite::Insert(priority, key, number),
            9 | 10 => QueueWrite::Extend(vec![(priority, key, number), (1, 3, number)]),
            11..14 => QueueWrite::UpdatePriority(key, priority),
            14 | 15 => QueueWrite::UpdateValue(key, number),
            16 => QueueWrite::Remove(key),
            17 | 18 => QueueWrite::RemoveReturning(key),
            _ => QueueWrite::RemoveUpTo(0),
        }
    }

    async fn write(writer: &Self::Writer, write: &QueueWrite) -> Result<(Version, Told), Failed> {
        match write.clone() {
            QueueWrite::Insert(priority, key, value) => {
                plain(writer.insert(priority, key, value)).await
            }
            QueueWrite::Extend(items) => plain(writer.extend(items)).await,
            QueueWrite::UpdatePriority(key, priority) => {
                plain(writer.update_priority(&key, priority)).await
            }
            QueueWrite::UpdateValue(key, value) => plain(writer.update_value(&key, value)).await,
            QueueWrite::Remove(key) => plain(writer.remove(&key)).await,
            QueueWrite::RemoveReturning(key) => {
                telling(writer.remove_returning(&key), |(_, value)| value).await
            }
            QueueWrite::RemoveUpTo(priority) => plain(writer.remove_range(..=priority)).await,
        }
    }

    fn step(model: &mut QueueModel, write: &QueueWrite) -> Told {
        match write {
            QueueWrite::Insert(priority, key, value) => {
                model.set_and_evict(*priority, *key, *value);
            }
            QueueWrite::Extend(items) => {
                for (priority, key, value) in items {
                    model.set_and_evict(*priority, *key, *value);
                }
            }
            QueueWrite::UpdatePriority(key, priority) => {
                if let Some((_, _, value)) = model.entries.get(key).copied() {
                    model.set(*priority, *key, value);
                }
            }
            QueueWrite::UpdateValue(key, value) => {
                if let Some((_, _, old)) = model.entries.get_mut(key) {
                    *old = *value;
                }
            }
            QueueWrite::Remove(key) => _ = model.take(*key),
            QueueWrite::RemoveReturning(key) => return Some(model.take(*key)),
            QueueWrite::RemoveUpTo(limit) => {
                model
                    .entries
                    .retain(|_, (priority, _, _)| *priority > *limit);
            }
        }
        None
    }

    fn follow(model: &mut QueueModel, change: QueueChange<u8, u8, u64>) {
        match change {
            QueueChange::Set { key, old, new } => {
                let before = model.entries.get(&key);
                assert_eq!(before.map(|(priority, _, value)| (*priority, *value)), old);
                model.set(new.0, key, new.1);
            }
            QueueChange::Removed { key, old } => assert_eq!(model.take(key), Some(old.1)),
            QueueChange::Cleared => model.entries.clear(),
            change => panic!("{change:?}"),
        }
    }
}
