//! The answers that one session may still ask for, kept as runs.

use std::collections::VecDeque;

use crate::groups::cursor::{Index, Term};
use crate::primitives::Bytes;

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Where in the history it stands.
    pub(crate) index: Index,
    /// The term in which it was written.
    pub(crate) term: Term,
    /// What the state machine returned, encoded; empty for one that returns nothing.
    pub(crate) response: Bytes,
}

/// What an answer with a response counts beside its bytes: about what it takes in memory.
const ANSWER_BYTES: usize = 32;

/// Answers to consecutive sequence numbers at consecutive positions of one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first_seq: u64,
    pub(super) first_index: u64,
    pub(super) term: u64,
    pub(super) count: u64,
    /// One for each, or none at all: then all of them are empty, and the run costs nothing however long it is.
    pub(super) responses: VecDeque<Bytes>,
}

impl Run {
    fn continues_with(&self, seq: u64, answer: &Answer) -> bool {
        self.responses.is_empty() == answer.response.is_empty()
            && self.first_seq.wrapping_add(self.count) == seq
            && self.first_index.wrapping_add(self.count) == answer.index.0
            && self.term == answer.term.0
    }
}

/// The last answers of a session, in order of their sequence numbers and without holes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answers {
    runs: VecDeque<Run>,
    count: u64,
    bytes: usize,
}

impl Answers {
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// What the responses take, by which they are bounded.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// The answer to `seq`, if it is kept.
    pub(super) fn find(&self, seq: u64) -> Option<Answer> {
        let after = self.runs.partition_point(|run| run.first_seq <= seq);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let offset = seq - run.first_seq;
        if offset >= run.count {
            return None;
        }
        let response = usize::try_from(offset)
            .ok()
            .and_then(|at| run.responses.get(at));
        Some(Answer {
            index: Index(run.first_index + offset),
            term: Term(run.term),
            response: response.cloned().unwrap_or_default(),
        })
    }

    /// Keeps the answer to `seq`, which follows the last one kept.
    pub(super) fn push(&mut self, seq: u64, answer: Answer) {
        self.count += 1;
        let size = size(&answer.response);
        self.bytes += size;
        if let Some(run) = self.runs.back_mut()
            && run.continues_with(seq, &answer)
        {
            run.count += 1;
            if size > 0 {
                run.responses.push_back(answer.response);
            }
            return;
        }
        let mut responses = VecDeque::new();
        if size > 0 {
            responses.push_back(answer.response);
        }
        self.runs.push_back(Run {
            first_seq: seq,
            first_index: answer.index.0,
            term: answer.term.0,
            count: 1,
            responses,
        });
    }

    /// Forgets the oldest answers until at most `count_max` are left.
    pub(super) fn keep_last(&mut self, count_max: u64) {
        while self.count > count_max {
            let excess = self.count - count_max;
            let Some(run) = self.runs.front_mut() else {
                return;
            };
            let dropped = excess.min(run.count);
            if run.responses.is_empty() {
                run.first_seq += dropped;
                run.first_index += dropped;
                run.count -= dropped;
                self.count -= dropped;
            } else {
                for _ in 0..dropped {
                    self.forget_response();
                }
            }
            self.forget_empty_run();
        }
    }

    /// Forgets the oldest answers until their responses take at most `bytes_max`.
    pub(super) fn keep_bytes(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(run) = self.runs.front() else { return };
            if run.responses.is_empty() {
                self.count -= run.count;
                self.runs.pop_front();
            } else {
                self.forget_response();
                self.forget_empty_run();
            }
        }
    }

    fn forget_response(&mut self) {
        if let Some(run) = self.runs.front_mut()
            && let Some(response) = run.responses.pop_front()
        {
            run.first_seq += 1;
            run.first_index += 1;
            run.count -= 1;
            self.count -= 1;
            self.bytes -= size(&response);
        }
    }

    fn forget_empty_run(&mut self) {
        if self.runs.front().is_some_and(|run| run.count == 0) {
            self.runs.pop_front();
        }
    }

    /// Appends a whole run as it was kept elsewhere; `None` if it does not follow the last one, or is none.
    pub(super) fn append(&mut self, run: Run) -> Option<()> {
        let end = |run: &Run| run.first_seq.checked_add(run.count);
        let follows = match self.runs.back() {
            Some(last) => end(last) == Some(run.first_seq),
            None => true,
        };
        let responses = u64::try_from(run.responses.len()).ok()?;
        let is_whole = run.count > 0
            && (responses == 0 || responses == run.count)
            && run.first_index.checked_add(run.count).is_some()
            && end(&run).is_some();
        if !follows || !is_whole {
            return None;
        }
        // An empty response among others has a place in no run that was kept.
        let sizes = run.responses.iter().map(size);
        for size in sizes {
            self.bytes = self.bytes.checked_add((size > 0).then_some(size)?)?;
        }
        self.count = self.count.checked_add(run.count)?;
        self.runs.push_back(run);
        Some(())
    }
}

fn size(response: &Bytes) -> usize {
    match response.len() {
        0 => 0,
        length => ANSWER_BYTES + length,
    }
}
