//! What writers are told: of exchanges, of values that were there, and of what could not be written.

use mosaik::{
    collections::{Cell, Error, Exchange, Map, Once, PriorityQueue, Refusal, Set},
    *,
};
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};

use super::{World, online};

#[tokio::test(start_paused = true)]
async fn exchanges_tell_whether_they_took_place() {
    let [a] = World::new(20).nodes().await;
    let map = Map::<String, u64>::writer(&a, "map");
    let cell = Cell::<u64>::writer(&a, "cell");
    let once = Once::<u64>::writer(&a, "once");
    let queue = PriorityQueue::<u64, u64, u64>::writer(&a, "queue");
    online!(map, cell, once, queue);

    let key = || "a".to_owned();
    assert!(map.insert_if_absent(key(), 1).await.unwrap().is_done());
    let second = map.insert_if_absent(key(), 2).await.unwrap();
    let version = map.version();
    let current = Some(1);
    assert_eq!(second, Exchange::Differs { current, version });
    let wrong = map
        .try_compare_exchange(key(), Some(7), None)
        .await
        .unwrap();
    assert!(!wrong.is_done() && map.get("a") == Some(1));
    let right = map
        .try_compare_exchange(key(), Some(1), None)
        .await
        .unwrap();
    assert!(right.is_done() && right.version() == map.version());
    assert!(map.is_empty());
    let gone = map
        .try_compare_exchange(key(), Some(1), Some(2))
        .await
        .unwrap();
    assert!(matches!(gone, Exchange::Differs { current: None, .. }));

    cell.set(1).await.unwrap();
    assert!(
        !cell
            .try_compare_exchange(None, Some(2))
            .await
            .unwrap()
            .is_done()
    );
    assert!(
        cell.try_compare_exchange(Some(1), Some(2))
            .await
            .unwrap()
            .is_done()
    );

    assert!(once.try_set(1).await.unwrap().is_done());
    let late = once.try_set(2).await.unwrap();
    assert!(matches!(
        late,
        Exchange::Differs {
            current: Some(1),
            ..
        }
    ));

    queue.insert(5, 1, 10).await.unwrap();
    assert!(
        !queue
            .try_compare_exchange_value(&1, 9, None)
            .await
            .unwrap()
            .is_done()
    );
    assert!(
        queue
            .try_compare_exchange_value(&1, 10, Some(11))
            .await
            .unwrap()
            .is_done()
    );
    assert_eq!((queue.get(&1), queue.get_priority(&1)), (Some(11), Some(5)));
}

#[tokio::test(start_paused = true)]
async fn returning_writes_tell_what_was_there() {
    let [a] = World::new(21).nodes().await;
    let map = Map::<u64, String>::writer(&a, "map");
    let set = Set::<u64>::writer(&a, "set");
    let vec = collections::Vec::<u64>::writer(&a, "vec");
    let cell = Cell::<u64>::writer(&a, "cell");
    let queue = PriorityQueue::<u64, u64, u64>::writer(&a, "queue");
    online!(map, set, vec, cell, queue);

    assert_eq!(
        map.insert_returning(1, "a".into()).await.unwrap().value,
        None
    );
    let old = map.insert_returning(1, "b".into()).await.unwrap();
    assert_eq!(
        (old.value.as_deref(), old.version),
        (Some("a"), map.version())
    );
    assert_eq!(
        map.remove_returning(&1).await.unwrap().value.as_deref(),
        Some("b")
    );
    assert_eq!(map.remove_returning(&1).await.unwrap().value, None);
    assert!(!set.insert_returning(1).await.unwrap().value);
    assert!(set.remove_returning(&1).await.unwrap().value);
    vec.extend([1, 2, 3]).await.unwrap();
    assert_eq!(vec.pop_front_returning().await.unwrap().value, Some(1));
    assert_eq!(vec.pop_back_returning().await.unwrap().value, Some(3));
    assert_eq!(vec.remove_returning(7).await.unwrap().value, None);
    assert_eq!(vec.remove_returning(0).await.unwrap().value, Some(2));
    assert_eq!(cell.write_returning(1).await.unwrap().value, None);
    assert_eq!(cell.clear_returning().await.unwrap().value, Some(1));
    assert_eq!(queue.insert_returning(5, 1, 10).await.unwrap().value, None);
    assert_eq!(
        queue.remove_returning(&1).await.unwrap().value,
        Some((5, 10))
    );
}

#[tokio::test(start_paused = true)]
async fn updates_take_effect_together_or_not_at_all() {
    let [a] = World::new(22).nodes().await;
    let map = Map::<u64, u64>::writer(&a, "map");
    let vec = collections::Vec::<u64>::writer(&a, "vec");
    online!(map, vec);
    let before = map.version();
    let version = map
        .update(|batch| {
            batch.insert(1, 10).insert(2, 20).remove(&1).insert(3, 30);
        })
        .await
        .unwrap();
    assert_eq!(version.0, before.next());
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable();
    assert_eq!(entries, [(2, 20), (3, 30)]);

    let refused = vec
        .update(|batch| {
            batch.push_back(1).push_back(2).insert(9, 3);
        })
        .await
        .unwrap_err();
    assert!(refused.is_definite() && !refused.is_retryable());
    assert!(vec.is_empty());
    let batch = refused.into_value().unwrap();
    assert_eq!(batch.len(), 3);
    vec.extend(0..6).await.unwrap();
    let refused = vec.commit(batch).await.unwrap_err();
    assert_eq!(vec.len(), 6, "beyond the end, also after two more: 9 of 8");
    vec.push_back(6).await.unwrap();
    vec.commit(refused.into_value().unwrap()).await.unwrap();
    assert_eq!((vec.len(), vec.last()), (10, Some(3)));
}

/// Has no encoding if it is odd.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Even(u64);

impl Serialize for Even {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 2 == 1 {
            return Err(S::Error::custom("odd"));
        }
        self.0.serialize(serializer)
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_comes_back_and_the_collection_goes_on() {
    let [a] = World::new(23).nodes().await;
    let vec = collections::Vec::<Vec<u8>>::writer(&a, "vec");
    let map = Map::<Even, u64>::writer(&a, "map");
    online!(vec, map);

    match vec.insert(1, vec![7]).await.unwrap_err() {
        Error::Refused(value, Refusal::OutOfRange { index: 1, len: 0 }) => {
            assert_eq!(value, [7]);
        }
        error => panic!("{error}"),
    }
    let large = vec![1; 17 * 1024 * 1024];
    match vec.push_back(large).await.unwrap_err() {
        Error::TooLarge {
            value,
            bytes,
            bytes_max,
        } => {
            assert_eq!(value.len(), 17 * 1024 * 1024);
            assert!(bytes > bytes_max && bytes_max >= 1024 * 1024);
        }
        error => panic!("{error}"),
    }
    match map.insert(Even(1), 5).await.unwrap_err() {
        Error::Encoding(entry, error) => {
            assert_eq!(entry, (Even(1), 5));
            assert!(error.to_string().contains("odd"));
        }
        error => panic!("{error}"),
    }
    let odd = map
        .update(|batch| _ = batch.insert(Even(2), 1).insert(Even(3), 1))
        .await;
    assert!(matches!(odd, Err(Error::Encoding(..))));

    vec.push_back(vec![1]).await.unwrap();
    map.insert(Even(2), 5).await.unwrap();
    assert_eq!((vec.len(), map.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_has_one_type() {
    let [a] = World::new(24).nodes().await;
    let names = Map::<String, u64>::writer(&a, "store");
    let numbers = Map::<u64, u64>::writer(&a, "store");
    online!(names);
    match numbers.insert(1, 2).await.unwrap_err() {
        Error::OtherTypes {
            value,
            open,
            wanted,
        } => {
            assert_eq!(value, (1, 2));
            assert_eq!(open, "map of (String, u64)");
            assert_eq!(wanted, "map of (u64, u64)");
        }
        error => panic!("{error}"),
    }
    names.insert("a".into(), 1).await.unwrap();
    drop(names);
    drop(numbers);
    let numbers = Map::<u64, u64>::writer(&a, "store");
    online!(numbers);
    numbers.insert(1, 2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_the_network_is_closed() {
    let [a] = World::new(25).nodes().await;
    let map = Map::<u64, u64>::writer(&a, "map");
    online!(map);
    map.insert(1, 1).await.unwrap();
    a.shutdown(std::time::Duration::from_secs(5)).await.unwrap();
    assert_eq!(map.get(&1), Some(1), "what was read stays readable");
    let error = super::soon("an outcome", map.insert(2, 2))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NetworkDown), "{error}");
}
