use {
    super::*,
    crate::streams::{criteria::IndexKey, segment::tests::encoded},
};

const PLENTY: Credit = Credit::MAX;

fn fanout(policy: BackPressure, queue: usize) -> Fanout {
    Fanout::new(policy, queue, 0)
}

fn subscribe(fanout: &mut Fanout, id: ChannelId, credit: Credit) -> u64 {
    let subscribe = Subscribe {
        filter: None,
        credit,
        resume: None,
        keeps_sent: true,
    };
    fanout.subscribe(id, subscribe)
}

/// Pushes datums of one byte; how many were accepted.
fn push(fanout: &mut Fanout, count: u8) -> u8 {
    let accepted = (0..count)
        .filter(|byte| encoded(&[*byte], |datum| fanout.push(datum, None, false)))
        .count();
    u8::try_from(accepted).unwrap()
}

/// What arrives: `Ok(position)` of a datum or `Err(first, end, lost)` of a gap.
fn take(fanout: &mut Fanout, id: ChannelId) -> Vec<Result<u64, (u64, u64, u64)>> {
    let (mut items, mut batch) = (Vec::new(), Vec::new());
    while let Taken::Items(_) = fanout.take(id, 1 << 20, &mut batch) {
        items.append(&mut batch);
    }
    let mut arrived = Vec::new();
    for item in items {
        match item {
            Item::Data(slice) => {
                let all = slice.range.clone().collect();
                let indices = slice.picked.clone().unwrap_or(all);
                arrived.extend(
                    indices
                        .iter()
                        .map(|index| Ok(slice.segment.first() + u64::from(*index))),
                );
            }
            Item::Gap {
                first, end, lost, ..
            } => arrived.push(Err((first, end, lost))),
        }
    }
    arrived
}

fn positions(range: std::ops::Range<u64>) -> Vec<Result<u64, (u64, u64, u64)>> {
    range.map(Ok).collect()
}

#[test]
fn every_consumer_gets_everything_in_order() {
    let mut fanout = fanout(BackPressure::Block, 100);
    assert_eq!(subscribe(&mut fanout, 1, PLENTY), 0);
    push(&mut fanout, 3);
    assert_eq!(take(&mut fanout, 1), positions(0..3));
    assert_eq!(subscribe(&mut fanout, 2, PLENTY), 3);
    push(&mut fanout, 4);
    assert_eq!(take(&mut fanout, 2), positions(3..7));
    assert_eq!(take(&mut fanout, 1), positions(3..7));
    assert_eq!(take(&mut fanout, 1), []);
    assert_eq!(fanout.take(1, 100, &mut Vec::new()), Taken::Idle);
    assert_eq!(fanout.take(3, 100, &mut Vec::new()), Taken::Over(None));
}

/// However many consumers there are, a datum is in one segment, and segments are as few as for one consumer.
#[test]
fn consumers_do_not_break_each_others_runs() {
    let mut fanout = fanout(BackPressure::Block, 100);
    for id in 1..=4 {
        subscribe(&mut fanout, id, PLENTY);
    }
    let run = |fanout: &mut Fanout, id| {
        let mut items = Vec::new();
        fanout.take(id, 1 << 20, &mut items);
        let [Item::Data(slice)] = &items[..] else {
            panic!("{items:?}");
        };
        (slice.first(), slice.end())
    };
    push(&mut fanout, 3);
    assert_eq!(run(&mut fanout, 1), (0, 3));
    for id in 2..=4 {
        push(&mut fanout, 2);
        assert_eq!(run(&mut fanout, id), (0, 3));
    }
    for id in 1..=4 {
        assert_eq!(run(&mut fanout, id), (3, 9));
    }
}

#[test]
fn a_policy_decides_what_a_full_queue_means() {
    // (policy, queue, pushed) -> (accepted, arrived at the consumer that takes late)
    let cases = [
        (BackPressure::Block, 4, 10, 4, positions(0..4)),
        (
            BackPressure::DropNewest,
            4,
            10,
            10,
            [positions(0..4), vec![Err((4, 10, 6))]].concat(),
        ),
        (
            BackPressure::DropOldest,
            4,
            10,
            10,
            [vec![Err((0, 6, 6))], positions(6..10)].concat(),
        ),
        (
            BackPressure::DropOldest,
            1,
            3,
            3,
            [vec![Err((0, 2, 2))], positions(2..3)].concat(),
        ),
        (
            BackPressure::DropNewest,
            1,
            3,
            3,
            [positions(0..1), vec![Err((1, 3, 2))]].concat(),
        ),
        (BackPressure::Disconnect, 4, 4, 4, positions(0..4)),
    ];
    for (policy, queue, pushed, accepted, arrived) in cases {
        let mut fanout = fanout(policy, queue);
        subscribe(&mut fanout, 1, Credit::default());
        assert_eq!(push(&mut fanout, pushed), accepted, "{policy:?}");
        fanout.seal();
        fanout.acknowledge(1, PLENTY, 0);
        assert_eq!(take(&mut fanout, 1), arrived, "{policy:?}");
        assert_eq!(
            fanout.channel(1).unwrap().queued(),
            Credit::default(),
            "{policy:?}"
        );
    }
}

#[test]
fn a_consumer_that_overruns_is_over() {
    let mut fanout = fanout(BackPressure::Disconnect, 4);
    subscribe(&mut fanout, 1, Credit::default());
    push(&mut fanout, 5);
    assert!(!fanout.has_overrun());
    fanout.seal();
    assert!(fanout.has_overrun());
    assert_eq!(
        fanout.take(1, 100, &mut Vec::new()),
        Taken::Over(Some(Overrun::TooSlow))
    );
    assert!(fanout.resume(1, PLENTY, 0).is_none());
}

#[test]
fn what_a_consumer_has_credit_for_does_not_wait_for_it() {
    for policy in [
        BackPressure::DropNewest,
        BackPressure::DropOldest,
        BackPressure::Disconnect,
    ] {
        let mut fanout = fanout(policy, 2);
        subscribe(&mut fanout, 1, Credit::new(8, 1000));
        push(&mut fanout, 10);
        fanout.seal();
        fanout.acknowledge(1, PLENTY, 0);
        assert_eq!(take(&mut fanout, 1), positions(0..10), "{policy:?}");
    }
}

#[test]
fn sent_is_received_plus_gaps() {
    for policy in [BackPressure::DropNewest, BackPressure::DropOldest] {
        for queue in [1, 3, 7, 50] {
            let mut fanout = fanout(policy, queue);
            subscribe(&mut fanout, 1, Credit::new(0, 0));
            let (mut credit, mut received, mut lost, mut next) = (0, 0, 0, 0);
            for round in 0..200u64 {
                push(&mut fanout, u8::try_from(round * 7 % 23).unwrap());
                credit += round * 3 % 11;
                fanout.acknowledge(1, Credit::new(credit, u64::MAX), next);
                for item in take(&mut fanout, 1) {
                    let (first, end) = match item {
                        Ok(position) => (position, position + 1),
                        Err((first, end, _)) => (first, end),
                    };
                    assert_eq!(first, next, "{policy:?} {queue}");
                    next = end;
                    match item {
                        Ok(_) => received += 1,
                        Err((_, _, count)) => lost += count,
                    }
                }
            }
            fanout.acknowledge(1, PLENTY, next);
            for item in take(&mut fanout, 1) {
                match item {
                    Ok(_) => received += 1,
                    Err((_, _, count)) => lost += count,
                }
            }
            assert_eq!(received + lost, fanout.next(), "{policy:?} {queue}");
            assert_eq!(
                fanout.channel(1).unwrap().lost(),
                lost,
                "{policy:?} {queue}"
            );
            assert!(lost > 0, "{policy:?} {queue}: the case drops nothing");
        }
    }
}

#[test]
fn credit_bounds_what_is_taken() {
    let mut fanout = fanout(BackPressure::Block, 100);
    subscribe(&mut fanout, 1, Credit::new(2, 1000));
    push(&mut fanout, 5);
    assert_eq!(take(&mut fanout, 1), positions(0..2));
    assert_eq!(fanout.take(1, 100, &mut Vec::new()), Taken::NoCredit);
    fanout.acknowledge(1, Credit::new(3, 1000), 2);
    assert_eq!(take(&mut fanout, 1), positions(2..3));
    // One datum overshoots the byte limit, the next waits.
    fanout.acknowledge(1, Credit::new(100, 4), 2);
    assert_eq!(take(&mut fanout, 1), positions(3..5));
}

#[test]
fn a_batch_is_bounded_but_never_empty() {
    let mut fanout = fanout(BackPressure::Block, 100);
    subscribe(&mut fanout, 1, PLENTY);
    for _ in 0..3 {
        assert!(encoded(&[0; 10], |datum| fanout.push(datum, None, false)));
    }
    let mut sizes = Vec::new();
    loop {
        let mut items = Vec::new();
        match fanout.take(1, 15, &mut items) {
            Taken::Items(taken) => sizes.push(taken.datums),
            other => {
                assert_eq!(other, Taken::Idle);
                break;
            }
        }
    }
    assert_eq!(sizes, [1, 1, 1]);
}

#[test]
fn a_broken_link_resumes_where_the_consumer_stands() {
    for (received, start) in [(0, 0), (3, 3), (6, 6)] {
        let mut fanout = fanout(BackPressure::Block, 100);
        subscribe(&mut fanout, 1, PLENTY);
        push(&mut fanout, 6);
        assert_eq!(take(&mut fanout, 1), positions(0..6));
        push(&mut fanout, 2);
        assert_eq!(fanout.resume(1, PLENTY, received), Some(start));
        assert_eq!(take(&mut fanout, 1), positions(start..8));
    }
}

#[test]
fn an_acknowledged_datum_is_not_kept() {
    let mut fanout = fanout(BackPressure::Block, 100);
    subscribe(&mut fanout, 1, PLENTY);
    push(&mut fanout, 6);
    take(&mut fanout, 1);
    fanout.acknowledge(1, PLENTY, 6);
    assert_eq!(fanout.resume(1, PLENTY, 0), Some(6));
    assert_eq!(take(&mut fanout, 1), []);
}

#[test]
fn a_consumer_that_was_forgotten_hears_of_the_gap() {
    let mut fanout = fanout(BackPressure::Block, 100);
    subscribe(&mut fanout, 1, PLENTY);
    push(&mut fanout, 6);
    fanout.remove(1);
    let back = |resume| Subscribe {
        filter: None,
        credit: PLENTY,
        resume: Some(resume),
        keeps_sent: true,
    };
    assert_eq!(fanout.subscribe(2, back(4)), 4);
    assert_eq!(take(&mut fanout, 2), [Err((4, 6, 2))]);
    assert_eq!(fanout.subscribe(3, back(6)), 6);
    assert_eq!(take(&mut fanout, 3), []);
    // A position from nowhere is a newcomer's.
    assert_eq!(fanout.subscribe(4, back(99)), 6);
    assert_eq!(take(&mut fanout, 4), []);
}

#[test]
fn a_late_consumer_first_gets_the_history() {
    let mut fanout = Fanout::new(BackPressure::Block, 100, 4);
    assert_eq!(push(&mut fanout, 10), 10);
    assert_eq!(subscribe(&mut fanout, 1, PLENTY), 6);
    push(&mut fanout, 1);
    assert_eq!(take(&mut fanout, 1), positions(6..11));
    assert_eq!(subscribe(&mut fanout, 2, PLENTY), 7);
    assert_eq!(take(&mut fanout, 2), positions(7..11));
}

#[test]
fn history_is_flat() {
    let mut fanout = Fanout::new(BackPressure::Block, 1, 10);
    for _ in 0..100 {
        push(&mut fanout, 100);
    }
    fanout.seal();
    assert!(fanout.history.datums <= 20, "{}", fanout.history.datums);
}

#[test]
fn a_filter_skips_and_the_positions_stay_true() {
    let mut fanout = fanout(BackPressure::DropNewest, 3);
    let filtered = Subscribe {
        filter: Some(Filter::key_in([1u8, 4, 5])),
        credit: Credit::new(1, 1000),
        resume: None,
        keeps_sent: true,
    };
    fanout.subscribe(1, filtered);
    let key = |key: u8| Some(key.into_key());
    for byte in 0..3u8 {
        assert!(encoded(&[byte], |datum| fanout.push(
            datum,
            key(byte),
            false
        )));
    }
    assert_eq!(take(&mut fanout, 1), [Ok(1)]);
    // Nothing matches: nothing is sent, and nothing piles up.
    for _ in 0..100 {
        assert!(encoded(&[9], |datum| fanout.push(datum, key(9), false)));
    }
    assert_eq!(take(&mut fanout, 1), []);
    for _ in 0..2 {
        for byte in 4..6u8 {
            assert!(encoded(&[byte], |datum| fanout.push(
                datum,
                key(byte),
                false
            )));
        }
        fanout.seal();
    }
    // Of four that match, three may wait.
    fanout.acknowledge(1, PLENTY, 2);
    assert_eq!(
        take(&mut fanout, 1),
        [
            Err((3, 102, 0)),
            Ok(103),
            Ok(104),
            Ok(105),
            Err((106, 107, 1))
        ]
    );
    assert!(fanout.is_heard(Some(&4u8.into_key())));
    assert!(!fanout.is_heard(Some(&9u8.into_key())));
}

#[test]
fn a_reserved_place_is_kept() {
    let mut fanout = fanout(BackPressure::Block, 2);
    subscribe(&mut fanout, 1, PLENTY);
    assert_eq!(fanout.reserve(), 1);
    assert!(encoded(b"a", |datum| fanout.push(datum, None, false)));
    assert!(
        !encoded(b"b", |datum| fanout.push(datum, None, false)),
        "the last place is promised"
    );
    assert_eq!(fanout.reserve(), 0);
    assert!(encoded(b"b", |datum| fanout.push(datum, None, true)));
    assert_eq!(take(&mut fanout, 1), positions(0..2));
    assert_eq!(fanout.room(), 2);
}

/// Promises that nobody keeps leave room for everybody else.
#[test]
fn promises_stay_under_a_quarter() {
    let mut fanout = fanout(BackPressure::Block, 1024);
    subscribe(&mut fanout, 1, PLENTY);
    let promised: Vec<u64> = (0..20).map(|_| fanout.reserve()).collect();
    assert_eq!(
        promised[..9],
        [32, 32, 32, 32, 32, 32, 32, 32, 1],
        "{promised:?}"
    );
    assert_eq!(promised.iter().sum::<u64>(), 268);
    assert_eq!(fanout.room(), 1024 - 268);
    fanout.release(268);
    assert_eq!(fanout.room(), 1024);
    let mut small = self::fanout(BackPressure::Block, 4);
    subscribe(&mut small, 1, PLENTY);
    assert_eq!([small.reserve(), small.reserve()], [1, 1]);
}

/// Senders that wait are woken by whoever takes, if there is room then. When the last of several consumers took
/// what was left of its queue, the room was still counted as before, nobody was woken, and the stream stood still.
#[test]
fn room_counts_what_was_just_taken() {
    let mut fanout = fanout(BackPressure::Block, 100);
    subscribe(&mut fanout, 1, PLENTY);
    subscribe(&mut fanout, 2, Credit::new(10, 1 << 20));
    assert_eq!(push(&mut fanout, 100), 100);
    assert_eq!(fanout.room(), 0);
    assert_eq!(take(&mut fanout, 1).len(), 100);
    assert_eq!(take(&mut fanout, 2).len(), 10);
    assert_eq!(fanout.room(), 10, "the slowest consumer counts");
    fanout.acknowledge(2, PLENTY, 10);
    assert_eq!(take(&mut fanout, 2).len(), 90);
    assert_eq!(fanout.room(), 100);
}

#[test]
fn without_consumers_nothing_is_kept() {
    let mut fanout = fanout(BackPressure::Block, 2);
    assert_eq!(push(&mut fanout, 100), 100);
    assert_eq!(
        (fanout.next(), fanout.unheard(), fanout.open.bytes()),
        (100, 100, 0)
    );
    assert_eq!(subscribe(&mut fanout, 1, PLENTY), 100);
}
