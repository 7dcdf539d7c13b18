//! What every kind of collection does between a writer and a reader.

use mosaik::{
    collections::{
        BoundedPriorityQueue, Cell, CollectionConfig, CollectionDef, Map, MapReader, MapWriter,
        Once, OrderedMap, PriorityQueue, ReaderDef, Set, SyncConfig, VecReader, WriterDef,
    },
    *,
};
use tokio::time::{Duration, timeout};

use super::{World, online, soon};

#[tokio::test(start_paused = true)]
async fn a_map() {
    let [a, b] = World::new(1).nodes().await;
    let writer = Map::<String, u64>::writer(&a, "map");
    let reader = Map::<String, u64>::reader(&b, "map");
    online!(writer, reader);
    assert!(writer.is_empty());
    writer.insert("hello".into(), 1).await.unwrap();
    assert_eq!(writer.get("hello"), Some(1), "one reads what one wrote");
    let entries = [
        ("a".to_owned(), 2),
        ("b".to_owned(), 3),
        ("a".to_owned(), 4),
    ];
    let version = writer.extend(entries).await.unwrap();
    assert_eq!(version, writer.version());
    soon("the reader follows", reader.when().reaches(version)).await;
    assert_eq!((reader.len(), reader.get("a")), (3, Some(4)));
    assert!(reader.contains_key("b") && !reader.contains_key("c"));
    let mut keys: Vec<String> = reader.keys().collect();
    keys.sort();
    assert_eq!(keys, ["a", "b", "hello"]);
    assert_eq!(reader.values().sum::<u64>(), 8);
    writer.remove(&"hello".into()).await.unwrap();
    let version = writer.remove_many(["a".into(), "x".into()]).await.unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    assert_eq!(reader.iter().collect::<Vec<_>>(), [("b".to_owned(), 3)]);
    assert_eq!(reader.state_digest(), writer.state_digest());
    assert_eq!(reader.group_id(), writer.group_id());
    let version = writer.clear().await.unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    assert!(reader.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vec() {
    let [a, b] = World::new(2).nodes().await;
    let writer = collections::Vec::<u64>::writer(&a, "vec");
    let reader: VecReader<u64> = collections::Vec::<u64>::reader(&b, "vec");
    online!(writer, reader);
    writer.push_back(2).await.unwrap();
    writer.push_front(1).await.unwrap();
    writer.extend([3, 4, 5]).await.unwrap();
    writer.insert(5, 6).await.unwrap();
    writer.insert(0, 0).await.unwrap();
    writer.swap(0, 6).await.unwrap();
    writer.remove(1).await.unwrap();
    writer.pop_back().await.unwrap();
    let version = writer.truncate(4).await.unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    assert_eq!(reader.iter().collect::<Vec<_>>(), [6, 2, 3, 4]);
    assert_eq!((reader.front(), reader.back()), (Some(6), Some(4)));
    assert_eq!((reader.head(), reader.last()), (Some(6), Some(4)));
    assert_eq!((reader.get(1), reader.get(4)), (Some(2), None));
    assert_eq!((reader.index_of(&3), reader.contains(&7)), (Some(2), false));
    // What is out of range changes nothing.
    writer.remove(99).await.unwrap();
    writer.remove(u64::MAX).await.unwrap();
    writer.swap(0, 99).await.unwrap();
    writer.truncate(99).await.unwrap();
    writer.pop_front().await.unwrap();
    assert_eq!(writer.iter().collect::<Vec<_>>(), [2, 3, 4]);
    writer.clear().await.unwrap();
    writer.pop_front().await.unwrap();
    writer.pop_back().await.unwrap();
    assert!(writer.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_set_a_cell_and_a_once() {
    let [a, b] = World::new(3).nodes().await;
    let set = Set::<String>::writer(&a, "set");
    let set_reader = Set::<String>::reader(&b, "set");
    let cell = Cell::<u64>::writer(&a, "cell");
    let cell_reader = Cell::<u64>::reader(&b, "cell");
    let once = Once::<String>::writer(&a, "once");
    let once_reader = Once::<String>::reader(&b, "once");
    online!(set, set_reader, cell, cell_reader, once, once_reader);

    set.insert("a".into()).await.unwrap();
    set.extend(["b".into(), "c".into()]).await.unwrap();
    let version = set.remove(&"a".to_owned()).await.unwrap();
    soon("the reader follows", set_reader.when().reaches(version)).await;
    assert!(set_reader.contains("b") && !set_reader.contains("a"));
    assert!(set_reader.is_subset(&set) && set.len() == 2);
    set.remove_many(["b".into()]).await.unwrap();
    assert_eq!(set.iter().collect::<Vec<_>>(), ["c"]);

    assert!(cell.is_none() && cell.get().is_none());
    cell.set(1).await.unwrap();
    cell.write(2).await.unwrap();
    cell.compare_exchange(Some(9), Some(3)).await.unwrap();
    let version = cell.compare_exchange(Some(2), Some(4)).await.unwrap();
    soon("the reader follows", cell_reader.when().reaches(version)).await;
    assert_eq!((cell_reader.read(), cell_reader.is_some()), (Some(4), true));
    cell.clear().await.unwrap();
    assert!(cell.is_empty());

    let value = tokio::spawn(async move { once_reader.await_value().await });
    once.write("first".into()).await.unwrap();
    let later = once.set("second".into()).await.unwrap();
    assert_eq!(later, once.version(), "it has a version, and no effect");
    assert_eq!(once.get().as_deref(), Some("first"));
    assert_eq!(soon("the reader gets it", value).await.unwrap(), "first");
    let soon_enough = timeout(Duration::from_millis(100), once.await_value()).await;
    assert_eq!(soon_enough.unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn queues() {
    let [a, b] = World::new(4).nodes().await;
    let queue = PriorityQueue::<u64, String, u64>::writer(&a, "queue");
    let reader = PriorityQueue::<u64, String, u64>::reader(&b, "queue");
    let best = BoundedPriorityQueue::<u64, u64, u64, 2>::writer(&a, "best");
    online!(queue, reader, best);
    let item = |priority, key: &str, value| (priority, key.to_owned(), value);
    queue.insert(5, "a".into(), 1).await.unwrap();
    queue
        .extend([item(3, "b", 2), item(9, "c", 3), item(5, "d", 4)])
        .await
        .unwrap();
    queue.update_priority(&"b".into(), 10).await.unwrap();
    queue.update_value(&"a".into(), 7).await.unwrap();
    queue.update_value(&"nobody".into(), 7).await.unwrap();
    let version = queue
        .compare_exchange_value(&"c".into(), 3, Some(8))
        .await
        .unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    assert_eq!(reader.get_max(), Some(item(10, "b", 2)));
    assert_eq!(
        reader.get_min(),
        Some(item(5, "d", 4)),
        "the later of equals"
    );
    assert_eq!(
        (reader.min_priority(), reader.max_priority()),
        (Some(5), Some(10))
    );
    assert_eq!(
        (reader.get("c"), reader.get_priority("a")),
        (Some(8), Some(5))
    );
    let keys: Vec<String> = reader.iter_desc().map(|(_, key, _)| key).collect();
    assert_eq!(keys, ["b", "c", "a", "d"]);
    queue.remove_range(..=5).await.unwrap();
    queue.remove_keys(["b".into()]).await.unwrap();
    assert_eq!(queue.iter().collect::<Vec<_>>(), [item(9, "c", 8)]);
    queue.remove(&"c".into()).await.unwrap();
    assert!(queue.is_empty() && queue.capacity() == u64::MAX);

    best.extend([(1, 1, 0), (2, 2, 0), (3, 3, 0)])
        .await
        .unwrap();
    best.insert(0, 9, 0).await.unwrap();
    assert!(!best.contains_key(&9), "lower than all");
    assert_eq!(
        (best.len(), best.capacity(), best.get_min()),
        (2, 2, Some((2, 2, 0)))
    );
}

#[tokio::test(start_paused = true)]
async fn an_ordered_map() {
    let [a, b] = World::new(5).nodes().await;
    let writer = OrderedMap::<String, u64>::writer(&a, "ordered");
    let reader = OrderedMap::<String, u64>::reader(&b, "ordered");
    online!(writer, reader);
    let names = ["b", "a/1", "a/2", "c", "a"];
    let version = writer
        .extend(
            names
                .iter()
                .zip(1..)
                .map(|(name, value)| (name.to_string(), value)),
        )
        .await
        .unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    assert_eq!(
        reader.keys().collect::<Vec<_>>(),
        ["a", "a/1", "a/2", "b", "c"]
    );
    assert_eq!(reader.first(), Some(("a".to_owned(), 5)));
    assert_eq!(reader.last(), Some(("c".to_owned(), 4)));
    let values = |entries: &mut dyn Iterator<Item = (String, u64)>| -> Vec<u64> {
        entries.map(|(_, value)| value).collect()
    };
    assert_eq!(values(&mut reader.prefix("a/")), [2, 3]);
    assert_eq!(
        values(&mut reader.range("a/2".to_owned().."c".to_owned())),
        [3, 1]
    );
    assert_eq!(
        values(&mut reader.range("z".to_owned().."a".to_owned())),
        Vec::<u64>::new()
    );
    assert_eq!(values(&mut reader.iter().rev()), [4, 1, 3, 2, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_come_before_any_writer() {
    let [a, b] = World::new(6).nodes().await;
    let reader = Map::<u64, u64>::reader(&b, "map");
    let early = timeout(Duration::from_secs(20), reader.when().online()).await;
    assert!(early.is_err(), "readers begin nothing on their own");
    let why = reader.status().why_offline.unwrap();
    assert!(
        why.contains("no writer of this collection has been found"),
        "{why}"
    );
    let writer = Map::<u64, u64>::writer(&a, "map");
    let version = {
        online!(writer);
        writer.insert(1, 2).await.unwrap()
    };
    online!(reader);
    soon("the reader follows", reader.when().reaches(version)).await;
    assert_eq!(reader.get(&1), Some(2));
}

/// A reader and a writer of one store on one node share a replica, and none ends the other.
#[tokio::test(start_paused = true)]
async fn handles_of_one_node_share_a_replica() {
    let [a, _b] = World::new(7).nodes().await;
    let reader = Map::<u64, u64>::reader(&a, "map");
    let writer = Map::<u64, u64>::writer(&a, "map");
    online!(reader, writer);
    writer.insert(1, 10).await.unwrap();
    assert_eq!(
        (reader.get(&1), reader.version()),
        (Some(10), writer.version())
    );
    let second = Map::<u64, u64>::writer(&a, "map");
    drop(reader);
    assert_eq!(second.get(&1), Some(10));
    second.insert(2, 20).await.unwrap();
    drop(writer);
    second.insert(3, 30).await.unwrap();
    assert_eq!(second.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn definitions_are_constants() {
    const DEF: CollectionDef<Map<String, String>> = CollectionDef::new(unique_id!("def"))
        .with_config(|| CollectionConfig::from(SyncConfig::default().with_fetch_batch_size(7)));
    const READER: ReaderDef<Map<String, String>> = DEF.as_reader();
    const WRITER: WriterDef<Map<String, String>> = DEF.as_writer();
    let [a, b] = World::new(8).nodes().await;
    let writer: MapWriter<String, String> = WRITER.open(&a);
    let reader: MapReader<String, String> = READER.open(&b);
    online!(writer, reader);
    let version = writer.insert("a".into(), "b".into()).await.unwrap();
    soon("the reader follows", reader.when().reaches(version)).await;
    let third = CollectionDef::from_reader(&READER).reader(&a);
    assert_eq!(third.get("a").as_deref(), Some("b"));
    // Other settings of snapshots are another collection.
    let other = Map::<String, String>::writer(&b, DEF.store_id);
    assert_ne!(other.group_id(), writer.group_id());
}

/// What is not written has no version of its own, and needs nobody.
#[tokio::test(start_paused = true)]
async fn nothing_is_nothing() {
    let [a] = World::new(9).nodes().await;
    let map = Map::<u64, u64>::writer(&a, "map");
    assert_eq!(*map.extend([]).await.unwrap(), 0);
    assert_eq!(*map.remove_many([]).await.unwrap(), 0);
    online!(map);
    let version = map.insert(1, 1).await.unwrap();
    assert_eq!(map.extend([]).await.unwrap(), version);
}

#[test]
fn handles_go_everywhere() {
    fn everywhere<T: Send + Sync + 'static>() {}
    everywhere::<MapReader<u64, u64>>();
    everywhere::<collections::PriorityQueueWriter<u64, u64, u64, 3>>();
    everywhere::<collections::When>();
    everywhere::<collections::Changes<collections::MapChange<u64, u64>>>();
    fn an_error<T: std::error::Error + Send + Sync + 'static>() {}
    an_error::<collections::Error<u64>>();
    fn copied<T: Copy>() {}
    copied::<CollectionDef<Map<String, String>>>();
}
