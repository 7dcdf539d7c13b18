//! A client that makes calls one after the other and remembers them.

use std::{cell::Cell as Counter, rc::Rc, time::Duration};

use mosaik::{Group, Strong, groups::CommandError};
use rand::{RngExt, rngs::SmallRng};
use tokio::time::{sleep, timeout};

use super::machine::{Answer, Command, Store};
use crate::linear::{Cell, CellCall, CellReturn, Operation, Queue, QueueCall, QueueReturn};

/// Keys that all clients share.
pub(super) const KEYS: u8 = 3;

/// How long a client waits before it calls an outcome unknown.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all clients of a run did.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) cells: Vec<(u8, Operation<Cell>)>,
    pub(super) queue: Vec<Operation<Queue>>,
    pub(super) acknowledged: usize,
    pub(super) refused: usize,
    pub(super) unknown: usize,
}

impl History {
    pub(super) fn add(&mut self, other: Self) {
        self.cells.extend(other.cells);
        self.queue.extend(other.queue);
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
    }
}

/// Ranks of events, no two alike.
pub(super) type Ranks = Rc<Counter<u64>>;

fn rank(ranks: &Ranks) -> u64 {
    ranks.set(ranks.get() + 1);
    ranks.get()
}

pub(super) struct Client {
    pub(super) ranks: Ranks,
    pub(super) rng: SmallRng,
    /// Distinguishes the values that this client writes.
    pub(super) number: u64,
    pub(super) history: History,
    pub(super) written: u64,
}

enum Outcome<T> {
    Answered(u64, T),
    Refused,
    Unknown,
}

impl Client {
    /// Makes calls until the time is up.
    pub(super) async fn work(&mut self, group: &Group<Store>, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            self.call(group).await;
            sleep(Duration::from_millis(self.rng.random_range(5..120))).await;
        }
    }

    async fn call(&mut self, group: &Group<Store>) {
        let key = self.rng.random_range(0..KEYS);
        match self.rng.random_range(0..10) {
            0..4 => self.read(group, key).await,
            4..6 => {
                let value = Some(self.value());
                self.command(
                    group,
                    key,
                    Command::Write(key, value),
                    CellCall::Write(value),
                )
                .await;
            }
            6..8 => {
                let expected = group.look(|store| store.cells.get(&key).copied());
                let new = self.rng.random_bool(0.9).then(|| self.value());
                let call = CellCall::CompareExchange { expected, new };
                let command = Command::CompareExchange { key, expected, new };
                self.command(group, key, command, call).await;
            }
            8 => {
                let value = self.value();
                self.queue(group, Command::Push(value), QueueCall::Push(value))
                    .await;
            }
            _ => self.queue(group, Command::Pop, QueueCall::Pop).await,
        }
    }

    fn value(&mut self) -> u64 {
        self.written += 1;
        self.number * 1_000_000 + self.written
    }

    /// A strong read of one key. One that fails changes nothing and is left out.
    pub(super) async fn read(&mut self, group: &Group<Store>, key: u8) {
        let began = rank(&self.ranks);
        let answer = timeout(PATIENCE, group.query((), Strong)).await;
        let Ok(Ok(store)) = answer else {
            self.history.refused += 1;
            return;
        };
        self.history.acknowledged += 1;
        let value = CellReturn::Value(store.result().cells.get(&key).copied());
        let operation = Operation {
            call: CellCall::Read,
            began,
            ended: Some((rank(&self.ranks), value)),
        };
        self.history.cells.push((key, operation));
    }

    async fn command(&mut self, group: &Group<Store>, key: u8, command: Command, call: CellCall) {
        let began = rank(&self.ranks);
        let ended = match self.execute(group, command).await {
            Outcome::Refused => return,
            Outcome::Unknown => None,
            Outcome::Answered(at, answer) => {
                Some((at, answer.of_cell().expect("an answer of a cell")))
            }
        };
        let operation = Operation { call, began, ended };
        self.history.cells.push((key, operation));
    }

    async fn queue(&mut self, group: &Group<Store>, command: Command, call: QueueCall) {
        let began = rank(&self.ranks);
        let ended: Option<(u64, QueueReturn)> = match self.execute(group, command).await {
            Outcome::Refused => return,
            Outcome::Unknown => None,
            Outcome::Answered(at, answer) => {
                Some((at, answer.of_queue().expect("an answer of the queue")))
            }
        };
        self.history.queue.push(Operation { call, began, ended });
    }

    async fn execute(&mut self, group: &Group<Store>, command: Command) -> Outcome<Answer> {
        let outcome = match timeout(PATIENCE, group.execute_with_response(command)).await {
            Ok(Ok(outcome)) => {
                Outcome::Answered(rank(&self.ranks), Answer::decode(&outcome.response))
            }
            Ok(Err(CommandError::GroupTerminated)) | Err(_) => Outcome::Unknown,
            Ok(Err(error)) if error.is_definite() => Outcome::Refused,
            Ok(Err(_)) => Outcome::Unknown,
        };
        match &outcome {
            Outcome::Answered(..) => self.history.acknowledged += 1,
            Outcome::Refused => self.history.refused += 1,
            Outcome::Unknown => self.history.unknown += 1,
        }
        outcome
    }
}
