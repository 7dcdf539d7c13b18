//! The consuming processes, seen from the producer.

use std::{fmt, process::Stdio};

use mosaik::NetworkId;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::report::Report;

/// First argument of a process that consumes.
pub(crate) const CONSUME: &str = "--consume";

/// How a consumer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Takes what comes.
    Steady,
    /// Pauses again and again.
    Slow,
    /// Is stopped for longer than its connection lives, then goes on.
    Frozen,
    /// Is killed while datums flow.
    Killed,
    /// Takes the place of the killed one.
    Restarted,
}

impl Habit {
    /// Those that are there from the first datum on.
    pub(crate) const ALL: [Self; 4] = [Self::Steady, Self::Slow, Self::Frozen, Self::Killed];
}

impl fmt::Display for Habit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Steady => "steady",
            Self::Slow => "slow",
            Self::Frozen => "frozen",
            Self::Killed => "killed",
            Self::Restarted => "restarted",
        })
    }
}

/// One consuming process.
pub(crate) struct Consumer {
    pub(crate) habit: Habit,
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Consumer {
    /// Starts one; answers when it looks for its producer.
    pub(crate) async fn start(habit: Habit, network_id: NetworkId) -> Self {
        let program = std::env::current_exe().expect("the program knows its own file");
        let mut process = Command::new(program)
            .args([CONSUME, &habit.to_string(), &network_id.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a consuming process starts");
        let output = BufReader::new(process.stdout.take().expect("its output was piped")).lines();
        let mut consumer = Self {
            habit,
            process,
            output,
        };
        assert_eq!(consumer.line().await, "ready");
        consumer
    }

    /// Sends `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().expect("the process runs").to_string();
        let sent = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -{signal} works"
        );
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.expect("the process runs");
    }

    /// What it says after the last datum.
    pub(crate) async fn report(mut self) -> Report {
        let line = self.line().await;
        let _ = self.process.wait().await;
        Report::from_line(&line)
    }

    async fn line(&mut self) -> String {
        self.output
            .next_line()
            .await
            .expect("it writes text")
            .expect("it is alive until it has reported")
    }
}
