use {
    super::*,
    crate::{
        primitives::{decode, encode},
        streams::{
            outbox::Slice,
            segment::{OpenSegment, tests::encoded},
        },
    },
    std::{convert::Infallible, sync::Arc},
};

fn segment(first: u64, datums: &[&[u8]]) -> Slice {
    let mut open = OpenSegment::default();
    for _ in 0..first {
        open.skip();
    }
    for datum in datums {
        encoded(datum, |datum| open.push(datum, None));
    }
    Slice::new(&Arc::new(open.seal().unwrap()), None)
}

fn frames(items: &[Item]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    write_frames(items, &mut Vec::new(), |frame| {
        frames.push(match frame {
            Outgoing::Copied(frame) => frame.to_vec(),
            Outgoing::Shared(frame) => frame.to_vec(),
        });
        Ok::<_, Infallible>(())
    })
    .unwrap();
    frames
}

fn read(frame: &[u8]) -> (u64, u64, Vec<(u64, Vec<u8>)>) {
    match Frame::parse(frame).unwrap() {
        Frame::Data(datums) => {
            let all = datums
                .iter()
                .map(|(position, datum)| (position, datum.to_vec()))
                .collect();
            (datums.first(), datums.end(), all)
        }
        other => panic!("{other:?} is no data"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The formats are promises to other builds of this crate: a change here is a new `WIRE_VERSION`.
#[test]
fn golden_bytes() {
    let request = OpenRequest {
        version: WIRE_VERSION,
        stream_id: Digest::from_bytes([7; 32]),
        consumer: 3,
        schema: Digest::from_bytes([9; 32]),
        criteria: WireCriteria {
            filter: Some(Filter::key_range(2u8..)),
        },
        resume: Some(Place {
            incarnation: 5,
            next: 6,
        }),
        credit: Credit::new(16, 1024),
    };
    let bytes = encode(&request).unwrap();
    assert_eq!(
        hex(&bytes),
        format!(
            "9701c420{}03c420{}919191928{}",
            "07".repeat(32),
            "09".repeat(32),
            GOLDEN_FILTER_AND_REST
        )
    );
    assert_eq!(decode::<OpenRequest>(&bytes).unwrap(), request);

    let accepted = Reply::Accepted {
        incarnation: 5,
        start: 6,
    };
    let bytes = encode(&accepted).unwrap();
    assert_eq!(hex(&bytes), "81a84163636570746564920506");
    assert_eq!(decode::<Reply>(&bytes).unwrap(), accepted);

    let mut out = Vec::new();
    Answer::Credit {
        limit: Credit::new(1, 2),
        received: 3,
    }
    .write(&mut out);
    assert_eq!(
        hex(&out),
        "10000000000000000100000000000000020000000000000003"
    );
    write_close(10_413, "slow", &mut out);
    assert_eq!(hex(&out), "04000028ad736c6f77");
    assert_eq!(
        frames(&[Item::Data(segment(2, &[b"a", b"bc"]))])
            .iter()
            .map(|frame| hex(frame))
            .collect::<Vec<_>>(),
        ["0100000000000000020000000161000000026263"]
    );
}

const GOLDEN_FILTER_AND_REST: &str = "1a8496e636c7564656481a8556e7369676e656402a9556e626f756e64656492050692\
10cd0400";

#[test]
fn consecutive_slices_share_a_frame() {
    let items = [
        Item::Data(segment(0, &[b"a", b""])),
        Item::Data(segment(2, &[b"b"])),
        Item::Gap {
            first: 3,
            end: 5,
            lost: 2,
            reason: GapReason::Overflow,
        },
        Item::Data(segment(5, &[b"c"])),
    ];
    let frames = frames(&items);
    assert_eq!(frames.len(), 3);
    let datum = |position, datum: &[u8]| (position, datum.to_vec());
    assert_eq!(
        read(&frames[0]),
        (0, 3, vec![datum(0, b"a"), datum(1, b""), datum(2, b"b")])
    );
    assert_eq!(
        Frame::parse(&frames[1]).unwrap(),
        Frame::Gap {
            first: 3,
            end: 5,
            lost: 2,
            reason: GapReason::Overflow
        }
    );
    assert_eq!(read(&frames[2]), (5, 6, vec![datum(5, b"c")]));
}

#[test]
fn large_datums_have_frames_of_their_own() {
    let large = vec![0; FRAME_BYTES_JOINED_MAX];
    let items: Vec<_> = (0..3)
        .map(|first| Item::Data(segment(first, &[&large])))
        .collect();
    assert_eq!(frames(&items).len(), 3);
    let small = vec![0; SHARED_BYTES_MIN / 2];
    let items: Vec<_> = (0..32)
        .map(|first| Item::Data(segment(first, &[&small])))
        .collect();
    assert_eq!(frames(&items).len(), 2);
}

#[test]
fn a_choice_keeps_its_positions() {
    let mut slice = segment(10, &[b"a", b"b", b"c", b"d"]);
    slice.picked = Some(vec![1, 3]);
    let mut after = segment(14, &[b"e", b"f"]);
    after.picked = Some(vec![0]);
    let frames = frames(&[Item::Data(slice), Item::Data(after)]);
    assert_eq!(frames.len(), 1);
    let expected =
        [(11, b"b"), (13, b"d"), (14, b"e")].map(|(position, datum)| (position, datum.to_vec()));
    assert_eq!(read(&frames[0]), (10, 16, expected.to_vec()));
}

#[test]
fn nonsense_is_an_error() {
    let long = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 1];
    let overflow = [&[1][..], &[255; 8], &[0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let outside = [
        &[2][..],
        &[0; 8],
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 5, 0, 0, 0, 0],
    ]
    .concat();
    let twice = [&[2][..], &[0; 8], &[0, 0, 0, 0, 0, 0, 0, 9], &[0; 16]].concat();
    let backwards = [&[3][..], &[1; 8], &[0; 8], &[0; 9]].concat();
    let cases: &[&[u8]] = &[
        &[],
        &[9],
        &[1, 2],
        &long,
        &overflow,
        &outside,
        &twice,
        &backwards,
        &[4, 1],
    ];
    for frame in cases {
        assert!(Frame::parse(frame).is_err(), "{frame:?}");
    }
    assert!(Answer::parse(&[16, 1]).is_err());
    assert!(Answer::parse(&[1]).is_err());
}

#[test]
fn a_close_reason_is_cut_at_a_character() {
    let mut out = Vec::new();
    write_close(1, &"ä".repeat(200), &mut out);
    let Frame::Close { code: 1, reason } = Frame::parse(&out).unwrap() else {
        panic!("no close frame");
    };
    assert_eq!(reason, "ä".repeat(CLOSE_REASON_BYTES_MAX / 2));
}
