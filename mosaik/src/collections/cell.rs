//! Room for one value.

use core::future::Future;

use super::handle::mutators;
use super::replica::Replica;
use super::slot::{Operation, Slot, exchange, slot};
use super::structure::Reply;
use super::wire::{Wire, command};
use super::{Batch, Exchange, Returned, Value, Version};

/// Replicated room for one value, which may be set, exchanged and taken away.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::Cell;
///
/// let limit = Cell::<u64>::writer(&network, "limit");
/// limit.when().online().await;
/// limit.set(5).await?;
/// assert_eq!(limit.get(), Some(5));
/// # Ok(())
/// # }
/// ```
pub struct Cell<T: Value, const IS_WRITER: bool = true>(Replica<Slot<T, false>>);

/// Reads a [`Cell`].
pub type CellReader<T> = Cell<T, false>;

/// Reads and changes a [`Cell`].
pub type CellWriter<T> = Cell<T, true>;

slot! { Cell, false, "Sets the value." }

mutators! { [T: Value] Cell [T] {
    /// Sets the value, and tells the value before.
    fn write_returning(&self, value: T) -> (Returned<Option<T>>, T) {
        let command = command(&Operation::Write(Wire(&value)), true);
        self.0.ask(value, command, Reply::found)
    }

    /// Sets the value, or with no `new` value takes it away, if it is `current`: if it has the same encoding, or with no
    /// `current` value, if there is none.
    ///
    /// The version does not say whether it did; [`try_compare_exchange`](Self::try_compare_exchange) does.
    fn compare_exchange(&self, current: Option<T>, new: Option<T>)
        -> (Version, (Option<T>, Option<T>))
    {
        let command = exchange(current.as_ref(), new.as_ref(), false);
        self.0.write((current, new), command)
    }

    /// As [`compare_exchange`](Self::compare_exchange), and tells whether it did, and if not, the value.
    fn try_compare_exchange(&self, current: Option<T>, new: Option<T>)
        -> (Exchange<T>, (Option<T>, Option<T>))
    {
        let command = exchange(current.as_ref(), new.as_ref(), true);
        self.0.ask((current, new), command, Reply::exchange)
    }

    /// Takes the value away.
    fn clear(&self) -> (Version, ()) {
        self.0.write((), command(&Operation::<Wire<'_, T>>::Clear, false))
    }

    /// Takes the value away, and tells it.
    fn clear_returning(&self) -> (Returned<Option<T>>, ()) {
        self.0.ask((), command(&Operation::<Wire<'_, T>>::Clear, true), Reply::found)
    }
}}
