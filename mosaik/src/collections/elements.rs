//! Values in a row: the data of `Vec`.

use core::ops::Range;

use serde::{Deserialize, Serialize};

use super::Value;
use super::structure::{Effects, Items, Refusal, Reply, Structure};
use super::wire::{Held, Wire, fingerprint};

/// What can be asked of values in a row. `T` is written ([`Wire`]) or read ([`Held`]).
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub enum Operation<T> {
    /// Adds a value behind the last.
    PushBack(T),
    /// Adds a value before the first.
    PushFront(T),
    /// Adds a value before the one at a position.
    Insert(u64, T),
    /// Adds values behind the last.
    Extend(Vec<T>),
    /// Takes the value at a position away.
    Remove(u64),
    /// Takes the last value away.
    PopBack,
    /// Takes the first value away.
    PopFront,
    /// Exchanges two values.
    Swap(u64, u64),
    /// Takes away what is beyond a length.
    Truncate(u64),
    /// Takes everything away.
    Clear,
}

impl<'a, T> Operation<Wire<'a, T>> {
    pub(super) fn extend(values: &'a [T]) -> Self {
        Self::Extend(values.iter().map(Wire).collect())
    }
}

/// What happened to a `Vec`: the values in a range of positions made way for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VecChange<T> {
    /// The positions whose values are gone, empty where values were only added.
    pub range: Range<u64>,
    /// The values that stand in their place.
    pub values: Vec<T>,
}

impl<T> VecChange<T> {
    const fn new(start: u64, removed_count: u64, values: Vec<T>) -> Self {
        Self {
            range: start..start + removed_count,
            values,
        }
    }
}

/// Values in a row.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Elements<T>(pub(super) imbl::Vector<T>);

// Derived, it would want values that have a default.
impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self(imbl::Vector::new())
    }
}

impl<T: Value> Elements<T> {
    fn len_u64(&self) -> u64 {
        self.0.len() as u64
    }

    /// The position, if there is a value.
    fn position(&self, index: u64) -> Option<usize> {
        usize::try_from(index)
            .ok()
            .filter(|index| *index < self.0.len())
    }

    fn insert(&mut self, index: u64, value: T, effects: &mut Effects<VecChange<T>>) -> Reply {
        let len = self.len_u64();
        match usize::try_from(index) {
            Ok(position) if index <= len => {
                let noted = effects.is_followed().then(|| value.clone());
                self.0.insert(position, value);
                if let Some(value) = noted {
                    effects.record(|| VecChange::new(index, 0, vec![value]));
                }
                Reply::Done
            }
            _ => Reply::Refused(Refusal::OutOfRange { index, len }),
        }
    }

    fn extend(&mut self, values: Vec<Held<T>>, effects: &mut Effects<VecChange<T>>) {
        let len = self.len_u64();
        let values: Vec<T> = values.into_iter().map(|value| value.0).collect();
        if values.is_empty() {
            return;
        }
        self.0.extend(values.iter().cloned());
        effects.record(|| VecChange::new(len, 0, values));
    }

    fn remove(&mut self, index: Option<u64>, effects: &mut Effects<VecChange<T>>) -> Reply {
        let position = index.and_then(|index| self.position(index));
        let old = position.map(|position| {
            effects.record(|| VecChange::new(position as u64, 1, Vec::new()));
            // The ends are cheaper than the middle.
            match position {
                0 => self.0.pop_front(),
                last if last + 1 == self.0.len() => self.0.pop_back(),
                middle => Some(self.0.remove(middle)),
            }
        });
        effects.answer(|| Reply::Found(old.flatten().as_ref().and_then(fingerprint)))
    }

    fn swap(&mut self, first: u64, second: u64, effects: &mut Effects<VecChange<T>>) {
        let (Some(i), Some(j)) = (self.position(first), self.position(second)) else {
            return;
        };
        if i == j {
            return;
        }
        self.0.swap(i, j);
        for position in [i, j] {
            let value = self.0.get(position).cloned();
            effects.record(|| VecChange::new(position as u64, 1, value.into_iter().collect()));
        }
    }

    fn truncate(&mut self, len: u64, effects: &mut Effects<VecChange<T>>) {
        let before = self.len_u64();
        if let Some(position) = self.position(len) {
            // Splitting shares what stays; `truncate` of the library does the same, by value.
            let _ = self.0.split_off(position);
            effects.record(|| VecChange::new(len, before - len, Vec::new()));
        }
    }
}

impl<T: Value> Structure for Elements<T> {
    type Types = T;
    const KIND: &'static str = "vec";
    const ORDERED: bool = true;

    type Operation = Operation<Held<T>>;
    type Change = VecChange<T>;
    type Item = Held<T>;

    fn apply(&mut self, operation: Self::Operation, effects: &mut Effects<Self::Change>) -> Reply {
        match operation {
            Operation::PushBack(value) => {
                let len = self.len_u64();
                return self.insert(len, value.0, effects);
            }
            Operation::PushFront(value) => return self.insert(0, value.0, effects),
            Operation::Insert(index, value) => return self.insert(index, value.0, effects),
            Operation::Extend(values) => self.extend(values, effects),
            Operation::Remove(index) => return self.remove(Some(index), effects),
            Operation::PopBack => return self.remove(self.len_u64().checked_sub(1), effects),
            Operation::PopFront => return self.remove(Some(0), effects),
            Operation::Swap(first, second) => self.swap(first, second, effects),
            Operation::Truncate(len) => self.truncate(len, effects),
            Operation::Clear => self.truncate(0, effects),
        }
        Reply::Done
    }

    fn is_sweeping(operation: &Self::Operation) -> bool {
        matches!(operation, Operation::Truncate(_) | Operation::Clear)
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn items(&self) -> Items<Self::Item> {
        Box::new(self.0.clone().into_iter().map(Held))
    }

    fn load(&mut self, item: Self::Item) {
        self.0.push_back(item.0);
    }
}
