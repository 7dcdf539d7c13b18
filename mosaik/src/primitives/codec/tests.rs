use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serializer};
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Side {
    Buy,
    Sell(u32),
    Two(u8, String),
    Stop { at: i64, note: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Empty;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    side: Side,
    price: u64,
    tags: Vec<String>,
    by_name: BTreeMap<String, i32>,
    raw: Bytes,
    pair: (bool, f64, char),
    empty: Empty,
    wide: (i128, u128, f32),
    options: Options,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Options {
    twice: Option<Option<u8>>,
    unit: Option<()>,
    thrice: Vec<Option<Option<Option<()>>>>,
    tree: Option<Box<Options>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum List {
    End,
    Cons(Box<List>),
}

fn list(length: usize) -> List {
    (0..length).fold(List::End, |list, _| List::Cons(Box::new(list)))
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(value: &T) -> Bytes {
    let bytes = encode(value).unwrap();
    assert_eq!(decode::<T>(&bytes).unwrap(), *value);
    decode::<IgnoredAny>(&bytes).unwrap();
    bytes
}

#[test]
fn golden_bytes() {
    let table: &[(Bytes, &[u8])] = &[
        (round_trip(&()), &[0xc0]),
        (round_trip(&false), &[0xc2]),
        (round_trip(&true), &[0xc3]),
        (round_trip(&127u8), &[0x7f]),
        (round_trip(&128u64), &[0xcc, 128]),
        (round_trip(&300i64), &[0xcd, 1, 44]),
        (round_trip(&65_536u32), &[0xce, 0, 1, 0, 0]),
        (
            round_trip(&u64::MAX),
            &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
        ),
        (round_trip(&-32i8), &[0xe0]),
        (round_trip(&-33i64), &[0xd0, 0xdf]),
        (round_trip(&-129i64), &[0xd1, 0xff, 0x7f]),
        (round_trip(&-32_769i64), &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
        (round_trip(&i64::MIN), &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (round_trip(&5i128), &[5]),
        (
            round_trip(&u128::MAX),
            &[&[0xc4, 16][..], &[0xff; 16]].concat(),
        ),
        (round_trip(&0.5f32), &[0xca, 0x3f, 0, 0, 0]),
        (round_trip(&0.5f64), &[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]),
        (round_trip(&'é'), &[0xa2, 0xc3, 0xa9]),
        (
            round_trip(&"a".repeat(32)),
            &[&[0xd9, 32][..], &[b'a'; 32]].concat(),
        ),
        (
            round_trip(&Bytes::from_static(b"ab")),
            &[0xc4, 2, b'a', b'b'],
        ),
        (round_trip(&None::<u8>), &[0xc0]),
        (round_trip(&Some(1u8)), &[1]),
        (round_trip(&Some(None::<u8>)), &[0xd4, 1, 1]),
        (round_trip(&Some(Some(()))), &[0xd4, 1, 2]),
        (round_trip(&Some(Some(None::<Option<()>>))), &[0xd4, 1, 2]),
        (round_trip(&Empty), &[0x90]),
        (round_trip(&(1u8, "a".to_owned())), &[0x92, 1, 0xa1, b'a']),
        (
            round_trip(&vec![0u8; 16]),
            &[&[0xdc, 0, 16][..], &[0; 16]].concat(),
        ),
        (round_trip(&BTreeMap::from([(1u8, -1i8)])), &[0x81, 1, 0xff]),
        (round_trip(&Side::Buy), &[0xa3, b'B', b'u', b'y']),
        (
            round_trip(&Side::Sell(7)),
            &[0x81, 0xa4, b'S', b'e', b'l', b'l', 7],
        ),
        (
            round_trip(&Side::Two(1, String::new())),
            &[0x81, 0xa3, b'T', b'w', b'o', 0x92, 1, 0xa0],
        ),
        (
            round_trip(&Side::Stop { at: -1, note: None }),
            &[0x81, 0xa4, b'S', b't', b'o', b'p', 0x92, 0xff, 0xc0],
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
    for length in [0, 15, 16, 255, 256, 65_535, 65_536] {
        round_trip(&"x".repeat(length));
        round_trip(&Bytes::from(vec![1; length]));
        round_trip(&vec![7u8; length]);
        round_trip(&(0..length).map(|key| (key, ())).collect::<HashMap<_, _>>());
    }
}

#[test]
fn skipped_fields_keep_their_places() {
    #[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Profile {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<u8>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tags: Vec<u8>,
        age: u8,
        #[serde(skip)]
        cache: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<u8>,
    }
    let table = [
        Profile {
            age: 7,
            ..Profile::default()
        },
        Profile {
            name: Some(1),
            last: Some(2),
            ..Profile::default()
        },
        Profile {
            tags: vec![1, 2],
            age: 3,
            ..Profile::default()
        },
    ];
    for profile in table {
        round_trip(&profile);
        round_trip(&vec![(profile, 1u8)]);
    }
    let bytes = encode(&Profile {
        age: 7,
        ..Profile::default()
    })
    .unwrap();
    assert_eq!(bytes, &[0x94, 0xc7, 0, 2, 0xc7, 0, 2, 7, 0xc7, 0, 2][..]);

    // More fields than a one-byte head can count, most of them skipped.
    #[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
    enum Wide {
        #[default]
        Bare,
        Fields {
            a: (u8, u8, u8, u8),
            #[serde(default, skip_serializing_if = "Option::is_none")]
            b: Option<u8>,
            c: String,
        },
    }
    round_trip(&vec![
        Wide::Fields {
            a: (1, 2, 3, 4),
            b: None,
            c: "x".repeat(300),
        },
        Wide::Bare,
    ]);
}

#[test]
fn lengths_that_were_not_announced() {
    /// Announces `.0` items and writes `.1`.
    struct Liar(Option<usize>, usize);

    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq as _;
            let mut seq = serializer.serialize_seq(self.0)?;
            for index in 0..self.1 {
                seq.serialize_element(&(index % 100))?;
            }
            seq.end()
        }
    }

    for announced in [None, Some(0), Some(3), Some(15), Some(16), Some(70_000)] {
        for count in [0, 3, 15, 16, 17, 65_536] {
            let bytes = encode(&(1, Liar(announced, count), "after")).unwrap();
            let (_, items, after) = decode::<(u8, Vec<u8>, String)>(&bytes).unwrap();
            assert_eq!(
                (items.len(), after.as_str()),
                (count, "after"),
                "{announced:?}"
            );
        }
    }
    let flat = BTreeMap::from([("a", 1u8), ("b", 2)]);
    #[derive(Serialize)]
    struct Flat<'a> {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<&'a str, u8>,
    }
    let bytes = encode(&Flat { id: 9, rest: flat }).unwrap();
    let map = decode::<BTreeMap<String, u8>>(&bytes).unwrap();
    assert_eq!(
        map,
        BTreeMap::from([("a".into(), 1), ("b".into(), 2), ("id".into(), 9)])
    );
}

#[test]
fn what_serde_buffers() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u64),
        Pair(Option<Option<u8>>, String),
        // Not a variant with fields: serde reads those from maps only.
        Skipping(Skipping),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Skipping {
        id: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<u8>,
        raw: Bytes,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    enum Adjacent {
        A(u8),
        B(Side),
    }
    round_trip(&Untagged::Number(3));
    round_trip(&Untagged::Pair(Some(None), "a".into()));
    let raw = Bytes::from_static(b"x");
    round_trip(&Untagged::Skipping(Skipping {
        id: 1,
        name: None,
        raw,
    }));
    round_trip(&Adjacent::A(1));
    round_trip(&Adjacent::B(Side::Sell(1)));
}

#[test]
fn hostile_input_is_an_error() {
    let truncated = |bytes: &[u8]| DecodeError::Truncated {
        input_bytes: bytes.len(),
    };
    let table: &[&[u8]] = &[
        &[],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],       // 4 G elements
        &[0xdf, 0xff, 0xff, 0xff, 0xff, 0, 0], // 4 G pairs
        &[0xc6, 0xff, 0xff, 0xff, 0xff, 0],    // 4 GiB of bytes
        &[0xdb, 0x00, 0x00, 0x00, 0x05, b'a'], // a longer text
        &[0xcb, 0, 0],                         // half a float
        &[0x92, 1],                            // an element missing
        &[0xd4],
        &[0xd4, 1],
    ];
    for bytes in table {
        assert_eq!(
            decode::<IgnoredAny>(bytes).err(),
            Some(truncated(bytes)),
            "{bytes:?}"
        );
    }
    assert_eq!(
        decode::<Vec<u8>>(&[0x91, 0xc1]),
        Err(DecodeError::Reserved { offset: 1 })
    );
    let mismatches: [fn() -> Option<DecodeError>; 10] = [
        || decode::<u8>(&[0xa1, b'a']).err(),
        || decode::<u8>(&[0xcd, 1, 0]).err(),     // too large
        || decode::<String>(&[0xa1, 0xff]).err(), // not UTF-8
        || decode::<(u8, u8)>(&[0x93, 1, 2, 3]).err(), // too many
        || decode::<[u8; 2]>(&[0xc4, 3, 1, 2, 3]).err(),
        || decode::<IgnoredAny>(&[0xd5, 1, 0, 0]).err(), // an extension
        || decode::<Side>(&[0xa4, b'N', b'o', b'n', b'e']).err(),
        || decode::<Side>(&[0x82, 1, 2, 3, 4]).err(),
        || decode::<Option<u8>>(&[0xd4, 1, 1]).err(),
        || decode::<u8>(&[0xd4, 1, 0]).err(),
    ];
    for mismatch in mismatches {
        assert!(
            matches!(mismatch(), Some(DecodeError::Mismatch(_))),
            "{:?}",
            mismatch()
        );
    }
}

#[test]
fn depth_is_bounded_on_both_sides() {
    assert_eq!(
        decode::<IgnoredAny>(&vec![0x91; 1_000_000]).err(),
        Some(DecodeError::TooDeep)
    );
    let mut cons = Vec::new();
    for _ in 0..1_000_000 {
        cons.extend_from_slice(&[0x81, 0xa4, b'C', b'o', b'n', b's']);
    }
    cons.extend_from_slice(&[0xa3, b'E', b'n', b'd']);
    assert_eq!(decode::<List>(&cons), Err(DecodeError::TooDeep));

    round_trip(&list(NESTING_DEPTH_MAX));
    let mut out = BytesMut::from(&b"kept"[..]);
    let result = encode_into(&list(NESTING_DEPTH_MAX + 1), &mut out);
    assert!(matches!(result, Err(EncodeError::TooDeep)));
    assert_eq!(out, b"kept"[..]);
}

#[test]
fn a_type_that_takes_no_bytes_ends() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Onion(Option<Box<Onion>>);
    round_trip(&Onion(None));
    round_trip(&Onion(Some(Box::new(Onion(Some(Box::new(Onion(None))))))));
    assert_eq!(decode::<Onion>(&[1]), Err(DecodeError::TooDeep));
    let deep = (0..300).fold(Onion(None), |onion, _| Onion(Some(Box::new(onion))));
    assert!(matches!(encode(&deep), Err(EncodeError::TooDeep)));
    assert!(matches!(
        decode::<Onion>(&[0xd4, 1, 255]),
        Err(DecodeError::TooDeep)
    ));
}

#[test]
fn lengths_promise_no_more_than_the_input_has() {
    use serde::de::{Deserializer, SeqAccess, Visitor};

    std::thread_local! {
        static PROMISED: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
    }

    /// Nested sequences that add up what they were promised.
    struct Greedy;

    impl<'de> Deserialize<'de> for Greedy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_seq(Self)
        }
    }

    impl<'de> Visitor<'de> for Greedy {
        type Value = Self;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("sequences")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
            PROMISED.set(PROMISED.get() + seq.size_hint().unwrap());
            while seq.next_element::<Greedy>()?.is_some() {}
            Ok(self)
        }
    }

    // Each level claims all the bytes that follow.
    let mut bytes = Vec::new();
    for _ in 0..NESTING_DEPTH_MAX - 1 {
        bytes.extend_from_slice(&[0xdd, 0, 1, 0, 0]);
    }
    bytes.extend(vec![0x90; 70_000]);
    drop(decode::<Greedy>(&bytes));
    assert!(
        PROMISED.get() >= 65_536 && PROMISED.get() <= bytes.len(),
        "{}",
        PROMISED.get()
    );
}

#[test]
fn trailing_bytes() {
    assert_eq!(
        decode::<u8>(&[1, 2]),
        Err(DecodeError::Trailing { trailing_bytes: 1 })
    );
    assert_eq!(decode_prefix::<u8>(&[1, 2]).unwrap(), (1, 1));
}

#[test]
fn other_writers_are_understood() {
    // Longer heads than needed, structs as maps, numbers as floats.
    assert_eq!(decode::<u8>(&[0xcf, 0, 0, 0, 0, 0, 0, 0, 5]).unwrap(), 5);
    assert_eq!(decode::<String>(&[0xdb, 0, 0, 0, 1, b'a']).unwrap(), "a");
    assert_eq!(decode::<Vec<u8>>(&[0xdd, 0, 0, 0, 1, 7]).unwrap(), [7]);
    assert_eq!(decode::<Vec<u8>>(&[0xc4, 2, 1, 2]).unwrap(), [1, 2]);
    assert_eq!(decode::<f64>(&[5]).unwrap(), 5.0);
    let named = b"\x81\xa4Stop\x82\xa2at\x05\xa4note\xc0";
    assert_eq!(
        decode::<Side>(named).unwrap(),
        Side::Stop { at: 5, note: None }
    );
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![
        Just(Side::Buy),
        any::<u32>().prop_map(Side::Sell),
        any::<(u8, String)>().prop_map(|(first, second)| Side::Two(first, second)),
        any::<(i64, Option<String>)>().prop_map(|(at, note)| Side::Stop { at, note }),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let leaf = any::<(
        Option<Option<u8>>,
        Option<()>,
        Vec<Option<Option<Option<()>>>>,
    )>()
    .prop_map(|(twice, unit, thrice)| Options {
        twice,
        unit,
        thrice,
        tree: None,
    });
    leaf.prop_recursive(4, 8, 1, |inner| {
        (inner.clone(), inner).prop_map(|(outer, inner)| Options {
            tree: Some(Box::new(inner)),
            ..outer
        })
    })
}

fn order() -> impl Strategy<Value = Order> {
    (
        side(),
        any::<u64>(),
        any::<Vec<String>>(),
        any::<BTreeMap<String, i32>>(),
        any::<Vec<u8>>(),
        (any::<bool>(), -1e300..1e300, any::<char>()),
        (any::<i128>(), any::<u128>(), -1e30f32..1e30),
        options(),
    )
        .prop_map(
            |(side, price, tags, by_name, raw, pair, wide, options)| Order {
                side,
                price,
                tags,
                by_name,
                raw: raw.into(),
                pair,
                empty: Empty,
                wide,
                options,
            },
        )
}

proptest! {
    #[test]
    fn every_value_survives(order in order()) {
        round_trip(&order);
    }

    #[test]
    fn another_implementation_agrees(
        side in side(),
        numbers: (u8, i16, u64, i64, f32, f64),
        texts: Vec<String>,
        by_name: BTreeMap<String, Option<Vec<i32>>>,
        raw: Vec<u8>,
    ) {
        let value = (vec![side; 3], numbers, texts, by_name, Bytes::from(raw), Empty, Some('x'));
        let bytes = encode(&value).unwrap();
        prop_assert_eq!(&rmp_serde::to_vec(&value).unwrap(), &bytes);
        let named = rmp_serde::to_vec_named(&value).unwrap();
        let from_named: (Vec<Side>, IgnoredAny, IgnoredAny, IgnoredAny, IgnoredAny, Empty, IgnoredAny) =
            decode(&named).unwrap();
        prop_assert_eq!(&from_named.0, &value.0);
    }

    #[test]
    fn every_number_survives(signed: i64, unsigned: u64, wide: i128, shift in 0u32..128) {
        round_trip(&(signed >> (shift % 64), unsigned >> (shift % 64)));
        round_trip(&(wide >> shift, (wide as u128) >> shift));
    }

    #[test]
    fn no_prefix_decodes(order in order(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&order).unwrap();
        let cut = cut.index(bytes.len());
        let result = decode::<Order>(&bytes[..cut]);
        let truncated = matches!(result, Err(DecodeError::Truncated { .. }));
        prop_assert!(truncated, "{:?}", result);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        drop(decode::<Order>(&bytes));
        drop(decode::<Options>(&bytes));
        drop(decode::<Vec<Side>>(&bytes));
        drop(decode::<BTreeMap<String, Vec<Option<u8>>>>(&bytes));
        if let Ok((_, length)) = decode_prefix::<IgnoredAny>(&bytes) {
            prop_assert!(length <= bytes.len());
        }
    }

    #[test]
    fn a_changed_byte_never_panics(order in order(), at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = encode(&order).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        drop(decode::<Order>(&bytes));
        drop(decode::<IgnoredAny>(&bytes));
    }
}
