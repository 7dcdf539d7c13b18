//! Cells under keys and a queue, in one machine.

use std::collections::{BTreeMap, VecDeque};

use mosaik::{
    Bytes, Datum, UniqueId,
    groups::{ApplyContext, LogReplaySync, StateMachine},
};
use serde::{Deserialize, Serialize};

use crate::linear::{CellReturn, QueueReturn};

#[derive(Clone, Debug, Default, Hash, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Store {
    pub(super) cells: BTreeMap<u8, u64>,
    pub(super) queue: VecDeque<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Command {
    Write(u8, Option<u64>),
    CompareExchange {
        key: u8,
        expected: Option<u64>,
        new: Option<u64>,
    },
    Push(u64),
    Pop,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    Written,
    Exchanged(bool),
    Pushed,
    Popped(Option<u64>),
}

impl Answer {
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Datum::decode(bytes).expect("the machine's own answer")
    }

    pub(super) fn of_cell(&self) -> Option<CellReturn> {
        match self {
            Self::Written => Some(CellReturn::Written),
            Self::Exchanged(done) => Some(CellReturn::Exchanged(*done)),
            _ => None,
        }
    }

    pub(super) fn of_queue(&self) -> Option<QueueReturn> {
        match self {
            Self::Pushed => Some(QueueReturn::Pushed),
            Self::Popped(value) => Some(QueueReturn::Popped(*value)),
            _ => None,
        }
    }
}

impl Store {
    fn answer(&mut self, command: Command) -> Answer {
        match command {
            Command::Write(key, value) => {
                self.set(key, value);
                Answer::Written
            }
            Command::CompareExchange { key, expected, new } => {
                let equal = self.cells.get(&key).copied() == expected;
                if equal {
                    self.set(key, new);
                }
                Answer::Exchanged(equal)
            }
            Command::Push(value) => {
                self.queue.push_back(value);
                Answer::Pushed
            }
            Command::Pop => Answer::Popped(self.queue.pop_front()),
        }
    }

    fn set(&mut self, key: u8, value: Option<u64>) {
        match value {
            Some(value) => self.cells.insert(key, value),
            None => self.cells.remove(&key),
        };
    }
}

impl StateMachine for Store {
    type Command = Command;
    type Query = ();
    type QueryResult = Self;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "checked.store".into()
    }

    fn apply(&mut self, command: Command, _: &dyn ApplyContext) {
        self.answer(command);
    }

    fn apply_with_response(&mut self, command: Command, _: &dyn ApplyContext) -> Bytes {
        Datum::encode(&self.answer(command)).expect("an answer has an encoding")
    }

    fn query(&self, (): ()) -> Self {
        self.clone()
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}
