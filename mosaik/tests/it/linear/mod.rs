//! Is a history of concurrent calls linearizable?
//!
//! The search of Wing and Gong, with Lowe's memory of configurations: calls are tried in every order that their
//! intervals allow, and a configuration (which calls have taken effect, and the state after them) is tried once.
//! A call with an unknown outcome may have taken effect at any time after it began, or never.

mod models;
pub(crate) use models::{Cell, CellCall, CellReturn, Queue, QueueCall, QueueReturn};

#[cfg(test)]
mod tests;

use std::{collections::HashSet, fmt::Debug, hash::Hash};

/// What the calls of a history mean when they are made one after the other.
pub(crate) trait Model {
    type State: Clone + Eq + Hash + Default + Debug;
    type Call: Clone + Debug;
    type Return: Clone + Debug;

    /// The state after `call`; none if the call cannot answer `answer` here. An unknown answer fits every state.
    fn step(
        state: &Self::State,
        call: &Self::Call,
        answer: Option<&Self::Return>,
    ) -> Option<Self::State>;
}

/// A call and what became of it; the times are ranks on one clock, no two alike.
#[derive(Clone, Debug)]
pub(crate) struct Operation<M: Model> {
    pub(crate) call: M::Call,
    pub(crate) began: u64,
    /// When it ended and what it answered; none if nobody knows.
    pub(crate) ended: Option<(u64, M::Return)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Linearizable,
    /// No order explains the history. The longest prefix that has one covers so many calls.
    Illegal {
        explained: usize,
    },
    /// The search was given up after so many steps.
    Undecided {
        steps: usize,
    },
}

/// Judges a history, giving up after `steps_max` steps.
pub(crate) fn check<M: Model>(history: &[Operation<M>], steps_max: usize) -> Verdict {
    Search::new(history).run(steps_max)
}

/// An end of a call's interval, in a list from which calls are lifted when they take effect.
struct Event {
    operation: usize,
    is_return: bool,
    previous: usize,
    next: usize,
}

struct Search<'a, M: Model> {
    history: &'a [Operation<M>],
    /// `events[HEAD]` is the list's head and end.
    events: Vec<Event>,
    call_of: Vec<usize>,
    return_of: Vec<Option<usize>>,
    returns_left: usize,
    effective: Vec<u64>,
    seen: HashSet<(Vec<u64>, M::State)>,
}

const HEAD: usize = 0;

impl<'a, M: Model> Search<'a, M> {
    fn new(history: &'a [Operation<M>]) -> Self {
        let mut ends: Vec<(u64, usize, bool)> = Vec::new();
        for (index, operation) in history.iter().enumerate() {
            ends.push((operation.began, index, false));
            if let Some((time, _)) = operation.ended {
                assert!(time > operation.began, "a call ends after it began");
                ends.push((time, index, true));
            }
        }
        ends.sort_unstable();
        let count = ends.len();
        let mut events = vec![Event {
            operation: usize::MAX,
            is_return: false,
            previous: count,
            next: if count == 0 { HEAD } else { 1 },
        }];
        let mut call_of = vec![HEAD; history.len()];
        let mut return_of = vec![None; history.len()];
        for (position, (_, operation, is_return)) in ends.into_iter().enumerate() {
            let at = position + 1;
            events.push(Event {
                operation,
                is_return,
                previous: at - 1,
                next: if at == count { HEAD } else { at + 1 },
            });
            if is_return {
                return_of[operation] = Some(at);
            } else {
                call_of[operation] = at;
            }
        }
        Self {
            history,
            events,
            returns_left: return_of.iter().flatten().count(),
            call_of,
            return_of,
            effective: vec![0; history.len().div_ceil(64)],
            seen: HashSet::new(),
        }
    }

    fn run(mut self, steps_max: usize) -> Verdict {
        let mut state = M::State::default();
        let mut undo: Vec<(usize, M::State)> = Vec::new();
        let mut explained = 0;
        let mut at = self.events[HEAD].next;
        for _ in 0..steps_max {
            if self.returns_left == 0 {
                return Verdict::Linearizable;
            }
            let event = &self.events[at];
            let operation = event.operation;
            // Past a return (or the end of the list), an earlier choice was wrong.
            if at == HEAD || event.is_return {
                let Some((wrong, before)) = undo.pop() else {
                    return Verdict::Illegal { explained };
                };
                state = before;
                self.put_back(wrong);
                at = self.events[self.call_of[wrong]].next;
                continue;
            }
            let following = event.next;
            let answer = self.history[operation].ended.as_ref().map(|(_, a)| a);
            let after = M::step(&state, &self.history[operation].call, answer);
            at = match after {
                Some(after) if self.is_new(operation, &after) => {
                    undo.push((operation, std::mem::replace(&mut state, after)));
                    self.lift(operation);
                    explained = explained.max(undo.len());
                    self.events[HEAD].next
                }
                _ => following,
            };
        }
        Verdict::Undecided { steps: steps_max }
    }

    fn is_new(&mut self, operation: usize, after: &M::State) -> bool {
        let mut effective = self.effective.clone();
        effective[operation / 64] |= 1 << (operation % 64);
        self.seen.insert((effective, after.clone()))
    }

    fn lift(&mut self, operation: usize) {
        self.effective[operation / 64] |= 1 << (operation % 64);
        self.unlink(self.call_of[operation]);
        if let Some(end) = self.return_of[operation] {
            self.unlink(end);
            self.returns_left -= 1;
        }
    }

    fn put_back(&mut self, operation: usize) {
        self.effective[operation / 64] &= !(1 << (operation % 64));
        if let Some(end) = self.return_of[operation] {
            self.link(end);
            self.returns_left += 1;
        }
        self.link(self.call_of[operation]);
    }

    fn unlink(&mut self, at: usize) {
        let (previous, next) = (self.events[at].previous, self.events[at].next);
        self.events[previous].next = next;
        self.events[next].previous = previous;
    }

    /// Undoes the last [`unlink`](Self::unlink) that is not undone yet.
    fn link(&mut self, at: usize) {
        let (previous, next) = (self.events[at].previous, self.events[at].next);
        self.events[previous].next = at;
        self.events[next].previous = at;
    }
}
