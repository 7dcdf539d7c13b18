//! A node in a process of its own: start it anywhere, watch it, freeze it, kill it.
//!
//! The program is this test binary again (see `program`), so it can never be older than the test.

mod member;
pub(crate) mod program;
mod report;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mosaik::PeerId;
use tokio::time::Instant;

use crate::scratch::Scratch;

pub(crate) use report::{Ask, Mark, MemberReport, NodeConfig, PeerReport, Report};

/// Where a node runs: a network namespace or this host, and the rendezvous folder of that host.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: Option<&'a str>,
    pub(crate) runtime_dir: &'a RuntimeDir,
}

impl<'a> Place<'a> {
    pub(crate) fn here(runtime_dir: &'a RuntimeDir) -> Self {
        Self {
            namespace: None,
            runtime_dir,
        }
    }
}

/// A fresh rendezvous folder; nodes that share it are on one host. Removed on drop.
pub(crate) struct RuntimeDir(Scratch);

impl RuntimeDir {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let created = std::fs::DirBuilder::new()
            .mode(0o700)
            .create(scratch.path());
        created.expect("the temporary folder can be written");
        Self(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A running node. Dropping it kills the process.
pub(crate) struct Node {
    child: Child,
    stdin: ChildStdin,
    seen: Arc<Seen>,
    started: Instant,
}

#[derive(Default)]
struct Seen {
    view: Mutex<View>,
    changed: Condvar,
}

/// What a node has said about itself so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// Its id, address and how long `build()` took; once it is up.
    pub(crate) ready: Option<Report>,
    /// Its catalog, itself included.
    pub(crate) catalog: BTreeMap<PeerId, PeerReport>,
    /// What it thinks of each peer.
    pub(crate) health: BTreeMap<PeerId, String>,
    /// Its figures, as last asked for, and how often it has answered.
    pub(crate) stats: BTreeMap<String, u64>,
    stats_answers: usize,
    /// Its part in the group.
    pub(crate) member: MemberReport,
    /// What became of each mark, and after how many milliseconds.
    pub(crate) marked: BTreeMap<u64, (Mark, f64)>,
    /// Everything it printed, for the message of a test that fails.
    pub(crate) log: Vec<String>,
    /// Whether its output has ended.
    pub(crate) ended: bool,
}

impl Node {
    pub(crate) fn start(place: Place<'_>, config: &NodeConfig) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut command = match place.namespace {
            None => Command::new(program),
            Some(namespace) => {
                // `ip netns exec` becomes the program, so the child's id is the node's.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        let config = serde_json::to_string(config).expect("plain values");
        let mut child = command
            .args(program::ARGUMENTS)
            .env(program::CONFIG_VARIABLE, config)
            .env("MOSAIK_RUNTIME_DIR", place.runtime_dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let seen = Arc::new(Seen::default());
        let listener = Arc::clone(&seen);
        let started = Instant::now();
        std::thread::spawn(move || listener.listen(stdout, started));
        Self {
            child,
            stdin,
            seen,
            started,
        }
    }

    /// When the process was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the node is up; its id.
    pub(crate) fn id(&self) -> PeerId {
        let view = self.wait_for("to be up", Duration::from_secs(10), |view| {
            view.ready.is_some()
        });
        match view.ready {
            Some(Report::Ready { addr, .. }) => addr.id,
            other => panic!("not a report of readiness: {other:?}"),
        }
    }

    pub(crate) fn view(&self) -> View {
        self.seen.view.lock().expect("no reader panics").clone()
    }

    /// Waits until what the node says meets `met`, and panics with its log after `limit`.
    pub(crate) fn wait_for(
        &self,
        what: &str,
        limit: Duration,
        met: impl Fn(&View) -> bool,
    ) -> View {
        let view = self.seen.view.lock().expect("no reader panics");
        let wait = self
            .seen
            .changed
            .wait_timeout_while(view, limit, |view| !met(view));
        let (view, timeout) = wait.expect("no reader panics");
        if timeout.timed_out() {
            let mut text = format!(
                "waited {limit:?} for node {} {what}; it said:\n",
                self.pid()
            );
            for line in view.log.iter().rev().take(20).rev() {
                let _ = writeln!(text, "  {line}");
            }
            drop(view);
            panic!("{text}");
        }
        view.clone()
    }

    /// Waits until the node's catalog holds all of `peers`.
    pub(crate) fn wait_for_peers(&self, peers: &[PeerId], limit: Duration) {
        let what = format!("to know {} peers", peers.len());
        self.wait_for(&what, limit, |view| {
            peers.iter().all(|peer| view.catalog.contains_key(peer))
        });
    }

    pub(crate) fn ask(&mut self, ask: &Ask) {
        let line = serde_json::to_string(ask).expect("plain values");
        writeln!(self.stdin, "{line}").expect("the node reads its input");
    }

    /// The node's figures, now.
    pub(crate) fn stats(&mut self) -> BTreeMap<String, u64> {
        let before = self.view().stats_answers;
        self.ask(&Ask::Stats);
        let answered = |view: &View| view.stats_answers > before;
        self.wait_for("to give its figures", Duration::from_secs(10), answered)
            .stats
    }

    /// The memory that the process holds, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the node runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("a running process has memory") * 1024
    }

    /// Stops the process where it stands, as a debugger or a full machine would.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Ends the process without a word to anybody.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the node is our child");
        self.child.wait().expect("the node is our child");
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.is_ok_and(|status| status.success()), "{command}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A node that has already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Seen {
    /// Reads the node's output to its end.
    fn listen(&self, output: impl BufRead, started: Instant) {
        for line in output
            .lines()
            .map_while(Result::ok)
            .filter(|line| !line.is_empty())
        {
            let mut view = self.view.lock().expect("no reader panics");
            match line.strip_prefix(report::MARK).map(serde_json::from_str) {
                Some(Ok(Report::Catalog { peers })) => view.catalog = peers,
                Some(Ok(Report::Health { peers })) => view.health = peers,
                Some(Ok(Report::Stats { counts })) => {
                    view.stats = counts;
                    view.stats_answers += 1;
                }
                Some(Ok(Report::Member { member })) => view.member = member,
                Some(Ok(Report::Marked {
                    mark,
                    outcome,
                    after_ms,
                })) => {
                    view.marked.insert(mark, (outcome, after_ms));
                }
                Some(Ok(ready @ Report::Ready { .. })) => view.ready = Some(ready),
                // The test harness that the program runs under has its own lines.
                _ => {}
            }
            view.log
                .push(format!("{:8.3} s {line}", started.elapsed().as_secs_f64()));
            drop(view);
            self.changed.notify_all();
        }
        self.view.lock().expect("no reader panics").ended = true;
        self.changed.notify_all();
    }
}

/// Only one test at a time has processes on this machine: they measure time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed while it was alone leaves nothing behind.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets a fault last. The length of the fault is the input of the test, not a wait for something.
pub(crate) fn hold(fault: Duration) {
    let (_sender, receiver) = std::sync::mpsc::sync_channel::<()>(0);
    // Nobody sends and nobody hangs up: this always times out.
    let _ = receiver.recv_timeout(fault);
}
