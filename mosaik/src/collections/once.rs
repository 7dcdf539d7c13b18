//! Room for one value that never changes.

use core::future::Future;

use super::handle::mutators;
use super::replica::Replica;
use super::slot::{Operation, Slot, exchange, slot};
use super::structure::Reply;
use super::wire::{Wire, command};
use super::{Batch, Exchange, Value, Version};

/// Replicated room for one value: the first that is set stays for ever.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::Once;
///
/// let coordinator = Once::<String>::writer(&network, "coordinator");
/// coordinator.when().online().await;
/// coordinator.set("me".to_owned()).await?;
/// println!("it is {}", coordinator.await_value().await);
/// # Ok(())
/// # }
/// ```
pub struct Once<T: Value, const IS_WRITER: bool = true>(Replica<Slot<T, true>>);

/// Reads a [`Once`].
pub type OnceReader<T> = Once<T, false>;

/// Reads and sets a [`Once`].
pub type OnceWriter<T> = Once<T, true>;

slot! { Once, true, "Sets the value, if there is none. The version does not say whether it did." }

mutators! { [T: Value] Once [T] {
    /// Sets the value, if there is none, and tells whether it did, and if not, the value.
    fn try_set(&self, value: T) -> (Exchange<T>, T) {
        let command = exchange(None, Some(&value), true);
        self.0.ask(value, command, Reply::exchange)
    }
}}

impl<T: Value, const IS_WRITER: bool> Once<T, IS_WRITER> {
    /// The value, once the collection is online here and there is one.
    pub async fn await_value(&self) -> T {
        self.when().online().await;
        loop {
            // First the look-out, then the look: a value in between wakes us.
            let updated = self.when().updated();
            if let Some(value) = self.get() {
                return value;
            }
            updated.await;
        }
    }
}
