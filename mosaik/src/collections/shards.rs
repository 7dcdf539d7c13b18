//! A hash map whose clones share what is equal.

use core::borrow::Borrow;
use core::hash::{BuildHasher as _, Hash};
use std::collections::hash_map::RandomState;

use hashbrown::hash_table::{Entry, HashTable, IntoIter};

use super::directory::Directory;

/// A hash map whose clones are cheap and share what is equal: what maps and sets keep their keys in.
///
/// Keys lie in shards, which are tables of some dozens. A change copies the one shard that it is in, if a clone shares it.
/// One shard splits, or two become one, with every so many keys that come or go (linear hashing), so that no change moves
/// more than the keys of two shards, however many there are.
#[derive(Clone)]
pub(super) struct Shards<K, V> {
    hasher: RandomState,
    /// Never empty.
    shards: Directory<Shard<K, V>>,
    len: usize,
}

type Shard<K, V> = HashTable<(K, V)>;

/// Keys of a shard, on average, from which on there is one shard more; and below which there is one less.
const SPLIT_AT: usize = 128;
const MERGE_BELOW: usize = SPLIT_AT / 4;

/// Tables know their keys by the lowest and the highest seven bits of the hash: shards by those between.
const PLACE_SHIFT: u32 = 24;

/// Where a hash belongs, among so many shards.
///
/// Of `n` shards with `2^k <= n < 2^(k+1)`, those before `n - 2^k` have been split: their keys are told apart by `k + 1`
/// bits, all others by `k`.
const fn place(hash: u64, shards_count: usize) -> usize {
    let mask = shards_count.next_power_of_two() - 1;
    // Which of the bits are lost on a small machine, the mask takes away as well.
    let place = (hash >> PLACE_SHIFT) as usize & mask;
    if place < shards_count {
        place
    } else {
        place & (mask >> 1)
    }
}

/// The shard that has what comes into the one at `place`, as long as that is not there.
const fn origin(place: usize) -> usize {
    place - (1 << place.ilog2())
}

impl<K, V> Shards<K, V> {
    /// How many keys there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.shards.iter().flat_map(Shard::iter)
    }
}

impl<K: Hash + Eq, V> Shards<K, V> {
    /// The value of a key.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let shard = self.shards.get(place(hash, self.shards.len()));
        let found = shard.find(hash, |(other, _)| other.borrow() == key);
        found.map(|(_, value)| value)
    }

    /// Whether a key has a value.
    pub(super) fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    /// Sets the value of a key, and gives the old one. A key that is there stays as it is.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let place = place(hash, self.shards.len());
        let shard = self.shards.change(place);
        let is_it = |(other, _): &(K, V)| *other == key;
        match shard.entry(hash, is_it, |(key, _)| self.hasher.hash_one(key)) {
            Entry::Occupied(mut there) => Some(core::mem::replace(&mut there.get_mut().1, value)),
            Entry::Vacant(free) => {
                free.insert((key, value));
                self.len += 1;
                if self.len > self.shards.len() * SPLIT_AT {
                    self.split();
                }
                None
            }
        }
    }

    /// Takes a key away, and gives its value.
    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let place = place(hash, self.shards.len());
        let is_it = |(other, _): &(K, V)| other.borrow() == key;
        // What has nothing to lose is not copied.
        self.shards.get(place).find(hash, is_it)?;
        let shard = self.shards.change(place);
        let ((_, value), _) = shard.find_entry(hash, is_it).ok()?.remove();
        self.len -= 1;
        if self.shards.len() > 1 && self.len < self.shards.len() * MERGE_BELOW {
            self.merge();
        }
        Some(value)
    }

    /// One shard more: it takes over about half of the keys of another.
    fn split(&mut self) {
        let new_place = self.shards.len();
        let stays = self.shards.change(origin(new_place));
        let old = core::mem::take(stays);
        // Both of the size that they need.
        let mut goes = Shard::with_capacity(old.len() / 2);
        *stays = Shard::with_capacity(old.len() / 2);
        for entry in old {
            let hash = self.hasher.hash_one(&entry.0);
            let is_moved = place(hash, new_place + 1) == new_place;
            let shard = if is_moved { &mut goes } else { &mut *stays };
            add(shard, &self.hasher, hash, entry);
        }
        self.shards.push(goes);
    }

    /// One shard less: the keys of the last go back to where they came from.
    fn merge(&mut self) {
        let Some(last) = self.shards.pop() else {
            return;
        };
        let into = self.shards.change(origin(self.shards.len()));
        for entry in last {
            let hash = self.hasher.hash_one(&entry.0);
            add(into, &self.hasher, hash, entry);
        }
    }
}

/// Adds a key that is not there.
fn add<K: Hash, V>(shard: &mut Shard<K, V>, hasher: &RandomState, hash: u64, entry: (K, V)) {
    shard.insert_unique(hash, entry, |(key, _)| hasher.hash_one(key));
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: Directory::of(Shard::new()),
            len: 0,
        }
    }
}

impl<K: Clone, V: Clone> IntoIterator for Shards<K, V> {
    type Item = (K, V);
    type IntoIter = Entries<K, V>;

    fn into_iter(self) -> Entries<K, V> {
        Entries {
            shards: self.shards,
            next: 0,
            now: Shard::new().into_iter(),
            left: self.len,
        }
    }
}

/// The keys of a map with their values, in no order. Copies each shard when it comes to it.
pub(super) struct Entries<K, V> {
    shards: Directory<Shard<K, V>>,
    next: usize,
    now: IntoIter<(K, V)>,
    left: usize,
}

impl<K: Clone, V: Clone> Iterator for Entries<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.now.next() {
                self.left -= 1;
                return Some(entry);
            }
            if self.next == self.shards.len() {
                return None;
            }
            self.now = self.shards.get(self.next).clone().into_iter();
            self.next += 1;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::runtime::Rng;

    fn content<K: Hash + Eq + Clone, V: Clone>(map: &Shards<K, V>) -> HashMap<K, V> {
        map.iter().cloned().collect()
    }

    /// Every key is where its hash belongs, none twice.
    fn verify<K: Hash + Eq + Clone, V: Clone>(map: &Shards<K, V>) {
        for (at, shard) in map.shards.iter().enumerate() {
            for (key, _) in shard.iter() {
                assert_eq!(place(map.hasher.hash_one(key), map.shards.len()), at);
            }
        }
        let keys: HashSet<&K> = map.iter().map(|(key, _)| key).collect();
        assert_eq!((keys.len(), map.iter().count()), (map.len(), map.len()));
        assert!(map.len() <= map.shards.len() * SPLIT_AT);
        assert!(map.shards.len() == 1 || map.len() >= map.shards.len() * MERGE_BELOW);
    }

    #[test]
    fn places() {
        let hash = |place: u64| place << PLACE_SHIFT;
        // (hash, shards) -> place
        let table = [
            ((0, 1), 0),
            ((1, 1), 0),
            ((1, 2), 1),
            ((2, 2), 0),
            ((3, 2), 1),
            ((2, 3), 2),
            ((3, 3), 1),
            ((3, 4), 3),
            ((4, 4), 0),
            ((4, 5), 4),
            ((5, 5), 1),
            ((12, 5), 4),
        ];
        for ((number, shards_count), expected) in table {
            assert_eq!(
                place(hash(number), shards_count),
                expected,
                "{number} of {shards_count}"
            );
        }
        for place in 1..1000 {
            assert!(origin(place) < place);
        }
    }

    #[test]
    fn one_shard_more_takes_keys_of_its_origin_only() {
        for shards_count in 1..200 {
            for number in 0..4096u64 {
                let (before, after) = [shards_count, shards_count + 1]
                    .map(|count| place(number << PLACE_SHIFT, count))
                    .into();
                assert!(after == before || (after == shards_count && before == origin(after)));
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_a_hash_map(
            operations in prop::collection::vec((0..600u16, prop::option::weighted(0.7, 0..9u8)), 0..2_000),
        ) {
            let mut map = Shards::default();
            let mut model = HashMap::new();
            for (key, value) in operations {
                prop_assert_eq!(map.contains_key(&key), model.contains_key(&key));
                match value {
                    Some(value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    None => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                }
                prop_assert_eq!(map.get(&key), model.get(&key));
                prop_assert_eq!(map.len(), model.len());
            }
            verify(&map);
            prop_assert_eq!(content(&map), model.clone());
            let taken: HashMap<u16, u8> = map.clone().into_iter().collect();
            prop_assert_eq!(taken, model);
        }
    }

    #[test]
    fn it_grows_and_shrinks_a_shard_at_a_time() {
        const COUNT: u64 = 20_000;
        let mut map = Shards::default();
        for key in 0..COUNT {
            let before = map.shards.len();
            assert_eq!(map.insert(key, key), None);
            assert!(map.shards.len() <= before + 1);
        }
        verify(&map);
        assert!(
            map.shards.len() >= COUNT as usize / SPLIT_AT,
            "{}",
            map.shards.len()
        );
        for key in 0..COUNT {
            let before = map.shards.len();
            assert_eq!(map.remove(&key), Some(key));
            assert!(map.shards.len() + 1 >= before);
            if key % 1_000 == 0 {
                verify(&map);
            }
        }
        assert!(map.is_empty());
        assert_eq!((map.shards.len(), map.remove(&1)), (1, None));
    }

    #[test]
    fn clones_do_not_share_changes() {
        let mut rng = Rng::seeded(1);
        let mut map = Shards::default();
        let mut kept = Vec::new();
        for round in 0..40u64 {
            for _ in 0..200 {
                let key = rng.next_u64() % 3_000;
                match rng.next_u64() % 3 {
                    // As many go in the end as came in the beginning.
                    0 | 1 if round < 20 => _ = map.insert(key, round),
                    _ => _ = map.remove(&key),
                }
            }
            kept.push((map.clone(), content(&map)));
        }
        for (map, expected) in kept {
            verify(&map);
            assert_eq!(content(&map), expected);
            assert_eq!(map.clone().into_iter().size_hint().0, expected.len());
            assert_eq!(map.into_iter().collect::<HashMap<_, _>>(), expected);
        }
    }

    #[test]
    fn a_change_copies_the_shard_that_it_is_in() {
        let mut map = Shards::default();
        for key in 0..10_000 {
            map.insert(key, key);
        }
        let before = map.clone();
        map.insert(5, 0);
        // What is not there takes nothing away.
        map.remove(&10_000);
        let pairs = before.shards.iter().zip(map.shards.iter());
        assert_eq!(
            pairs
                .filter(|(one, other)| !core::ptr::eq(*one, *other))
                .count(),
            1
        );
        assert_eq!((before.get(&5), map.get(&5)), (Some(&5), Some(&0)));
    }

    /// What a hash is good for, it loses; nothing else.
    #[test]
    fn keys_of_one_hash_are_kept_apart() {
        #[derive(Clone, PartialEq, Eq, Debug)]
        struct Same(u32);
        impl Hash for Same {
            fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
        }
        let mut map = Shards::default();
        for key in 0..1_000 {
            assert_eq!(map.insert(Same(key), key), None);
        }
        verify(&map);
        for key in 0..1_000 {
            assert_eq!(map.remove(&Same(key)), Some(key));
        }
    }
}
