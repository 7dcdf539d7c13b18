//! Keys with values, in the order of the keys.

use core::borrow::Borrow;
use core::future::Future;
use core::ops::{Bound, RangeBounds};

use super::handle::reads;
use super::keyed::{Keyed, Operation, Sorted, exchange, keyed};
use super::replica::Replica;
use super::structure::Reply;
use super::wire::{Wire, command};
use super::{Batch, Exchange, OrderedKey, Returned, Value, Version};

/// A replicated map, in the order of its keys: with ranges, prefixes, a first and a last.
///
/// ```no_run
/// # async fn example(network: mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::collections::OrderedMap;
///
/// let files = OrderedMap::<String, u64>::writer(&network, "files");
/// files.when().online().await;
/// files.extend([("src/a".to_owned(), 5), ("src/b".to_owned(), 6)]).await?;
/// assert_eq!(files.prefix("src/").count(), 2);
/// # Ok(())
/// # }
/// ```
pub struct OrderedMap<K: OrderedKey, V: Value, const IS_WRITER: bool = true>(
    Replica<Keyed<Sorted<K, V>>>,
);

/// Reads an [`OrderedMap`].
pub type OrderedMapReader<K, V> = OrderedMap<K, V, false>;

/// Reads and changes an [`OrderedMap`].
pub type OrderedMapWriter<K, V> = OrderedMap<K, V, true>;

keyed! {
    [K: OrderedKey, V: Value] OrderedMap [K, V] = Keyed<Sorted<K, V>>,
    [Ord], DoubleEndedIterator "in the order of the keys, the lowest first"
}

reads! { [K: OrderedKey, V: Value] OrderedMap [K, V] = Keyed<Sorted<K, V>> {
    /// The lowest key, with its value.
    fn first() -> Option<(K, V)> |state| { state.0.0.get_min().cloned() }

    /// The highest key, with its value.
    fn last() -> Option<(K, V)> |state| { state.0.0.get_max().cloned() }

    /// The keys in a range with their values, of this moment, from the lowest to the highest. A range that ends before it
    /// begins is empty.
    fn range(range: impl RangeBounds<K>) -> impl Iterator<Item = (K, V)> + 'static |state| {
        let start = range.start_bound().cloned();
        let end = range.end_bound().cloned();
        Walk { table: state.0.0.clone(), next: start }
            .take_while(move |(key, _)| (Bound::Unbounded, end.as_ref()).contains(key))
    }

    /// The keys that begin with a text, with their values, of this moment, from the lowest to the highest.
    fn prefix(prefix: &str) -> impl Iterator<Item = (K, V)> + 'static
        where [K: Borrow<str> + for<'a> From<&'a str>] |state|
    {
        let start = K::from(prefix);
        let prefix = prefix.to_owned();
        Walk { table: state.0.0.clone(), next: Bound::Included(start) }
            .take_while(move |(key, _)| key.borrow().starts_with(&prefix))
    }
}}

/// Goes through the keys of a map that it owns, from a bound on.
struct Walk<K, V> {
    table: imbl::OrdMap<K, V>,
    next: Bound<K>,
}

impl<K: OrderedKey, V: Value> Iterator for Walk<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        let from = (self.next.as_ref(), Bound::Unbounded);
        let (key, value) = self.table.range::<_, K>(from).next()?;
        let item = (key.clone(), value.clone());
        self.next = Bound::Excluded(item.0.clone());
        Some(item)
    }
}
