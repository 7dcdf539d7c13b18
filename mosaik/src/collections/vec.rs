//! Values in a row.

use core::future::Future;

use super::elements::{Elements, Operation};
use super::handle::{handle, mutators, reads, scans};
use super::replica::Replica;
use super::structure::Reply;
use super::wire::{Wire, command};
use super::{Batch, Returned, Value, Version};

/// A replicated row of values, by position.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::Vec;
///
/// let lines = Vec::<String>::writer(&network, "lines");
/// lines.when().online().await;
/// lines.push_back("hello".to_owned()).await?;
/// assert_eq!(lines.last().as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
pub struct Vec<T: Value, const IS_WRITER: bool = true>(Replica<Elements<T>>);

/// Reads a [`Vec`].
pub type VecReader<T> = Vec<T, false>;

/// Reads and changes a [`Vec`].
pub type VecWriter<T> = Vec<T, true>;

handle! { [T: Value] Vec [T] = Elements<T> }

mutators! { [T: Value] Vec [T] {
    /// Adds a value behind the last.
    fn push_back(&self, value: T) -> (Version, T) {
        let command = command(&Operation::PushBack(Wire(&value)), false);
        self.0.write(value, command)
    }

    /// Adds a value before the first.
    fn push_front(&self, value: T) -> (Version, T) {
        let command = command(&Operation::PushFront(Wire(&value)), false);
        self.0.write(value, command)
    }

    /// Adds a value before the one at `index`, or behind the last if `index` is the length.
    ///
    /// Beyond that it is [`Error::Refused`](super::Error::Refused), and changes nothing.
    fn insert(&self, index: u64, value: T) -> (Version, T) {
        let command = command(&Operation::Insert(index, Wire(&value)), false);
        self.0.write(value, command)
    }

    /// Adds values behind the last, in one write. Without any, nothing is written.
    fn extend(&self, values: impl IntoIterator<Item = T>) -> (Version, std::vec::Vec<T>) {
        let values: std::vec::Vec<T> = values.into_iter().collect();
        let command = command(&Operation::extend(&values), false);
        self.0.write_unless(values.is_empty(), values, command)
    }

    /// Takes the value at `index` away. Beyond the end it changes nothing.
    fn remove(&self, index: u64) -> (Version, u64) {
        self.0.write(index, plain::<T>(&Operation::Remove(index), false))
    }

    /// Takes the value at `index` away, and tells it.
    fn remove_returning(&self, index: u64) -> (Returned<Option<T>>, u64) {
        self.0.ask(index, plain::<T>(&Operation::Remove(index), true), Reply::found)
    }

    /// Takes the last value away, if there is one.
    fn pop_back(&self) -> (Version, ()) {
        self.0.write((), plain::<T>(&Operation::PopBack, false))
    }

    /// Takes the last value away, if there is one, and tells it.
    fn pop_back_returning(&self) -> (Returned<Option<T>>, ()) {
        self.0.ask((), plain::<T>(&Operation::PopBack, true), Reply::found)
    }

    /// Takes the first value away, if there is one.
    fn pop_front(&self) -> (Version, ()) {
        self.0.write((), plain::<T>(&Operation::PopFront, false))
    }

    /// Takes the first value away, if there is one, and tells it.
    fn pop_front_returning(&self) -> (Returned<Option<T>>, ()) {
        self.0.ask((), plain::<T>(&Operation::PopFront, true), Reply::found)
    }

    /// Exchanges two values. If either is beyond the end, it changes nothing.
    fn swap(&self, i: u64, j: u64) -> (Version, ()) {
        self.0.write((), plain::<T>(&Operation::Swap(i, j), false))
    }

    /// Takes away what is beyond a length.
    fn truncate(&self, len: usize) -> (Version, ()) {
        self.0.write((), plain::<T>(&Operation::Truncate(len as u64), false))
    }

    /// Takes everything away.
    fn clear(&self) -> (Version, ()) {
        self.0.write((), plain::<T>(&Operation::Clear, false))
    }
}}

/// The command of an operation that carries no value.
fn plain<'a, T: Value>(
    operation: &Operation<Wire<'a, T>>,
    answers: bool,
) -> Result<bytes::Bytes, crate::primitives::encoding::EncodeError> {
    command(operation, answers)
}

impl<T: Value> Batch<Elements<T>> {
    /// Adds a value behind the last.
    pub fn push_back(&mut self, value: T) -> &mut Self {
        self.add(&Operation::PushBack(Wire(&value)))
    }

    /// Adds a value before the first.
    pub fn push_front(&mut self, value: T) -> &mut Self {
        self.add(&Operation::PushFront(Wire(&value)))
    }

    /// Adds a value before the one at `index`. If that is beyond the end, the whole batch is refused.
    pub fn insert(&mut self, index: u64, value: T) -> &mut Self {
        self.add(&Operation::Insert(index, Wire(&value)))
    }

    /// Takes the value at `index` away. Beyond the end it changes nothing.
    pub fn remove(&mut self, index: u64) -> &mut Self {
        self.add(&Operation::<Wire<'_, T>>::Remove(index))
    }

    /// Exchanges two values. If either is beyond the end, it changes nothing.
    pub fn swap(&mut self, i: u64, j: u64) -> &mut Self {
        self.add(&Operation::<Wire<'_, T>>::Swap(i, j))
    }

    /// Takes everything away.
    pub fn clear(&mut self) -> &mut Self {
        self.add(&Operation::<Wire<'_, T>>::Clear)
    }
}

reads! { [T: Value] Vec [T] = Elements<T> {
    /// How many values there are.
    fn len() -> usize |state| { state.0.len() }

    /// Whether there are no values.
    fn is_empty() -> bool |state| { state.0.is_empty() }

    /// The first value.
    fn front() -> Option<T> |state| { state.0.front().cloned() }

    /// The first value.
    fn head() -> Option<T> |state| { state.0.front().cloned() }

    /// The last value.
    fn back() -> Option<T> |state| { state.0.back().cloned() }

    /// The last value.
    fn last() -> Option<T> |state| { state.0.back().cloned() }

    /// The value at a position.
    fn get(index: u64) -> Option<T> |state| {
        usize::try_from(index).ok().and_then(|index| state.0.get(index)).cloned()
    }

    /// All values, of this moment, in order.
    fn iter() -> impl DoubleEndedIterator<Item = T> + 'static |state| { state.0.clone().into_iter() }
}}

scans! { [T: Value] Vec [T] = Elements<T> {
    /// Whether a value is there.
    fn contains(value: &T) -> bool where [T: PartialEq] |state| { state.0.contains(value) }

    /// The first position of a value.
    fn index_of(value: &T) -> Option<u64> where [T: PartialEq] |state| {
        state.0.index_of(value).map(|index| index as u64)
    }
}}
