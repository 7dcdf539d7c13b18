use super::*;
use crate::groups::cursor::{Index, Term};
use crate::primitives::{Bytes, decode, encode};
use proptest::prelude::*;
use std::collections::BTreeMap;

const HOUR_MS: u64 = SESSION_IDLE_MS_MAX;

fn answer(index: u64, response: &'static [u8]) -> Answer {
    Answer {
        index: Index(index),
        term: Term(1),
        response: Bytes::from_static(response),
    }
}

/// Applies `seqs` of a session as a replica does; how often each judgement was made.
fn apply(
    table: &mut SessionTable,
    id: u128,
    seqs: core::ops::Range<u64>,
    index: &mut u64,
) -> usize {
    let mut session = table.open(id);
    let mut applied = 0;
    for seq in seqs {
        if session.judge(seq) == Judged::Apply {
            *index += 1;
            session.record(seq, answer(*index, b""));
            applied += 1;
        }
    }
    applied
}

#[test]
fn a_command_is_applied_once_and_in_order() {
    let mut table = SessionTable::default();
    let mut session = table.open(7);
    assert_eq!(session.judge(2), Judged::Gap { expected: 1 });
    assert_eq!(session.judge(0), Judged::Forgotten);
    assert_eq!(session.judge(1), Judged::Apply);
    session.record(1, answer(10, b"a"));
    assert_eq!(session.judge(1), Judged::Repeated(answer(10, b"a")));
    assert_eq!(session.judge(2), Judged::Apply);
    session.record(2, answer(11, b""));
    session.record(5, answer(12, b"ignored"));
    assert_eq!(session.judge(4), Judged::Gap { expected: 3 });
    drop(session);
    let kept: Vec<_> = table.answers_from(7, 0).collect();
    assert_eq!(kept, [(1, answer(10, b"a")), (2, answer(11, b""))]);
    assert_eq!(table.answers_from(7, 2).count(), 1);
    assert_eq!(table.answers_from(8, 0).count(), 0);
    assert_eq!(table.judge(7, 2), Judged::Repeated(answer(11, b"")));
    assert_eq!(table.judge(8, 1), Judged::Apply);
    drop(table.open(8));
    assert_eq!(table.len(), 1, "a session begins with its first command");
}

#[test]
fn answers_beyond_the_window_are_forgotten() {
    let mut table = SessionTable::default();
    let mut index = 0;
    let end = SESSION_WINDOW + 10;
    assert_eq!(apply(&mut table, 1, 1..end, &mut index), end as usize - 1);
    assert_eq!(table.judge(1, 9), Judged::Forgotten);
    assert_eq!(table.judge(1, 10), Judged::Repeated(answer(10, b"")));
    assert_eq!(table.judge(1, end), Judged::Apply);
    let session = table.sessions.get(&1).unwrap();
    assert_eq!(
        session.answers.runs().count(),
        1,
        "one run, not an answer each"
    );
}

#[test]
fn silence_ends_a_session_and_time_never_goes_back() {
    let mut table = SessionTable::default();
    let mut index = 0;
    assert_eq!(table.advance(1_000), 1_000);
    apply(&mut table, 1, 1..3, &mut index);
    assert_eq!(table.advance(500), 1_000);
    table.advance(2_000);
    apply(&mut table, 2, 1..2, &mut index);
    table.advance(1_000 + HOUR_MS - 1);
    assert_eq!(table.len(), 2);
    table.advance(1_000 + HOUR_MS);
    assert_eq!(table.len(), 1);
    for seq in 0..5 {
        assert_eq!(table.judge(1, seq), Judged::Expired);
        assert_eq!(table.open(1).judge(seq), Judged::Expired);
    }
    assert_eq!(table.judge(2, 1), Judged::Repeated(answer(3, b"")));
    // A repetition keeps a session alive.
    drop(table.open(2));
    table.advance(2_000 + HOUR_MS);
    assert_eq!(table.judge(2, 2), Judged::Apply);
    table.advance(u64::MAX);
    assert_eq!(table.len(), 0);
}

#[test]
fn the_most_silent_session_makes_room() {
    let mut table = SessionTable::default();
    let mut index = 0;
    for id in 0..SESSIONS_MAX as u128 {
        apply(&mut table, id, 1..2, &mut index);
    }
    apply(&mut table, 0, 2..3, &mut index);
    apply(&mut table, u128::MAX, 1..2, &mut index);
    assert_eq!(table.len(), SESSIONS_MAX);
    assert_eq!(table.judge(1, 2), Judged::Expired);
    assert_eq!(table.judge(0, 3), Judged::Apply);
    assert_eq!(table.judge(u128::MAX, 2), Judged::Apply);
    for id in 0..EXPIRED_MAX as u128 + 1 {
        apply(&mut table, 1 << 64 | id, 1..2, &mut index);
    }
    assert_eq!(table.expired.len(), EXPIRED_MAX);
    assert_eq!(table.expired_set.len(), EXPIRED_MAX);
}

#[test]
fn responses_are_bounded_in_bytes_the_most_silent_first() {
    let mut table = SessionTable::default();
    let big = Bytes::from(vec![1; RESPONSE_BYTES_MAX / 8]);
    for (id, seq) in [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (1, 3),
        (3, 1),
        (3, 2),
        (3, 3),
        (3, 4),
    ] {
        let response = big.clone();
        let index = Index(seq);
        let term = Term(1);
        table.open(id).record(
            seq,
            Answer {
                index,
                term,
                response,
            },
        );
    }
    assert!(table.response_bytes <= RESPONSE_BYTES_MAX);
    assert_eq!(table.judge(2, 1), Judged::Forgotten);
    assert_eq!(table.judge(2, 2), Judged::Forgotten);
    assert!(matches!(table.judge(1, 1), Judged::Repeated(_)));
    assert_eq!(table.judge(2, 3), Judged::Apply);
    let sum: usize = table
        .sessions
        .values()
        .map(|session| session.answers.bytes())
        .sum();
    assert_eq!(sum, table.response_bytes);
    // One answer over the limit is forgotten, the command stays applied.
    let response = Bytes::from(vec![0; RESPONSE_BYTES_MAX + 1]);
    let (index, term) = (Index(9), Term(1));
    table.open(4).record(
        1,
        Answer {
            index,
            term,
            response,
        },
    );
    assert_eq!(table.response_bytes, 0);
    assert_eq!(table.judge(4, 1), Judged::Forgotten);
    assert_eq!(table.judge(4, 2), Judged::Apply);
}

#[test]
fn clones_do_not_share_changes() {
    let mut table = SessionTable::default();
    let mut index = 0;
    apply(&mut table, 1, 1..3, &mut index);
    let snapshot = table.clone();
    apply(&mut table, 1, 3..5, &mut index);
    assert_eq!(snapshot.judge(1, 3), Judged::Apply);
    assert_eq!(table.judge(1, 3), Judged::Repeated(answer(3, b"")));
    assert!(snapshot != table);
}

#[test]
fn golden_bytes() {
    let mut table = SessionTable::default();
    table.advance(5);
    let mut session = table.open(1 << 64 | 2);
    session.record(1, answer(7, b"hi"));
    session.record(2, answer(8, b""));
    drop(session);
    let bytes = encode(&table).unwrap();
    let expected: &[u8] = &[
        0x94, 1, 5, // version, time
        0x91, 0x94, 0x92, 1, 2, 3, 5, // one session: its name, the next number, the time
        0x92, 0x94, 7, 1, 1, 0x91, 0xc4, 2, b'h', b'i', // a run with a response
        0x94, 8, 1, 1, 0x90, // a run without
        0x90, // nothing has expired
    ];
    assert_eq!(bytes, expected);
    assert!(decode::<SessionTable>(&bytes).unwrap() == table);
    let mut newer = bytes.to_vec();
    newer[1] = 2;
    assert!(
        decode::<SessionTable>(&newer)
            .unwrap_err()
            .to_string()
            .contains("version 2")
    );
}

#[test]
fn a_table_that_no_replica_would_have_kept_is_refused() {
    let good: &[u8] = &[
        0x94, 1, 5, 0x91, 0x94, 0x92, 1, 2, 3, 5, 0x91, 0x94, 7, 1, 2, 0x90, 0x90,
    ];
    assert!(decode::<SessionTable>(good).is_ok());
    // (where, what, why)
    let table = [
        (8, 1, "more answers than commands"),
        (9, 6, "active in the future"),
        (14, 0, "an empty run"),
        (14, 4, "more answers than commands"),
    ];
    for (at, byte, why) in table {
        let mut bad = good.to_vec();
        bad[at] = byte;
        assert!(decode::<SessionTable>(&bad).is_err(), "{why}");
    }
}

#[test]
fn digests_differ_in_whatever_was_applied() {
    let zero = StateDigest::default();
    let digest = |log_index, batch: &[u8], response: &'static [u8], last| {
        let mut entry = zero.entry(log_index, batch);
        entry.response(Index(1), &Bytes::from_static(response));
        entry.finish(Index(last))
    };
    let base = digest(1, b"batch", b"r", 1);
    assert_eq!(base, digest(1, b"batch", b"r", 1));
    for other in [
        digest(2, b"batch", b"r", 1),
        digest(1, b"batcb", b"r", 1),
        digest(1, b"batch", b"s", 1),
        digest(1, b"batch", b"", 1),
        digest(1, b"batch", b"r", 2),
        base.entry(2, b"").finish(Index(1)),
    ] {
        assert_ne!(base, other);
        assert_ne!(base.value(), other.value());
    }
    assert_eq!(
        base.value().to_string()[..16],
        digest(1, b"batch", b"r", 1).value().to_string()[..16]
    );
}

/// What the table promises, without bounds.
#[derive(Default)]
struct Model {
    sessions: BTreeMap<u128, Vec<Answer>>,
}

proptest! {
    /// Batches that are lost, repeated and cut in any way: each command is applied once and in order, and a repetition
    /// gets the first answer; a table that went through bytes goes on alike.
    #[test]
    fn agrees_with_a_model(batches in proptest::collection::vec((0u128..3, 1u64..30, 1u64..12, any::<bool>(), any::<bool>()), 1..60)) {
        let mut table = SessionTable::default();
        let mut model = Model::default();
        let mut index = 0;
        for (step, (id, first_seq, count, responds, restores)) in batches.into_iter().enumerate() {
            table.advance(step as u64);
            let answers = model.sessions.entry(id).or_default();
            let mut session = table.open(id);
            for seq in first_seq..first_seq + count {
                let expected = answers.len() as u64 + 1;
                match session.judge(seq) {
                    Judged::Apply => {
                        prop_assert_eq!(seq, expected);
                        index += 1;
                        let response = if responds && seq % 3 > 0 { Bytes::from(vec![seq as u8; 3]) } else { Bytes::new() };
                        let answer = Answer { index: Index(index), term: Term(step as u64 / 7), response };
                        session.record(seq, answer.clone());
                        answers.push(answer);
                    }
                    Judged::Repeated(answer) => prop_assert_eq!(Some(&answer), answers.get(seq as usize - 1)),
                    Judged::Gap { expected: told } => prop_assert!(told == expected && seq > expected),
                    judged => prop_assert!(false, "{:?}", judged),
                }
            }
            drop(session);
            if restores {
                let bytes = encode(&table).unwrap();
                let restored: SessionTable = decode(&bytes).unwrap();
                prop_assert_eq!(encode(&restored).unwrap(), bytes);
                prop_assert_eq!(restored.response_bytes, table.response_bytes);
                table = restored;
            }
        }
        for (id, answers) in &model.sessions {
            let kept: Vec<_> = table.answers_from(*id, 0).map(|(_, answer)| answer).collect();
            prop_assert_eq!(&kept, answers);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<SessionTable>(&bytes);
    }
}

/// How much of a core the sessions and the digest take: `--ignored`, in a release build.
#[test]
#[ignore = "a measurement: cargo test --release -p mosaik --lib session -- --ignored --nocapture"]
fn cost_per_command() {
    let batch = vec![7u8; 256 * 64];
    let mut table = SessionTable::default();
    let mut digest = StateDigest::default();
    let mut index = 0;
    let batches: u64 = 20_000;
    let clock = crate::runtime::Clock::system();
    let start = clock.now();
    for number in 0..batches {
        table.advance(number);
        let entry = digest.entry(number, &batch);
        apply(
            &mut table,
            u128::from(number % 8),
            (number / 8) * 256 + 1..(number / 8 + 1) * 256 + 1,
            &mut index,
        );
        digest = entry.finish(Index(index));
    }
    let elapsed = start.elapsed();
    println!(
        "{index} commands of 64 bytes in {elapsed:?}: {:?} each",
        elapsed / u32::try_from(index).unwrap()
    );
    assert_eq!(index, batches * 256);
}
