//! Names, signatures and conversions of replicated data, as programs written for them use them.

use std::{error::Error as StdError, fmt::Debug, time::Duration, vec::Vec as StdVec};

use mosaik::{
    collections::{
        BoundedPriorityQueue, Cell, CellReader, CellWriter, CollectionDef, CollectionFromDef,
        Error, Map, MapReader, MapWriter, Once, OnceReader, OnceWriter, PriorityQueue,
        PriorityQueueReader, PriorityQueueWriter, ReaderDef, Set, SetReader, SetWriter, SyncConfig,
        UnboundedPriorityQueue, Vec, VecReader, VecWriter, Version, When, WriterDef,
    },
    groups::Index,
    tickets::{Hs256, Jwt},
    *,
};

use super::{is_background_work, is_error, is_thread_safe};

type Tested = Result<(), Box<dyn StdError + Send + Sync>>;

async fn network() -> Network {
    Network::builder(NetworkId::random())
        .loopback()
        .build()
        .await
        .unwrap()
}

#[test]
fn types_have_their_traits() {
    is_thread_safe::<Map<String, u64>>();
    is_thread_safe::<Vec<u64, false>>();
    is_thread_safe::<Set<String>>();
    is_thread_safe::<Cell<String>>();
    is_thread_safe::<Once<String>>();
    is_thread_safe::<PriorityQueue<u64, String, u64>>();
    is_error::<Error<(String, u64)>>();
    is_error::<Error<()>>();
    fn is_version<
        T: Debug + Copy + Eq + Ord + std::ops::Deref<Target = Index> + std::fmt::Display,
    >() {
    }
    is_version::<Version>();
    assert_eq!(Version(Index(3)).next(), 4);
    fn is_config<T: Clone + Default>() {}
    is_config::<CollectionConfig>();
    is_config::<SyncConfig>();
}

/// Definitions can be constants, and are copied whatever they define.
mod definitions {
    use super::*;

    const STORE: StoreId = unique_id!("public_api.definitions");
    const MAP: CollectionDef<collections::Map<String, String>> = CollectionDef::new(STORE);
    const READER: ReaderDef<collections::Map<String, String>> = MAP.as_reader();
    const WRITER: WriterDef<collections::Map<String, String>> = MAP.as_writer();
    const _: CollectionDef<collections::Map<String, String>> = CollectionDef::from_reader(&READER);
    const _: CollectionDef<collections::Map<String, String>> = CollectionDef::from_writer(&WRITER);
    const ONCE: ReaderDef<Once<String>> = ReaderDef::new(STORE).with_config(config);

    fn config() -> CollectionConfig {
        CollectionConfig::default().with_sync(SyncConfig::default())
    }

    #[tokio::test]
    async fn open() -> Tested {
        let (copy, network) = (MAP, network().await);
        assert_eq!(copy.store_id, STORE);
        let writer: MapWriter<String, String> = WRITER.open(&network);
        let reader: MapReader<String, String> = READER.open(&network);
        let again: MapWriter<String, String> = MAP.writer(&network);
        let _: OnceReader<String> = ONCE.open(&network);
        writer.when().online().await;
        let version = writer.insert("a".into(), "b".into()).await?;
        reader.when().reaches(version).await;
        assert_eq!(reader.get("a"), Some("b".to_owned()));
        assert_eq!(again.get("a"), Some("b".to_owned()));
        Ok(())
    }

    #[tokio::test]
    async fn by_kind() {
        fn opens<C: CollectionFromDef>(network: &Network, name: &str) -> (C::Reader, C::Writer) {
            let id = StoreId::from(name);
            drop(C::reader_with_config(
                network,
                id,
                CollectionConfig::default(),
            ));
            drop(C::writer_with_config(network, id, config()));
            (C::reader(network, id), C::writer(network, id))
        }
        let network = network().await;
        let _: (MapReader<u8, u8>, MapWriter<u8, u8>) = opens::<Map<u8, u8, false>>(&network, "m");
        let _: (VecReader<u8>, VecWriter<u8>) = opens::<Vec<u8>>(&network, "v");
        let _: (SetReader<u8>, SetWriter<u8>) = opens::<Set<u8>>(&network, "s");
        let _: (CellReader<u8>, CellWriter<u8>) = opens::<Cell<u8>>(&network, "c");
        let _: (OnceReader<u8>, OnceWriter<u8>) = opens::<Once<u8>>(&network, "o");
        let _: (
            PriorityQueueReader<u8, u8, u8>,
            PriorityQueueWriter<u8, u8, u8>,
        ) = opens::<PriorityQueue<u8, u8, u8>>(&network, "p");
    }
}

/// Every way to open one.
#[tokio::test]
async fn constructors() {
    let network = network().await;
    let sync = SyncConfig::default()
        .with_fetch_batch_size(100)
        .with_snapshot_ttl(Duration::from_secs(9))
        .with_snapshot_request_timeout(Duration::from_secs(8))
        .with_fetch_timeout(Duration::from_secs(7));
    let config = CollectionConfig::from(sync.clone())
        .require_ticket(Jwt::with_key(Hs256::new([7; 32])).allow_issuer("a"))
        .require_ticket(Jwt::with_key(Hs256::new([8; 32])).allow_issuer("b"));
    let _: MapWriter<u8, u8> = Map::writer(&network, "1");
    let _: MapWriter<u8, u8> = Map::new(&network, unique_id!("2"));
    let _: MapWriter<u8, u8> = Map::writer_with_config(&network, "3", sync.clone());
    let _: MapWriter<u8, u8> = Map::new_with_config(&network, "4", config.clone());
    let _: MapReader<u8, u8> = Map::<u8, u8>::reader(&network, "5");
    let _ = MapReader::<u8, u8>::reader_with_config(&network, "6", config);
    let _: VecReader<u8> = Vec::<u8>::reader(&network, "7");
    let _: VecReader<u8> = Vec::<u8>::reader_with_config(&network, "8", sync.clone());
    let _ = SetWriter::<u8>::new(&network, "9");
    let _ = CellReader::<u8>::reader(&network, "10");
    let _ = Once::<u8>::new_with_config(&network, "11", sync);
    let _: UnboundedPriorityQueue<u8, u8, u8> = PriorityQueue::new(&network, "12");
    let _: BoundedPriorityQueue<u8, u8, u8, 5> = BoundedPriorityQueue::writer(&network, "13");
    let _: PriorityQueueReader<u8, u8, u8, 5> =
        BoundedPriorityQueue::<u8, u8, u8, 5>::reader(&network, "14");
}

#[tokio::test]
async fn a_map_as_programs_use_it() -> Tested {
    let network = network().await;
    let map = Map::<String, u64>::writer(&network, "map");
    let when: &When = map.when();
    when.online().await;
    assert!(map.is_empty());
    let _: &GroupId = map.group_id();
    let version: Version = is_background_work(map.insert("a".into(), 1)).await?;
    assert_eq!(map.version(), version);
    is_background_work(map.extend([("b".to_owned(), 2), ("c".to_owned(), 3)])).await?;
    is_background_work(map.extend([])).await?;
    assert_eq!((map.len(), map.get("b")), (3, Some(2)));
    assert!(map.contains_key("a") && map.contains_key(&"c".to_owned()));
    is_background_work(map.remove(&"a".to_owned())).await?;
    is_background_work(map.remove_many(["b".to_owned()])).await?;
    is_background_work(map.compare_exchange("c".into(), Some(3), Some(4))).await?;
    map.compare_exchange("c".into(), Some(9), None).await?;
    assert_eq!(map.iter().collect::<StdVec<_>>(), [("c".to_owned(), 4)]);
    assert_eq!(map.keys().collect::<StdVec<_>>(), ["c"]);
    assert_eq!(map.values().sum::<u64>(), 4);
    let version = is_background_work(map.clear()).await?;
    when.reaches(version).await;
    assert_eq!(map.len(), 0);
    let reader = tokio::spawn({
        let reader = Map::<String, u64>::reader(&network, "map");
        async move {
            reader.when().updated().await;
            reader.get("last")
        }
    });
    while !reader.is_finished() {
        map.insert("last".into(), 5).await?;
        tokio::task::yield_now().await;
    }
    assert_eq!(reader.await?, Some(5));
    Ok(())
}

#[tokio::test]
async fn errors_give_the_payload_back() {
    let network = network().await;
    let reader = Map::<String, u64>::reader(&network, "nobody");
    let writer = Map::<String, u64>::writer(&network, "errors");
    let said = writer.insert("a".into(), 1).await;
    // Whether it was online in time is not the point here.
    if let Err(error) = said {
        match error {
            Error::Offline((key, value)) | Error::Encoding((key, value), _) => {
                assert_eq!((key.as_str(), value), ("a", 1));
            }
            Error::NetworkDown => unreachable!("the network is up"),
            other => panic!("{other}"),
        }
    }
    writer.when().online().await;
    drop(reader);
    drop(network);
    writer.when().offline().await;
}

#[tokio::test]
async fn a_vec_as_programs_use_it() -> Tested {
    let network = network().await;
    let vec = Vec::<u64>::writer(&network, "vec");
    vec.when().online().await;
    is_background_work(vec.push_back(2)).await?;
    is_background_work(vec.push_front(1)).await?;
    is_background_work(vec.extend([4, 5])).await?;
    is_background_work(vec.insert(2, 3)).await?;
    assert_eq!(vec.iter().collect::<StdVec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!((vec.front(), vec.head()), (Some(1), Some(1)));
    assert_eq!((vec.back(), vec.last()), (Some(5), Some(5)));
    assert_eq!((vec.get(1), vec.get(9)), (Some(2), None));
    assert!(vec.contains(&3));
    assert_eq!((vec.index_of(&4), vec.index_of(&6)), (Some(3), None));
    is_background_work(vec.swap(0, 4)).await?;
    is_background_work(vec.remove(0)).await?;
    is_background_work(vec.pop_back()).await?;
    is_background_work(vec.pop_front()).await?;
    is_background_work(vec.truncate(1_usize)).await?;
    assert_eq!(vec.iter().collect::<StdVec<_>>(), [3]);
    vec.insert(99, 0).await.ok();
    vec.remove(99).await.ok();
    assert_eq!(vec.len(), 1);
    is_background_work(vec.clear()).await?;
    assert!(vec.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_set_as_programs_use_it() -> Tested {
    let network = network().await;
    let set = Set::<String>::writer(&network, "set");
    let other = Set::<String>::reader(&network, "set");
    set.when().online().await;
    is_background_work(set.insert("a".into())).await?;
    is_background_work(set.extend(["b".to_owned(), "c".to_owned()])).await?;
    is_background_work(set.remove(&"a".to_owned())).await?;
    let version = is_background_work(set.remove_many(["b".to_owned()])).await?;
    other.when().reaches(version).await;
    assert!(set.contains("c") && set.is_subset(&other) && other.is_subset(&set));
    assert_eq!((set.len(), set.is_empty()), (1, false));
    assert_eq!(set.iter().collect::<StdVec<_>>(), ["c"]);
    is_background_work(set.clear()).await?;
    Ok(())
}

#[tokio::test]
async fn cells_as_programs_use_them() -> Tested {
    let network = network().await;
    let cell = Cell::<u64>::writer(&network, "cell");
    let once = Once::<u64>::writer(&network, "once");
    let reader = Once::<u64>::reader(&network, "once");
    let awaited = tokio::spawn(async move { reader.await_value().await });
    cell.when().online().await;
    once.when().online().await;
    assert!(cell.is_empty() && cell.is_none() && !cell.is_some());
    is_background_work(cell.write(1)).await?;
    is_background_work(cell.set(2)).await?;
    is_background_work(cell.compare_exchange(Some(2), Some(3))).await?;
    assert_eq!((cell.read(), cell.get()), (Some(3), Some(3)));
    is_background_work(cell.clear()).await?;
    assert!(cell.is_none());
    assert!(once.is_empty() && once.is_none() && !once.is_some());
    let first: Version = is_background_work(once.write(1)).await?;
    let second = is_background_work(once.set(2)).await?;
    assert!(second > first);
    assert_eq!((once.read(), once.get()), (Some(1), Some(1)));
    assert_eq!((once.await_value().await, awaited.await?), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_priority_queue_as_programs_use_it() -> Tested {
    let network = network().await;
    let queue: PriorityQueue<u64, String, u64, 3> = PriorityQueue::writer(&network, "queue");
    queue.when().online().await;
    is_background_work(queue.insert(5, "a".into(), 50)).await?;
    let more = [(1, "b".to_owned(), 10), (3, "c".to_owned(), 30)];
    is_background_work(queue.extend(more)).await?;
    assert_eq!(queue.get_min(), Some((1, "b".to_owned(), 10)));
    assert_eq!(queue.get_max(), Some((5, "a".to_owned(), 50)));
    assert_eq!(
        (queue.min_priority(), queue.max_priority()),
        (Some(1), Some(5))
    );
    queue.insert(4, "d".into(), 40).await?;
    assert_eq!((queue.len(), queue.capacity()), (3, 3));
    assert!(!queue.contains_key("b") && !queue.is_empty());
    assert_eq!(
        (queue.get("d"), queue.get_priority("d")),
        (Some(40), Some(4))
    );
    is_background_work(queue.update_priority(&"d".to_owned(), 9)).await?;
    is_background_work(queue.update_value(&"d".to_owned(), 90)).await?;
    let swapped = queue.compare_exchange_value(&"d".to_owned(), 90, Some(91));
    is_background_work(swapped).await?;
    let order = |entries: StdVec<(u64, String, u64)>| -> StdVec<u64> {
        entries.into_iter().map(|(priority, ..)| priority).collect()
    };
    assert_eq!(order(queue.iter().collect()), [3, 5, 9]);
    assert_eq!(order(queue.iter_asc().collect()), [3, 5, 9]);
    assert_eq!(order(queue.iter_desc().collect()), [9, 5, 3]);
    is_background_work(queue.remove_range(..4)).await?;
    is_background_work(queue.remove(&"a".to_owned())).await?;
    is_background_work(queue.remove_keys(["d".to_owned()])).await?;
    assert!(queue.is_empty());
    is_background_work(queue.clear()).await?;
    Ok(())
}

/// The declaration macro, by each of its paths, inside a function.
#[tokio::test]
async fn declared_collections_as_programs_use_them() -> Tested {
    const HERE: StoreId = unique_id!("public_api.here");
    collection!(pub Scores = Map<String, u64>, "public_api.scores");
    mosaik::collection!(
        /// The best ones.
        pub(crate) Best = mosaik::collections::PriorityQueue<u64, String, String, 5>, HERE,
    );
    mosaik::declare::collection!(reader Seen = Set<String>, "public_api.seen");
    collection!(writer List<T: Clone + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> = Vec<T>, "public_api.list");
    collection!(Guarded = Cell<u64>, "public_api.guarded",
        require_ticket: Jwt::with_key(Hs256::new([7; 32])).allow_issuer("a"),
        require_ticket: Jwt::with_key(Hs256::new([8; 32])).allow_issuer("b"),
    );
    let network = network().await;
    let writer: WriterOf<Scores> = is_background_work(Scores::online_writer(&network)).await;
    let reader: ReaderOf<Scores> = is_background_work(Scores::online_reader(&network)).await;
    let version = writer.insert("a".into(), 1).await?;
    reader.when().reaches(version).await;
    let _: ReaderOf<Seen> = Seen::reader(&network);
    let list: WriterOf<List<u64>> = List::<u64>::writer(&network);
    list.when().online().await;
    list.push_back(1).await?;
    let _ = (Best::writer(&network), Best::reader(&network));
    drop(Guarded::writer(&network));
    Ok(())
}
