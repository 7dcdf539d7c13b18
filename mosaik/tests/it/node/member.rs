//! The group that a node process is a member of.

#![expect(
    clippy::disallowed_methods,
    reason = "a program outside the runtime: what it starts reports its own end"
)]

use std::{collections::BTreeSet, time::Duration};

use mosaik::{
    Digest, Group, Network, UniqueId,
    groups::{ApplyContext, CommandError, Formation, LogReplaySync, StateMachine},
};
use tokio::{sync::mpsc, time::Instant};

use super::report::{Mark, MemberReport, Report};

/// Marks that were made, each once however often it was asked for.
pub(super) struct Marks {
    marks: BTreeSet<u64>,
    /// How many commands were applied, repetitions included.
    applied: u64,
    digest: Digest,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            marks: BTreeSet::new(),
            applied: 0,
            digest: Digest::zero(),
        }
    }
}

impl StateMachine for Marks {
    type Command = u64;
    type Query = ();
    type QueryResult = u64;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "node.marks".into()
    }

    fn apply(&mut self, mark: u64, _: &dyn ApplyContext) {
        self.marks.insert(mark);
        self.applied += 1;
        self.digest = self.digest.derive(mark.to_be_bytes());
    }

    fn query(&self, (): ()) -> u64 {
        self.applied
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}

/// The membership, and what it answers to the test.
pub(super) struct Membership {
    group: Group<Marks>,
    said: Option<MemberReport>,
    answers: mpsc::Sender<Report>,
}

impl Membership {
    /// Joins a group that `founders` nodes found together; answers go to `answers`.
    pub(super) fn new(network: &Network, founders: usize, answers: mpsc::Sender<Report>) -> Self {
        let group = network
            .groups()
            .with_key("marks")
            .with_formation(Formation::Expect(founders))
            .with_state_machine(Marks::default())
            .join();
        Self {
            group,
            said: None,
            answers,
        }
    }

    /// Makes a mark, and reports what became of it.
    pub(super) fn mark(&self, mark: u64) {
        let begin = Instant::now();
        let pending = self.group.execute(mark);
        let answers = self.answers.clone();
        tokio::spawn(async move {
            let outcome = match pending.await {
                Ok(_) => Mark::Acknowledged,
                Err(CommandError::NoQuorum(_)) => Mark::NoQuorum,
                Err(error) if error.is_definite() => Mark::Refused(error.to_string()),
                Err(_) => Mark::Unknown,
            };
            let after_ms = begin.elapsed().as_secs_f64() * 1000.0;
            let report = Report::Marked {
                mark,
                outcome,
                after_ms,
            };
            // The test has ended.
            let _ = answers.send(report).await;
        });
    }

    /// What has changed since the last time, if anything has.
    pub(super) fn news(&mut self) -> Option<Report> {
        let status = self.group.status();
        let now = self.group.look(|machine| MemberReport {
            is_online: status.is_online,
            why_offline: status.why_offline.clone(),
            leader: status.leader,
            voters: status.voters.len(),
            applied: machine.applied,
            digest: machine.digest.to_string(),
            marks: machine.marks.clone(),
        });
        if self.said.as_ref() == Some(&now) {
            return None;
        }
        self.said = Some(now.clone());
        Some(Report::Member { member: now })
    }
}

/// How stale a report may be.
pub(super) const NEWS_INTERVAL: Duration = Duration::from_millis(20);
