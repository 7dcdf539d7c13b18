//! Keys with values, without an order.

use core::future::Future;

use super::keyed::{Hashed, Keyed, Operation, exchange, keyed};
use super::replica::Replica;
use super::structure::Reply;
use super::wire::{Wire, command};
use super::{Batch, Exchange, Key, Returned, Value, Version};

/// A replicated map, without an order.
///
/// Reads are local and take no round; writes take effect on every replica, in one order.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::Map;
///
/// let scores = Map::<String, u64>::writer(&network, "scores");
/// scores.when().online().await;
/// scores.insert("ann".to_owned(), 5).await?;
/// assert_eq!(scores.get("ann"), Some(5));
/// # Ok(())
/// # }
/// ```
pub struct Map<K: Key, V: Value, const IS_WRITER: bool = true>(Replica<Keyed<Hashed<K, V>>>);

/// Reads a [`Map`].
pub type MapReader<K, V> = Map<K, V, false>;

/// Reads and changes a [`Map`].
pub type MapWriter<K, V> = Map<K, V, true>;

keyed! {
    [K: Key, V: Value] Map [K, V] = Keyed<Hashed<K, V>>,
    [core::hash::Hash + Eq], Iterator "in no order"
}
