//! Following what changes.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use mosaik::{
    collections::{CollectionConfig, Event, Map, MapChange, VecChange},
    *,
};

use super::{World, online, soon};

#[tokio::test(start_paused = true)]
async fn a_reader_hears_of_every_change() {
    let [a, b] = World::new(30).nodes().await;
    let writer = Map::<String, u64>::writer(&a, "map");
    let reader = Map::<String, u64>::reader(&b, "map");
    online!(writer, reader);
    let mut changes = reader.changes();
    let first = writer.insert("a".into(), 1).await.unwrap();
    let second = writer.insert("a".into(), 2).await.unwrap();
    let third = writer.remove(&"a".into()).await.unwrap();
    let expected = [
        (
            first,
            MapChange::Set {
                key: "a".into(),
                old: None,
                new: 1,
            },
        ),
        (
            second,
            MapChange::Set {
                key: "a".into(),
                old: Some(1),
                new: 2,
            },
        ),
        (
            third,
            MapChange::Removed {
                key: "a".into(),
                old: 2,
            },
        ),
    ];
    for (version, change) in expected {
        let event = soon("a change", changes.next()).await.unwrap();
        assert_eq!(event, Event::Changed { version, change });
    }
    let mut since = reader.changes_since(second);
    assert_eq!(
        soon("a change", since.next()).await.unwrap().version(),
        third
    );
    drop(reader);
    assert_eq!(soon("the end", changes.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn rows_change_in_ranges() {
    let [a] = World::new(31).nodes().await;
    let vec = collections::Vec::<u64>::writer(&a, "vec");
    online!(vec);
    let mut changes = vec.changes();
    vec.extend([1, 2, 3]).await.unwrap();
    vec.remove(1).await.unwrap();
    let mut ranges = Vec::new();
    for _ in 0..2 {
        if let Some(Event::Changed { change, .. }) = soon("a change", changes.next()).await {
            let VecChange { range, values } = change;
            ranges.push((range, values));
        }
    }
    assert_eq!(ranges, [(0..0, vec![1, 2, 3]), (1..2, vec![])]);
}

/// Whoever is too slow, or comes back too late, takes a snapshot and goes on from there.
#[tokio::test(start_paused = true)]
async fn what_is_lost_is_told() {
    let [a] = World::new(32).nodes().await;
    let config = CollectionConfig::default().with_history(3);
    let map = Map::<u64, u64>::writer_with_config(&a, "map", config);
    online!(map);
    let start = map.version();
    let mut slow = map.changes();
    let mut copy = BTreeMap::new();
    for key in 0..10 {
        map.insert(key, key).await.unwrap();
    }
    let mut known = start;
    while copy.len() < 10 {
        match soon("an event", slow.next()).await.unwrap() {
            Event::Relisted { .. } => {
                let snapshot = map.snapshot();
                copy = snapshot.iter().collect();
                known = snapshot.version();
            }
            Event::Changed { version, .. } if version <= known => {}
            Event::Changed {
                change: MapChange::Set { key, new, .. },
                ..
            } => {
                copy.insert(key, new);
            }
            Event::Changed { .. } => unreachable!("nothing is removed"),
        }
    }
    assert_eq!(copy, map.iter().collect());
    let event = soon("an event", map.changes_since(start).next()).await;
    assert!(matches!(event, Some(Event::Relisted { .. })));
}

#[tokio::test(start_paused = true)]
async fn snapshots_do_not_change() {
    let [a] = World::new(33).nodes().await;
    let map = Map::<u64, u64>::writer(&a, "map");
    online!(map);
    let version = map.insert(1, 1).await.unwrap();
    let snapshot = map.snapshot();
    map.insert(1, 2).await.unwrap();
    map.insert(2, 2).await.unwrap();
    assert_eq!((snapshot.version(), snapshot.len()), (version, 1));
    assert_eq!((snapshot.get(&1), map.get(&1)), (Some(1), Some(2)));
    assert_ne!(snapshot.state_digest(), map.state_digest());
}
