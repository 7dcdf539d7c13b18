//! Attackers in a process of their own, at a low priority: what is measured is what they cost the attacked, and not
//! what they take from a machine that would be another one.
//!
//! A measurement is made in windows, by turns without and with the attack, and what is compared are the medians.

mod attacks;
mod intruder;
pub(crate) mod program;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use mosaik::{Digest, iroh::EndpointAddr};
use serde::{Deserialize, Serialize};

pub(crate) use self::intruder::{
    Arena, Intruder, Lane, Record, ask, bad_ticket, open_bond, open_snapshot, open_stream,
};

/// Starts each line of an attacker's report.
const MARK: &str = "@siege ";

/// Windows of each kind that are measured at least, and at most.
const WINDOWS_MIN: usize = 5;
const WINDOWS_MAX: usize = 15;

/// Whom to attack, with what, and how fast.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) network: String,
    pub(crate) targets: Vec<EndpointAddr>,
    pub(crate) attack: Attack,
    /// Attempts on each target in a second, if the machine lets it have so many.
    pub(crate) per_second: u32,
}

/// What attackers do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Attack {
    /// Connections, or streams on them, and not a word. Up to 32 are held at each target.
    Silence,
    /// Frames that announce 4 GiB.
    Oversize,
    /// Questions, and nobody who reads the answers.
    Deaf,
    /// A node whose clock is an hour ahead, that joins again and again.
    Ahead,
    /// Entries under a signature that is not theirs, in messages of `BATCH` and from a new identity each.
    Forged(Record),
    /// One entry again and again.
    Replayed(Record),
    /// A consumer of a stream that gives credit without end, and never reads.
    DeafConsumer { stream: Digest, schema: Digest },
    /// Bad tickets, to be served a stream.
    Stream {
        stream: Digest,
        schema: Digest,
        issuer: [u8; 32],
    },
    /// Bad tickets, to be a member of a group.
    Bond { group: Digest, issuer: [u8; 32] },
}

/// Entries of one message: some 32 KiB, as honest peers send them.
pub(crate) const BATCH: usize = 64;

/// Who shows bad tickets, each with an identity of its own.
pub(crate) const STRANGERS: u32 = 8;

/// What attackers have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Attempts.
    pub(crate) made: u64,
    /// Attempts that were not refused, where all should be.
    pub(crate) admitted: u64,
    /// Whether the attack is resting, all that it held given up.
    pub(crate) rests: bool,
}

/// The attackers. Dropping it ends them.
pub(crate) struct Siege {
    child: Child,
    stdin: ChildStdin,
    tally: Arc<(Mutex<Tally>, Condvar)>,
}

impl Siege {
    /// Attackers that wait for `advance`.
    pub(crate) fn prepare(plan: &Plan) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut child = aside()
            .arg(program)
            .args(program::ARGUMENTS)
            .env(
                program::PLAN_VARIABLE,
                serde_json::to_string(plan).expect("plain values"),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let tally = Arc::new((Mutex::new(Tally::default()), Condvar::new()));
        let seen = Arc::clone(&tally);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let report = line.strip_prefix(MARK).map(serde_json::from_str);
                if let Some(Ok(report)) = report {
                    *seen.0.lock().expect("no reader panics") = report;
                    seen.1.notify_all();
                }
            }
        });
        let siege = Self {
            child,
            stdin,
            tally,
        };
        siege.wait("to be ready", |tally| tally.rests);
        siege
    }

    /// Begins, or goes on.
    pub(crate) fn advance(&mut self) {
        let before = self.tally().made;
        self.say("advance");
        self.wait("to begin", |tally| tally.made > before);
    }

    /// Gives up whatever it holds, and rests.
    pub(crate) fn rest(&mut self) {
        self.say("rest");
        self.wait("to rest", |tally| tally.rests);
    }

    pub(crate) fn tally(&self) -> Tally {
        *self.tally.0.lock().expect("no reader panics")
    }

    fn say(&mut self, word: &str) {
        writeln!(self.stdin, "{word}").expect("the attackers read their input");
    }

    fn wait(&self, what: &str, met: impl Fn(&Tally) -> bool) {
        let tally = self.tally.0.lock().expect("no reader panics");
        let limit = Duration::from_secs(90);
        let (_tally, timeout) = self
            .tally
            .1
            .wait_timeout_while(tally, limit, |tally| !met(tally))
            .expect("no reader panics");
        assert!(!timeout.timed_out(), "waited for the attackers {what}");
    }
}

impl Drop for Siege {
    fn drop(&mut self) {
        // They may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What each window has measured.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) quiet: Vec<Duration>,
    pub(crate) hostile: Vec<Duration>,
    /// What the median without counts for at least.
    noise: Duration,
}

impl Windows {
    /// Measures by turns without and with the attack, until under attack it is at most twice as much by the median of all
    /// windows so far. An attack makes `attempts` attempts, the same share of them in each of the first windows.
    ///
    /// `measure` goes on as long as it is told to. Beside other tests the scheduler's share is what short times measure:
    /// there the median without counts for `noise` at least. `.ci/long/hostile` runs each alone, and takes it as it is.
    pub(crate) fn within_twice(
        siege: &mut Siege,
        attempts: u64,
        noise: Duration,
        mut measure: impl FnMut(&dyn Fn() -> bool) -> Duration,
    ) -> Self {
        let mut windows = Self {
            noise: if is_strict() { Duration::ZERO } else { noise },
            ..Self::default()
        };
        let mut busy = Duration::ZERO;
        while windows.quiet.len() < WINDOWS_MAX {
            windows.quiet.push(measure(&|| false));
            let turn = windows.quiet.len().min(WINDOWS_MIN) as u64;
            let goal = attempts * turn / WINDOWS_MIN as u64;
            let begun = tokio::time::Instant::now();
            siege.advance();
            let hostile = measure(&|| siege.tally().made < goal);
            windows.hostile.push(hostile);
            siege.rest();
            busy += begun.elapsed();
            if windows.quiet.len() >= WINDOWS_MIN && windows.ratio() <= 2.0 {
                break;
            }
        }
        let tally = siege.tally();
        println!(
            "{:.2} of the quiet one under attack; windows: {windows:?}; {} attempts, {:.0} a second",
            windows.ratio(),
            tally.made,
            tally.made as f64 / busy.as_secs_f64(),
        );
        assert!(tally.made >= attempts, "{tally:?}");
        assert_eq!(tally.admitted, 0, "somebody got in");
        assert!(
            windows.ratio() <= 2.0,
            "more than twice as slow under attack: {windows:?}"
        );
        windows
    }

    /// The median under attack, as a multiple of the median without.
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.hostile).as_secs_f64() / median(&self.quiet).max(self.noise).as_secs_f64()
    }
}

/// Starts a program that takes little from the attacked but what it makes them do.
///
/// Alone on a machine, attackers run whenever nobody else wants to: a woken node does not wait for the end of their turn.
/// Beside other tests they would hardly ever run then.
fn aside() -> Command {
    let (program, arguments) = if is_strict() {
        ("chrt", ["--idle", "0"])
    } else {
        ("nice", ["-n", "10"])
    };
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Whether this test has the machine to itself, so that speeds say something: `.ci/long/hostile` says so.
pub(crate) fn is_strict() -> bool {
    std::env::var_os("MOSAIK_STRICT").is_some()
}

fn median(windows: &[Duration]) -> Duration {
    let mut windows = windows.to_vec();
    windows.sort_unstable();
    windows[windows.len() / 2]
}

/// The 99th of a hundred.
pub(crate) fn p99(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took[(took.len() * 99).div_ceil(100) - 1]
}
