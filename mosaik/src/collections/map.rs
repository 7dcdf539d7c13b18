//! Keys with values, without an order.

use core::borrow::Borrow;
use core::future::Future;
use core::hash::Hash;

use super::handle::{handle, reads};
use super::keyed::{Hashed, Keyed, Operation, exchange, keyed_mutators};
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

handle! { [K: Key, V: Value] Map [K, V] = Keyed<Hashed<K, V>> }

keyed_mutators! { [K: Key, V: Value] Map [K, V] = Keyed<Hashed<K, V>> }

reads! { [K: Key, V: Value] Map [K, V] = Keyed<Hashed<K, V>> {
    /// How many keys there are.
    fn len() -> usize |state| { state.0.0.len() }

    /// Whether there are no keys.
    fn is_empty() -> bool |state| { state.0.0.is_empty() }

    /// Whether a key has a value.
    fn contains_key[Q: Hash + Eq + ?Sized](key: &Q) -> bool where [K: Borrow<Q>] |state| {
        state.0.0.contains_key(key)
    }

    /// The value of a key.
    fn get[Q: Hash + Eq + ?Sized](key: &Q) -> Option<V> where [K: Borrow<Q>] |state| {
        state.0.0.get(key).cloned()
    }

    /// All keys with their values, of this moment, in no order.
    fn iter() -> impl Iterator<Item = (K, V)> + 'static |state| { state.0.0.clone().into_iter() }

    /// All keys, of this moment, in no order.
    fn keys() -> impl Iterator<Item = K> + 'static |state| {
        state.0.0.clone().into_iter().map(|(key, _)| key)
    }

    /// All values, of this moment, in no order.
    fn values() -> impl Iterator<Item = V> + 'static |state| {
        state.0.0.clone().into_iter().map(|(_, value)| value)
    }
}}
