//! Histories with known verdicts.

use super::*;

const STEPS: usize = 1_000_000;

fn cell(call: CellCall, began: u64, ended: Option<(u64, CellReturn)>) -> Operation<Cell> {
    Operation { call, began, ended }
}

fn write(value: u64, began: u64, ended: u64) -> Operation<Cell> {
    cell(
        CellCall::Write(Some(value)),
        began,
        Some((ended, CellReturn::Written)),
    )
}

fn read(value: Option<u64>, began: u64, ended: u64) -> Operation<Cell> {
    cell(
        CellCall::Read,
        began,
        Some((ended, CellReturn::Value(value))),
    )
}

fn exchange(expected: u64, new: u64, done: bool, began: u64, ended: u64) -> Operation<Cell> {
    let call = CellCall::CompareExchange {
        expected: Some(expected),
        new: Some(new),
    };
    cell(call, began, Some((ended, CellReturn::Exchanged(done))))
}

#[test]
fn cells() {
    let good: [&[Operation<Cell>]; 5] = [
        &[],
        &[write(1, 1, 2), read(Some(1), 3, 4)],
        // A read beside a write sees either.
        &[write(1, 1, 6), read(None, 2, 3), read(Some(1), 4, 5)],
        // An unknown write took effect late.
        &[
            cell(CellCall::Write(Some(7)), 1, None),
            read(None, 2, 3),
            read(Some(7), 4, 5),
        ],
        &[
            write(1, 1, 2),
            exchange(1, 2, true, 3, 6),
            exchange(1, 3, false, 4, 5),
        ],
    ];
    for history in good {
        assert_eq!(check(history, STEPS), Verdict::Linearizable, "{history:?}");
    }
    let bad: [&[Operation<Cell>]; 6] = [
        // An acknowledged write is missing.
        &[write(1, 1, 2), read(None, 3, 4)],
        // A read goes back in time.
        &[
            write(1, 1, 2),
            write(2, 3, 8),
            read(Some(2), 4, 5),
            read(Some(1), 6, 7),
        ],
        // Two exchanges both win.
        &[
            write(1, 1, 2),
            exchange(1, 2, true, 3, 6),
            exchange(1, 3, true, 4, 5),
        ],
        // A value that nobody wrote.
        &[read(Some(9), 1, 2)],
        // The write of an unknown call, read before it began.
        &[read(Some(7), 1, 2), cell(CellCall::Write(Some(7)), 3, None)],
        // Two halves of a split network both acknowledge.
        &[
            write(1, 1, 2),
            exchange(1, 10, true, 3, 4),
            exchange(1, 20, true, 5, 6),
            read(Some(10), 7, 8),
        ],
    ];
    for history in bad {
        let verdict = check(history, STEPS);
        assert!(
            matches!(verdict, Verdict::Illegal { .. }),
            "{history:?}: {verdict:?}"
        );
    }
}

#[test]
fn queues() {
    let op = |call, began, ended| Operation::<Queue> { call, began, ended };
    let push = |value, began, ended| {
        op(
            QueueCall::Push(value),
            began,
            Some((ended, QueueReturn::Pushed)),
        )
    };
    let pop = |value, began, ended| {
        op(
            QueueCall::Pop,
            began,
            Some((ended, QueueReturn::Popped(value))),
        )
    };
    let good = [
        push(1, 1, 4),
        push(2, 2, 3),
        pop(Some(2), 5, 6),
        pop(Some(1), 7, 8),
        pop(None, 9, 10),
    ];
    assert_eq!(check(&good, STEPS), Verdict::Linearizable);
    let twice = [push(1, 1, 2), pop(Some(1), 3, 4), pop(Some(1), 5, 6)];
    assert!(matches!(check(&twice, STEPS), Verdict::Illegal { .. }));
    let out_of_order = [push(1, 1, 2), push(2, 3, 4), pop(Some(2), 5, 6)];
    assert!(matches!(
        check(&out_of_order, STEPS),
        Verdict::Illegal { .. }
    ));
}

/// Many clients at once, ended in an order that backtracks, stay within the bound of steps.
#[test]
fn a_thousand_calls_of_eight_clients() {
    let mut history = Vec::new();
    let mut clock = 0;
    for round in 0..125 {
        let began = clock;
        clock += 16;
        for client in 0..8 {
            let value = round * 8 + client;
            // The last to begin takes effect first: values are seen from the highest to the lowest.
            history.push(write(value, began + client, began + 8 + client));
        }
    }
    history.push(read(Some(124 * 8), clock, clock + 1));
    assert_eq!(check(&history, STEPS), Verdict::Linearizable);
}

#[test]
fn a_hopeless_search_is_given_up() {
    let mut history: Vec<_> = (0..40).map(|n| write(n, n, 100 + n)).collect();
    history.push(read(None, 200, 201));
    assert_eq!(
        check(&history, 10_000),
        Verdict::Undecided { steps: 10_000 }
    );
}
