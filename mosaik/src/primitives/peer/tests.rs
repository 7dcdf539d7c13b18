use super::*;
use crate::primitives::{Bytes, Pretty, Short, decode, encode};
use core::net::{SocketAddr, SocketAddrV6};
use proptest::prelude::*;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

fn entry() -> PeerEntry {
    PeerEntry::new_at(
        Digest::from("net"),
        EndpointAddr::new(key(1).public()),
        at(1000),
    )
}

fn ticket(text: &'static str) -> Ticket {
    Ticket::new(Digest::from("class"), Bytes::from_static(text.as_bytes()))
}

fn full_entry() -> PeerEntry {
    let address = EndpointAddr::new(key(1).public())
        .with_ip_addr("10.0.0.1:4000".parse().unwrap())
        .with_ip_addr("[2001:db8::1]:4001".parse().unwrap())
        .with_ip_addr(SocketAddr::V6(SocketAddrV6::new(
            "fe80::1".parse().unwrap(),
            4002,
            0,
            3,
        )))
        .with_relay_url("https://relay.example/".parse().unwrap());
    PeerEntry::new_at(Digest::from("net"), address, at(1000))
        .add_tags(["a", "b"])
        .add_streams("s")
        .add_groups(vec!["g"])
        .add_ticket(ticket("t"))
}

#[test]
fn every_change_makes_a_newer_version_and_no_change_does_not() {
    type Change = fn(PeerEntry) -> PeerEntry;
    let table: &[(&str, Change, Change)] = &[
        ("tags", |e| e.add_tags("x"), |e| e.remove_tags("x")),
        ("streams", |e| e.add_streams("x"), |e| e.remove_streams("x")),
        ("groups", |e| e.add_groups("x"), |e| e.remove_groups("x")),
        (
            "ticket",
            |e| e.add_ticket(ticket("x")),
            |e| e.remove_ticket(ticket("x").id()),
        ),
        (
            "class",
            |e| e.add_ticket(ticket("x")),
            |e| e.remove_tickets_of(Digest::from("class")),
        ),
        (
            "replace",
            |e| e.replace_ticket(ticket("x")),
            |e| e.replace_ticket(ticket("y")),
        ),
    ];
    for (name, add, undo) in table {
        let empty = entry();
        let added = add(empty.clone());
        assert!(added.is_newer_than(&empty), "{name}");
        assert!(!empty.is_newer_than(&added), "{name}");
        assert_eq!(add(added.clone()), added, "{name}");
        assert!(!added.is_newer_than(&added.clone()), "{name}");
        let undone = undo(added.clone());
        assert!(undone.is_newer_than(&added), "{name}");
        assert_eq!(undo(undone.clone()), undone, "{name}");
    }
}

#[test]
fn versions_never_go_back() {
    let first = entry().touched_at(at(5000));
    assert_eq!(
        (first.version.start_ms(), first.version.update_ms()),
        (1000, 5001)
    );
    let clock_back = first.clone().touched_at(at(10));
    assert_eq!(clock_back.version.update_ms(), 5002);
    assert_eq!(clock_back.version.to_string(), "1000.5002");
    assert_eq!(format!("{:?}", clock_back.version), "1000.5002");
    let restarted = PeerEntry::new_at(Digest::zero(), first.address.clone(), at(1001));
    assert!(restarted.is_newer_than(&clock_back));
    let extreme: PeerEntryVersion = decode(&encode(&(i64::MAX, i64::MAX)).unwrap()).unwrap();
    assert_eq!(extreme.bumped_at(at(0)), extreme);
    assert_eq!(extreme.updated_at(), DateTime::UNIX_EPOCH);
}

#[test]
fn uptime_is_never_negative() {
    assert_eq!(entry().uptime_at(at(3500)), Duration::from_millis(2500));
    assert_eq!(entry().uptime_at(at(0)), Duration::ZERO);
}

#[test]
fn address_of_another_peer_is_refused() {
    let other = EndpointAddr::new(key(2).public());
    let result = entry().with_address_at(other, at(2000));
    let expected = EntryError::PeerIdChanged {
        expected: key(1).public(),
        actual: key(2).public(),
    };
    assert_eq!(result, Err(expected));
    let same = entry().address().clone();
    assert!(
        entry()
            .with_address_at(same, at(0))
            .unwrap()
            .is_newer_than(&entry())
    );
}

#[test]
fn only_the_peer_signs() {
    let result = full_entry().signed_by(&key(2));
    assert!(matches!(result, Err(EntryError::SecretKeyMismatch { .. })));
    let signed = full_entry().signed_by(&key(1)).unwrap();
    assert_eq!(*signed.id(), key(1).public());
    assert_eq!(PeerId::from(&signed), PeerId::from(&*signed));
    let (entry, signature) = signed.clone().into();
    assert_eq!(SignedPeerEntry::verified(entry, signature).unwrap(), signed);
}

#[test]
fn signed_entry_survives_the_wire() {
    let signed = full_entry().signed_by(&key(1)).unwrap();
    let bytes = encode(&signed).unwrap();
    let decoded: SignedPeerEntry = decode(&bytes).unwrap();
    assert_eq!(decoded, signed);
    assert_eq!(decoded.digest(), signed.digest());
    assert_eq!(encode(&decoded).unwrap(), bytes);
    let json = serde_json::to_string(&signed).unwrap();
    assert_eq!(
        serde_json::from_str::<SignedPeerEntry>(&json).unwrap(),
        signed
    );
}

#[test]
fn any_changed_byte_is_refused() {
    let signed = full_entry().signed_by(&key(1)).unwrap();
    let bytes = encode(&signed).unwrap();
    for index in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[index] ^= 1;
        if let Ok(decoded) = decode::<SignedPeerEntry>(&changed) {
            // Another way to write the same entry, which is what was signed.
            assert_eq!(decoded, signed, "byte {index}");
        }
    }
}

#[test]
fn golden_bytes() {
    let address = EndpointAddr::new(key(1).public())
        .with_ip_addr("10.0.0.1:4000".parse().unwrap())
        .with_relay_url("https://r.example/".parse().unwrap());
    let mut entry = PeerEntry::new_at(Digest::from_u8(9), address, at(1000));
    entry.protocol = Version::new(1, 2, 3);
    entry.tags_mut().insert(Digest::from_u8(5));
    entry.insert_ticket(Ticket::new(Digest::from_u8(6), Bytes::from_static(b"t")));

    let mut expected = vec![0x9a, 1, 0xa5];
    expected.extend_from_slice(b"1.2.3");
    let digest = |bytes: &[u8; 32]| [&[0xc4, 32][..], bytes].concat();
    expected.extend(digest(Digest::from_u8(9).as_bytes()));
    expected.extend([0x92, 0xcd, 0x03, 0xe8, 0xcd, 0x03, 0xe8]);
    expected.extend(digest(key(1).public().as_bytes()));
    expected.extend([0x92, 0x92, 0, 0xc4, 18]);
    expected.extend_from_slice(b"https://r.example/");
    expected.extend([0x92, 1, 0xc4, 6, 10, 0, 0, 1, 0x0f, 0xa0]);
    expected.push(0x91);
    expected.extend(digest(Digest::from_u8(5).as_bytes()));
    expected.extend([0x90, 0x90, 0x91, 0x92]);
    expected.extend(digest(Digest::from_u8(6).as_bytes()));
    expected.extend([0xc4, 1, b't']);

    let bytes = encode(&entry).unwrap();
    assert_eq!(bytes, expected);
    assert_eq!(entry.digest(), Digest::hash(&expected));
    assert_eq!(decode::<PeerEntry>(&bytes).unwrap(), entry);

    expected[1] = 2;
    let error = decode::<PeerEntry>(&expected).unwrap_err().to_string();
    assert!(error.contains("format 2"), "{error}");
}

#[test]
fn limits_hold_when_signing_and_when_decoding() {
    let names = |count: usize| (0..count as u64).map(Digest::from_u64).collect::<Vec<_>>();
    let tickets = |count: usize| {
        (0..count).fold(entry(), |mut entry, index| {
            let data = Bytes::from(index.to_string());
            entry.insert_ticket(Ticket::new(Digest::zero(), data));
            entry
        })
    };
    let addresses = |count: usize| {
        let ports = (0..count as u16).map(|port| TransportAddr::Ip(([10, 0, 0, 1], port).into()));
        let address = entry().address().clone().with_addrs(ports);
        entry().with_address_at(address, at(0)).unwrap()
    };
    let big_ticket =
        |bytes: usize| entry().add_ticket(Ticket::new(Digest::zero(), Bytes::from(vec![0; bytes])));
    let table = [
        (
            "tags",
            entry().add_tags(names(2048)),
            entry().add_tags(names(2049)),
        ),
        (
            "streams",
            entry().add_streams(names(2048)),
            entry().add_streams(names(2049)),
        ),
        (
            "groups",
            entry().add_groups(names(2048)),
            entry().add_groups(names(2049)),
        ),
        ("tickets", tickets(64), tickets(65)),
        ("addresses", addresses(64), addresses(65)),
        ("bytes", big_ticket(255 * 1024), big_ticket(256 * 1024)),
    ];
    for (name, allowed, excessive) in table {
        let signed = allowed.signed_by(&key(1)).unwrap();
        assert_eq!(
            decode::<SignedPeerEntry>(&encode(&signed).unwrap()).unwrap(),
            signed,
            "{name}"
        );

        let bytes = encode(&excessive).unwrap();
        let signature = key(1).sign(Digest::hash(&bytes).as_bytes());
        let forged = encode(&(&excessive, wire::SignatureBytes(signature))).unwrap();
        assert!(decode::<SignedPeerEntry>(&forged).is_err(), "{name}");
        match excessive.signed_by(&key(1)) {
            Err(EntryError::LimitExceeded { what, .. }) => assert_eq!(what, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn tickets_by_class() {
    let entry = entry().add_ticket(ticket("a")).add_ticket(ticket("b"));
    let class = Digest::from("class");
    assert_eq!(entry.tickets_of(class).count(), 2);
    assert_eq!(entry.tickets_of(Digest::zero()).count(), 0);
    assert!(entry.has_valid_ticket(class, |data| data == b"a"));
    assert!(!entry.has_valid_ticket(class, |data| data == b"c"));
    assert_eq!(entry.valid_tickets(class, |_| true).count(), 2);
    let (id, first) = entry.tickets().iter().next().unwrap();
    assert_eq!(*id, first.id());
    let replaced = entry.replace_ticket(ticket("a"));
    assert_eq!(replaced.tickets().len(), 1);
}

#[test]
fn prints_on_one_line_and_on_several() {
    let signed = full_entry().signed_by(&key(1)).unwrap();
    let line = Short(&*signed).to_string();
    assert!(line.starts_with("PeerEntry[#"), "{line}");
    assert!(
        line.ends_with("tags: 2, streams: 1, tickets: 1, groups: 1)"),
        "{line}"
    );
    let line = Short(&signed).to_string();
    assert!(
        line.starts_with("SignedPeerEntry[#") && line.contains("tags: ["),
        "{line}"
    );
    let pretty = format!("{:?}", Pretty(&signed));
    assert!(
        pretty.lines().count() > 8 && pretty.contains("10.0.0.1:4000"),
        "{pretty}"
    );
    let address = Pretty(signed.address()).to_string();
    assert!(address.contains("relay:https://relay.example"), "{address}");
}

#[test]
fn peer_info_is_an_entry_with_a_distance() {
    let near = PeerInfo::new(entry(), Some(Duration::from_millis(5)));
    let unknown = PeerInfo::new(entry(), None);
    assert!(near.rtt_below(Duration::from_millis(6)));
    assert!(!near.rtt_below(Duration::from_millis(5)));
    assert!(unknown.rtt_below(Duration::ZERO));
    assert_eq!(near.id(), entry().id());
    assert_eq!(near.into_entry(), entry());
}

#[test]
fn getters_are_const() {
    const fn id(entry: &PeerEntry) -> &PeerId {
        entry.id()
    }
    const fn tags(entry: &PeerEntry) -> &BTreeSet<Tag> {
        entry.tags()
    }
    let entry = entry().add_tags("trusted");
    assert_eq!(id(&entry), entry.id());
    assert!(tags(&entry).contains(&"trusted".into()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_panic(bytes: Vec<u8>) {
        drop(decode::<PeerEntry>(&bytes));
        drop(decode::<SignedPeerEntry>(&bytes));
    }

    #[test]
    fn a_changed_byte_is_no_panic(at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = encode(&full_entry()).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(entry) = decode::<PeerEntry>(&bytes) {
            let canonical = encode(&entry).unwrap();
            prop_assert_eq!(decode::<PeerEntry>(&canonical).unwrap(), entry);
        }
    }

    #[test]
    fn every_ip_address_survives(ip: std::net::IpAddr, port: u16, flowinfo: u32, scope: u32) {
        let address = match ip {
            std::net::IpAddr::V4(_) => SocketAddr::new(ip, port),
            std::net::IpAddr::V6(ip) => SocketAddrV6::new(ip, port, flowinfo, scope).into(),
        };
        let addresses = EndpointAddr::new(key(1).public()).with_ip_addr(address);
        let entry = PeerEntry::new_at(Digest::zero(), addresses, at(0));
        prop_assert_eq!(decode::<PeerEntry>(&encode(&entry).unwrap()).unwrap(), entry);
    }
}
