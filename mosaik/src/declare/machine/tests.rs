use bytes::Bytes;
use serde::Deserialize;
use serde::de::VariantAccess;
use std::collections::BTreeMap;

use super::*;
use crate::groups::Checkpoint as _;
use crate::primitives::{decode, encode};

#[derive(Debug, PartialEq)]
enum Said {
    Nothing,
    Two { a: u8, b: String },
}

impl Message for Said {
    const NAME: &'static str = "Said";
    const VARIANTS: &'static [&'static str] = &["nothing", "two"];

    fn write<S: Serializer>(&self, writer: Writer<Self, S>) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => writer.variant(0, &()),
            Self::Two { a, b } => writer.variant(1, &(a, b)),
        }
    }

    fn read<'de, A: VariantAccess<'de>>(variant: Variant, access: A) -> Result<Self, A::Error> {
        match variant.index {
            0 => fields(access).map(|()| Self::Nothing),
            1 => fields(access).map(|(a, b)| Self::Two { a, b }),
            _ => unknown(variant),
        }
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

#[test]
fn messages_have_these_bytes() {
    for (message, expected) in [
        (Said::Nothing, &b"\x81\xa7nothing\xc0"[..]),
        (
            Said::Two {
                a: 7,
                b: "x".into(),
            },
            b"\x81\xa3two\x92\x07\xa1x",
        ),
    ] {
        let encoded = encode(&message).unwrap();
        assert_eq!(encoded, expected);
        assert_eq!(decode::<Said>(&encoded).unwrap(), message);
    }
}

#[test]
fn unknown_messages_are_refused() {
    for bytes in [
        &b"\x81\xa5three\xc0"[..],
        b"\x81\x09\xc0",
        b"\x81\xa3two\xc0",
        b"\xa3two",
        b"\xc0",
        b"",
    ] {
        assert!(decode::<Said>(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_state_survives_its_snapshot() {
    let state: BTreeMap<u32, String> = (0..50_000)
        .map(|key| (key, format!("value {key}")))
        .collect();
    let mut snapshot = checkpoint(&state);
    let chunks: Vec<Bytes> = core::iter::from_fn(|| snapshot.next_chunk()).collect();
    assert!(chunks.len() > 2);
    let mut restored = BTreeMap::from([(1, "old".to_owned())]);
    restore(&mut restored, &mut chunks.iter().cloned()).unwrap();
    assert_eq!(restored, state);
    // Anything else is refused, and changes nothing.
    for wrong in [&chunks[1..], &chunks[..1], &[]] {
        assert!(restore(&mut restored, &mut wrong.iter().cloned()).is_err());
    }
    assert_eq!(restored, state);
}

#[test]
fn identities_are_names() {
    struct Bank;
    let named = |name: &str| UniqueId::from("mosaik.state-machine.v1").derive(name);
    assert_eq!(identity::<Bank>(), named("Bank"));
    assert_eq!(keys::id("bank.v1"), UniqueId::from("bank.v1"));
}
