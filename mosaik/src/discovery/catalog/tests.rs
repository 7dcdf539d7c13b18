use super::*;
use crate::primitives::{EndpointAddr, SecretKey};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
const PURGE_AFTER: Duration = Duration::from_secs(300);
const DRIFT: Duration = Duration::from_secs(50);

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

fn entry_in(network: NetworkId, n: u8, updated: i64) -> PeerEntry {
    let address = EndpointAddr::new(key(n).public());
    let version = PeerEntryVersion::from_ms(
        time(-1000).timestamp_millis(),
        time(updated).timestamp_millis(),
    );
    PeerEntry::new_at(network, address, time(0)).with_version(version)
}

fn entry(n: u8, updated: i64) -> PeerEntry {
    entry_in(NETWORK, n, updated)
}

fn stored(entry: PeerEntry, n: u8) -> Arc<Stored> {
    Arc::new(Stored::new(entry.signed_by(&key(n)).unwrap()))
}

fn catalog() -> Catalog {
    let local = entry(0, 0).signed_by(&key(0)).unwrap();
    Catalog::new(local, PURGE_AFTER, None, Clock::starting_at(time(0)))
}

fn ids<'a>(entries: impl Iterator<Item = &'a PeerEntry>) -> BTreeSet<PeerId> {
    entries.map(|entry| *entry.id()).collect()
}

fn peers(numbers: &[u8]) -> BTreeSet<PeerId> {
    numbers.iter().map(|n| key(*n).public()).collect()
}

#[test]
fn the_cheap_checks() {
    let mut catalog = catalog();
    catalog.upsert(stored(entry(1, 0), 1)).unwrap();
    let (local, known, new) = (key(0).public(), key(1).public(), key(2).public());
    let table = [
        (local, 10, Err(Refusal::Local)),
        (known, -1, Err(Refusal::NotNewer)),
        (known, 0, Err(Refusal::NotNewer)),
        (known, 1, Ok(())),
        (known, 51, Err(Refusal::Ahead)),
        (new, 50, Ok(())),
        (new, 51, Err(Refusal::Ahead)),
        (new, -300, Ok(())),
        (new, -301, Err(Refusal::Stale)),
    ];
    for (id, updated, expected) in table {
        let version = entry(1, updated).update_version();
        let result = catalog.screen(time(0), DRIFT, id.as_bytes(), version);
        assert_eq!(result, expected, "{updated}");
    }
    // A start in the future is a version that no correct clock could ever replace.
    let version = PeerEntryVersion::from_ms(i64::MAX, time(0).timestamp_millis());
    let result = catalog.screen(time(0), DRIFT, new.as_bytes(), version);
    assert_eq!(result, Err(Refusal::Ahead));
}

#[test]
fn upserts() {
    let mut catalog = catalog();
    assert!(matches!(
        catalog.upsert(stored(entry(1, 0), 1)),
        Ok(Upsert::Inserted { .. })
    ));
    assert_eq!(
        catalog.upsert(stored(entry(1, 0), 1)).unwrap_err(),
        Refusal::NotNewer
    );
    assert!(matches!(
        catalog.upsert(stored(entry(1, 1), 1)),
        Ok(Upsert::Updated {
            is_renewal: true,
            ..
        })
    ));
    let tagged = entry(1, 2).change_at(time(2), |entry| entry.tags_mut().insert("a".into()));
    assert!(matches!(
        catalog.upsert(stored(tagged, 1)),
        Ok(Upsert::Updated {
            is_renewal: false,
            ..
        })
    ));
    assert_eq!(
        catalog.upsert(stored(entry(0, 9), 0)).unwrap_err(),
        Refusal::Local
    );
    let foreign = stored(entry_in(NetworkId::from_u8(1), 2, 0), 2);
    assert_eq!(catalog.upsert(foreign).unwrap_err(), Refusal::OtherNetwork);
    assert_eq!(catalog.held_count(), 1);
    let held = catalog
        .slot(key(1).public().as_bytes())
        .unwrap()
        .stored
        .bytes
        .len();
    assert_eq!(catalog.signed_bytes, held);
    catalog.remove_signed(&key(1).public());
    assert_eq!(catalog.signed_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn getters_hide_what_is_old() {
    let mut catalog = catalog();
    for (n, updated) in [(1, -299), (2, 0)] {
        catalog.upsert(stored(entry(n, updated), n)).unwrap();
    }
    assert!(catalog.insert_unsigned(entry(3, -299)));
    assert!(catalog.insert_unsigned(entry(4, 0)));
    assert_eq!(ids(catalog.peers()), peers(&[1, 2, 3, 4]));
    assert_eq!(catalog.peers_count(), 4);

    // The snapshot ages.
    tokio::time::advance(Duration::from_secs(2)).await;
    let old = key(1).public();
    assert_eq!(ids(catalog.peers()), peers(&[2, 4]));
    assert_eq!(catalog.signed_peers_count(), 1);
    assert_eq!(ids(catalog.unsigned_peers()), peers(&[3, 4]));
    assert_eq!(ids(catalog.iter()), peers(&[0, 2, 3, 4]));
    assert_eq!(catalog.iter_signed().count(), 2);
    assert_eq!(catalog.get(&old), None);
    assert_eq!(catalog.get_signed(&old), None);
    assert!(catalog.get(&key(3).public()).is_some());
    assert!(catalog.get_signed(&key(3).public()).is_none());
    assert_eq!(catalog.peers_count(), 3);
    assert_eq!(catalog.expired(time(2)).0, [old]);
    assert_eq!(catalog.expired(time(2)).1, Some(time(300)));

    // The local entry is never hidden, however old.
    tokio::time::advance(Duration::from_secs(1000)).await;
    assert_eq!(catalog.peers_count(), 2);
    assert!(catalog.get(&key(0).public()).is_some());
    assert_eq!(catalog.iter().count(), 3);
}

#[test]
fn unsigned_entries_give_way() {
    let mut catalog = catalog();
    assert!(!catalog.insert_unsigned(entry(0, 0)), "the local id");
    assert!(
        !catalog.insert_unsigned(entry_in(NetworkId::from_u8(1), 1, 0)),
        "another network"
    );
    assert!(catalog.insert_unsigned(entry(1, 0)));
    assert!(
        catalog.insert_unsigned(entry(1, -5)),
        "even when it overwrites"
    );
    catalog.upsert(stored(entry(1, 0), 1)).unwrap();
    assert_eq!(catalog.unsigned_peers().count(), 0);
    assert!(
        !catalog.insert_unsigned(entry(1, 9)),
        "there is a signed one"
    );
    assert!(!catalog.remove_unsigned(&key(1).public()));
    assert!(!catalog.clear_unsigned());
    assert!(catalog.insert_unsigned(entry(2, 0)));
    assert!(catalog.remove_unsigned(&key(2).public()));
    assert!(catalog.insert_unsigned(entry(2, 0)) && catalog.clear_unsigned());
    assert_eq!(catalog.peers_count(), 1);
}

#[test]
fn distant_peers_are_hidden_from_two_getters_only() {
    let local = entry(0, 0).signed_by(&key(0)).unwrap();
    let limit = Duration::from_millis(10);
    let clock = Clock::starting_at(time(0));
    let mut catalog = Catalog::new(local, PURGE_AFTER, Some(limit), clock);
    let peer = key(1).public();
    catalog.upsert(stored(entry(1, 0), 1)).unwrap();
    assert!(catalog.get(&peer).is_some(), "unknown passes");
    assert!(!catalog.set_rtt(peer, limit));
    assert!(catalog.set_rtt(peer, 2 * limit));
    assert!(catalog.get(&peer).is_none() && catalog.peers().count() == 0);
    assert!(catalog.get_signed(&peer).is_some() && catalog.iter().count() == 2);
    assert_eq!(catalog.peers_count(), 1);
    assert!(catalog.set_rtt(peer, limit / 2));
    assert_eq!(catalog.info(&peer).unwrap().rtt(), Some(limit / 2));
}

#[test]
fn verification() {
    let stored = stored(entry(1, 0), 1);
    assert_eq!(VerifyAll.entry(&stored.bytes), Ok(stored.clone()));
    let mut bytes = stored.bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(VerifyAll.entry(&bytes.into()), Err(Refusal::BadSignature));
    assert_eq!(
        VerifyAll.entry(&Bytes::from_static(&[0xc0])),
        Err(Refusal::Undecodable)
    );

    let renewed = entry(1, 5).signed_by(&key(1)).unwrap();
    let renewed = Arc::new(Stored::new(renewed));
    let version = renewed.version();
    assert_eq!(renewed.content, stored.content);
    assert_ne!(renewed.bytes, stored.bytes);
    let signature = renewed.signature();
    assert_eq!(VerifyAll.renewal(&stored, version, &signature), Ok(renewed));
    let wrong = VerifyAll.renewal(&stored, version, &stored.signature());
    assert_eq!(wrong, Err(Refusal::BadSignature));
    assert_eq!(
        VerifyAll.renewal(&stored, version, &[1]),
        Err(Refusal::Undecodable)
    );
}

#[test]
fn the_ring_goes_round() {
    let mut catalog = catalog();
    for n in 1..6 {
        catalog.upsert(stored(entry(n, 0), n)).unwrap();
    }
    let sorted: Vec<PeerId> = peers(&[1, 2, 3, 4, 5]).into_iter().collect();
    let from_second: Vec<PeerId> = catalog.after(sorted[1].as_bytes()).collect();
    assert_eq!(
        from_second,
        [sorted[2], sorted[3], sorted[4], sorted[0], sorted[1]]
    );
    assert_eq!(catalog.after(&[0; 32]).collect::<Vec<_>>(), sorted);
}

fn entries() -> impl Strategy<Value = Vec<(u8, i64)>> {
    prop::collection::vec((0_u8..5, -10_i64..10), 0..24)
}

fn merge(catalog: &mut Catalog, entries: &[(u8, i64)]) {
    for (n, updated) in entries {
        drop(catalog.upsert(stored(entry(*n, *updated), *n)));
    }
}

fn elements(catalog: &Catalog) -> BTreeSet<u64> {
    catalog.elements().map(|(_, element)| element).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_commutative_and_idempotent(a in entries(), b in entries()) {
        let mut ab = catalog();
        merge(&mut ab, &a);
        merge(&mut ab, &b);
        let mut ba = catalog();
        merge(&mut ba, &b);
        merge(&mut ba, &a);
        prop_assert_eq!(elements(&ab), elements(&ba));
        let before = elements(&ab);
        merge(&mut ab, &a);
        merge(&mut ab, &b);
        prop_assert_eq!(elements(&ab), before);
    }

    #[test]
    fn merging_is_associative(a in entries(), b in entries(), c in entries()) {
        // (a + b) + c, and a + (b + c) by way of another catalog.
        let mut left = catalog();
        merge(&mut left, &a);
        merge(&mut left, &b);
        merge(&mut left, &c);
        let mut between = catalog();
        merge(&mut between, &b);
        merge(&mut between, &c);
        let mut right = catalog();
        merge(&mut right, &a);
        for slot in between.signed.values() {
            drop(right.upsert(slot.stored.clone()));
        }
        prop_assert_eq!(elements(&left), elements(&right));
    }
}
