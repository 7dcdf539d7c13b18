//! The bytes on the wire, as they must stay.

use bytes::Bytes;

use super::harness::id;
use crate::groups::consensus::wire::{
    Append, Appended, Ballot, Fetch, Fetched, Head, Item, Lane, Members, Piece, Point, Promise,
    Pull, Pulled, RaftReply, RaftRequest, Reply, Request, Said, Transfer, Vote, WireError,
};
use crate::primitives::Digest;

const POINT: Point = Point {
    term: 3,
    index: 300,
};

fn members() -> Members {
    Members {
        voters: vec![vec![id(1), id(2)]],
        learners: vec![id(3)],
    }
}

fn requests() -> Vec<(Request, Lane)> {
    let ballot = Ballot {
        term: 4,
        last: Some(POINT),
        transfer: false,
    };
    let sign_of_life = Append {
        term: 4,
        previous: None,
        entries: Vec::new(),
        committed: Some(POINT),
    };
    let append = Append {
        previous: Some(POINT),
        entries: vec![
            Item(3, Said::Nothing),
            Item(4, Said::Batch(Bytes::from_static(b"batch"))),
            Item(4, Said::Members(members())),
        ],
        ..sign_of_life.clone()
    };
    vec![
        (Request::Vote(ballot.clone()), Lane::Control),
        (Request::PreVote(ballot), Lane::Control),
        (Request::Append(sign_of_life), Lane::Append),
        (Request::Append(append), Lane::Append),
        (
            Request::Transfer(Transfer {
                term: 4,
                to: id(2),
                last: None,
            }),
            Lane::Control,
        ),
        (
            Request::Fetch(Fetch {
                term: 4,
                transfer: 5,
                least: POINT,
                sources: vec![id(2), id(1)],
            }),
            Lane::Control,
        ),
        (
            Request::Pull(Pull {
                transfer: 5,
                least: POINT,
                offset: 6,
            }),
            Lane::Snapshot,
        ),
    ]
}

fn replies() -> Vec<Reply> {
    let promise = Promise {
        term: 4,
        to: id(1),
        committed: true,
    };
    let piece = Piece {
        head: Some(Head {
            last: POINT,
            members: members(),
            members_at: None,
        }),
        chunks: vec![Bytes::from_static(b"data")],
        digest: Digest::from_bytes([7; 32]),
        last: true,
    };
    vec![
        Reply::Vote(Vote {
            promise,
            granted: true,
            last: Some(POINT),
        }),
        Reply::Append(Appended::Stored),
        Reply::Append(Appended::Conflict),
        Reply::Append(Appended::Higher(promise)),
        Reply::Transfer { accepted: true },
        Reply::Fetch(Fetched::Underway { steps: 9 }),
        Reply::Fetch(Fetched::Restoring),
        Reply::Fetch(Fetched::Installed(promise)),
        Reply::Fetch(Fetched::Higher(promise)),
        Reply::Fetch(Fetched::Busy),
        Reply::Fetch(Fetched::Failed {
            reason: "no".to_owned(),
        }),
        Reply::Pull(Pulled::Piece(piece)),
        Reply::Pull(Pulled::Late),
        Reply::Pull(Pulled::Gone),
        Reply::Pull(Pulled::Busy),
        Reply::Refused("no".to_owned()),
    ]
}

/// The id of a replica takes 44 bytes; here is `K<number>`.
fn hex(bytes: &[u8]) -> String {
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for number in 1..=3 {
        let id = crate::primitives::encode(&id(number)).unwrap();
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        text = text.replace(&id, &format!("K{number}"));
    }
    text
}

#[test]
fn the_bytes_are_these() {
    let mut found = Vec::new();
    for (request, lane) in requests() {
        let request = RaftRequest::new(request);
        assert_eq!(request.lane(), lane);
        let bytes = request.encode().unwrap();
        assert_eq!(RaftRequest::decode(&bytes).unwrap(), request);
        found.push(hex(&bytes));
    }
    for reply in replies() {
        let reply = RaftReply(reply);
        let bytes = reply.encode().unwrap();
        assert_eq!(RaftReply::decode(&bytes).unwrap(), reply);
        found.push(hex(&bytes));
    }
    let expected: Vec<&str> = include_str!("golden.txt").lines().collect();
    assert_eq!(found, expected, "\n{}\n", found.join("\n"));
}

#[test]
fn a_frame_of_one_small_batch_is_small() {
    let append = Append {
        term: 4,
        previous: Some(POINT),
        entries: vec![Item(4, Said::Batch(Bytes::from_static(&[0; 32])))],
        committed: Some(POINT),
    };
    let bytes = RaftRequest::new(Request::Append(append)).encode().unwrap();
    assert!(bytes.len() < 64, "{}", bytes.len());
}

#[test]
fn other_bytes_are_refused() {
    assert_eq!(RaftRequest::decode(b""), Err(WireError::Empty));
    assert_eq!(
        RaftRequest::decode(b"\x01"),
        Err(WireError::Format { found: 1 })
    );
    assert!(matches!(
        RaftReply::decode(b"\x02"),
        Err(WireError::Decode(_))
    ));
    for (request, _) in requests() {
        let bytes = RaftRequest::new(request).encode().unwrap();
        for length in 1..bytes.len() {
            assert!(RaftRequest::decode(&bytes[..length]).is_err());
        }
    }
}
