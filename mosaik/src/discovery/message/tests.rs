use super::*;
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const ID: RawId = RawId([0xab; 32]);

fn version() -> PeerEntryVersion {
    PeerEntryVersion::from_ms(1, 300)
}

/// One message of each kind with its bytes. A change here is a change of the wire.
fn golden() -> Vec<(Message, String)> {
    let id = format!("c420{}", "ab".repeat(32));
    let record = Record {
        id: ID,
        version: version(),
        same_as: 0,
        bytes: Bytes::from_static(&[1, 2]),
    };
    let departure = Departure {
        id: ID,
        version: version(),
        at_ms: 5,
        signature: Bytes::from_static(&[9]),
    };
    let obituary = Obituary {
        id: ID,
        version: version(),
    };
    let hashes = || Hashes(vec![1, 0x0102]);
    let list = "c41000000000000000010000000000000102";
    let pair = Bytes::from_static(&[0, 7]);
    vec![
        (
            Message::Records {
                records: vec![record],
                ends_answer: true,
            },
            format!("0101929194{id}9201cd012c00c4020102c3"),
        ),
        (Message::Have { hashes: hashes() }, format!("010291{list}")),
        (Message::Want { hashes: hashes() }, format!("010391{list}")),
        (
            Message::Compare {
                exchange: 1,
                salt: u64::MAX,
                count: 2,
                sum: 3,
            },
            "01049401cfffffffffffffffff0203".into(),
        ),
        (Message::Equal { exchange: 1 }, "01059101".into()),
        (
            Message::Buckets {
                exchange: 1,
                bits: 0,
                sums: pair.clone(),
            },
            "0106930100c4020007".into(),
        ),
        (
            Message::Ranges {
                exchange: 1,
                bits: 3,
                buckets: pair,
                hashes: hashes(),
                last: false,
            },
            format!("0107950103c4020007{list}c2"),
        ),
        (
            Message::Offer {
                exchange: 1,
                hashes: hashes(),
                last: true,
            },
            format!("01089301{list}c3"),
        ),
        (Message::Done { exchange: 1 }, "01099101".into()),
        (Message::DoneToo { exchange: 1 }, "010a9101".into()),
        (Message::Ping { nonce: 128 }, "010b91cc80".into()),
        (Message::Pong { nonce: 128 }, "010c91cc80".into()),
        (Message::Interest { wanted: true }, "010d91c3".into()),
        (Message::Closing, "010e90".into()),
        (
            Message::Departures {
                departures: vec![departure],
            },
            format!("010f919194{id}9201cd012c05c40109"),
        ),
        (
            Message::Obituaries {
                obituaries: vec![obituary],
            },
            format!("0110919192{id}9201cd012c"),
        ),
        (
            Message::ProbeRequest {
                target: ID,
                nonce: 4,
            },
            format!("011192{id}04"),
        ),
        (
            Message::ProbeReport {
                target: ID,
                nonce: 4,
                alive: false,
            },
            format!("011293{id}04c2"),
        ),
    ]
}

#[test]
fn golden_bytes() {
    for (message, expected) in golden() {
        let bytes = message.encode();
        assert_eq!(hex(&bytes), expected, "{message:?}");
        assert_eq!(Message::decode(&bytes), Ok(message));
    }
}

#[test]
fn what_is_newer_is_told_from_what_is_broken() {
    let table: &[(&[u8], MessageError)] = &[
        (&[], MessageError::Malformed),
        (&[1], MessageError::Malformed),
        (&[2, 1, 0x90], MessageError::UnknownFormat(2)),
        (&[1, 0, 0x90], MessageError::UnknownKind(0)),
        (&[1, 19, 0x90], MessageError::UnknownKind(19)),
        (&[1, 11], MessageError::Malformed),
        (&[1, 11, 0x90], MessageError::Malformed),
        (&[1, 11, 0x91, 0xc0], MessageError::Malformed),
        (&[1, 11, 0x91, 1, 1], MessageError::Malformed),
        (&[1, 2, 0x91, 0xc4, 1, 1], MessageError::Malformed),
        (&[1, 17, 0x92, 0xc4, 1, 1, 1], MessageError::Malformed),
    ];
    for (bytes, error) in table {
        assert_eq!(Message::decode(bytes), Err(*error), "{bytes:?}");
        assert_eq!(error.is_violation(), *error == MessageError::Malformed);
    }
}

#[test]
fn lists_are_bounded() {
    let obituary = Obituary {
        id: ID,
        version: version(),
    };
    let record = Record {
        id: ID,
        version: version(),
        same_as: 1,
        bytes: Bytes::new(),
    };
    let table = [
        Message::Have {
            hashes: Hashes(vec![0; HASHES_MAX + 1]),
        },
        Message::Obituaries {
            obituaries: vec![obituary; OBITUARIES_MAX + 1],
        },
        Message::Records {
            records: vec![record; RECORDS_MAX + 1],
            ends_answer: false,
        },
        Message::Buckets {
            exchange: 1,
            bits: 1,
            sums: vec![0; MESSAGE_BYTES_MAX].into(),
        },
    ];
    for message in table {
        assert_eq!(
            Message::decode(&message.encode()),
            Err(MessageError::Malformed)
        );
    }
    let full = Message::Have {
        hashes: Hashes(vec![0; HASHES_MAX]),
    }
    .encode();
    assert!(full.len() <= MESSAGE_BYTES_MAX && Message::decode(&full).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(kind in 0_u8..24, bytes: Vec<u8>) {
        let frame = [&[1, kind], &bytes[..]].concat();
        if let Ok(message) = Message::decode(&frame) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn a_changed_byte_never_panics(which in 0_usize..18, at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = golden()[which].0.encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        drop(Message::decode(&bytes));
    }
}
