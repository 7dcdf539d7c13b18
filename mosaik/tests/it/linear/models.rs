//! The data types whose histories are judged.

use super::Model;
use std::collections::VecDeque;

/// A cell that may be empty; also one key of a map, since keys do not touch each other.
#[derive(Clone, Debug)]
pub(crate) enum Cell {}

#[derive(Clone, Debug)]
pub(crate) enum CellCall {
    Read,
    Write(Option<u64>),
    CompareExchange {
        expected: Option<u64>,
        new: Option<u64>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CellReturn {
    Value(Option<u64>),
    Written,
    Exchanged(bool),
}

impl Model for Cell {
    type State = Option<u64>;
    type Call = CellCall;
    type Return = CellReturn;

    fn step(
        state: &Option<u64>,
        call: &CellCall,
        answer: Option<&CellReturn>,
    ) -> Option<Option<u64>> {
        let (after, true_answer) = match call {
            CellCall::Read => (*state, CellReturn::Value(*state)),
            CellCall::Write(value) => (*value, CellReturn::Written),
            CellCall::CompareExchange { expected, new } => {
                let equal = state == expected;
                let after = if equal { *new } else { *state };
                (after, CellReturn::Exchanged(equal))
            }
        };
        fits(answer, &true_answer).then_some(after)
    }
}

/// A queue: first in, first out.
#[derive(Clone, Debug)]
pub(crate) enum Queue {}

#[derive(Clone, Debug)]
pub(crate) enum QueueCall {
    Push(u64),
    Pop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QueueReturn {
    Pushed,
    Popped(Option<u64>),
}

impl Model for Queue {
    type State = VecDeque<u64>;
    type Call = QueueCall;
    type Return = QueueReturn;

    fn step(
        state: &VecDeque<u64>,
        call: &QueueCall,
        answer: Option<&QueueReturn>,
    ) -> Option<VecDeque<u64>> {
        let mut after = state.clone();
        let true_answer = match call {
            QueueCall::Push(value) => {
                after.push_back(*value);
                QueueReturn::Pushed
            }
            QueueCall::Pop => QueueReturn::Popped(after.pop_front()),
        };
        fits(answer, &true_answer).then_some(after)
    }
}

fn fits<T: PartialEq>(answer: Option<&T>, true_answer: &T) -> bool {
    answer.is_none_or(|answer| answer == true_answer)
}
