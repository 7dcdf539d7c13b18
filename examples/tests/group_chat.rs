//! Chats between real processes, through what is typed into them and what they print.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// Cargo builds the examples of a package before its tests, beside them.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(2).expect("tests are in target/*/deps");
    target.join("examples/group-chat")
}

/// A folder by which the processes of one test find each other, and no others.
struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mosaik-chat-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Participant {
    name: &'static str,
    child: Child,
    keyboard: ChildStdin,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Participant {
    fn start(host: &Host, name: &'static str) -> Self {
        let mut child = command(&host.0)
            .args(["--nickname", name, "--room", "smoke"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built");
        let keyboard = child.stdin.take().expect("stdin is a pipe");
        let screen = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (seen, lines) = channel();
        std::thread::spawn(move || {
            for line in screen.lines().map_while(Result::ok) {
                if seen.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            name,
            child,
            keyboard,
            lines,
            seen: Vec::new(),
        }
    }

    fn types(&mut self, text: &str) {
        writeln!(self.keyboard, "{text}").expect("the program reads");
    }

    /// Waits until a line contains all these texts, also one that is there already.
    fn sees(&mut self, texts: &[&str]) {
        let deadline = Instant::now() + SOON;
        while !self.has_seen(texts) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!(
                    "{} did not see {texts:?}, but this:\n{}",
                    self.name,
                    self.seen.join("\n")
                ),
            }
        }
    }

    fn has_seen(&self, texts: &[&str]) -> bool {
        let holds = |line: &String| texts.iter().all(|text| line.contains(text));
        self.seen.iter().any(holds)
    }

    /// Presses Ctrl-C, and waits for the end.
    fn leaves(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill is there").success());
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                assert!(status.success(), "{}: {status}", self.name);
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} did not leave", self.name);
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(host: &Path) -> Command {
    let mut command = Command::new(program());
    command.arg("--local").env("MOSAIK_RUNTIME_DIR", host);
    command
}

/// Two start at the same instant, a third joins later, the first leaves: everybody has everything.
#[test]
fn a_room_without_a_server() {
    let host = Host::new("room");
    let mut alice = Participant::start(&host, "Alice");
    let mut bob = Participant::start(&host, "Bob");
    alice.sees(&["Joining room 'smoke' as", "Alice"]);
    alice.sees(&["local peer id: "]);
    for participant in [&mut alice, &mut bob] {
        participant.sees(&["--- start typing, Ctrl-C to quit ---"]);
        participant.sees(&["Alice"]);
        participant.sees(&["Bob"]);
    }
    alice.types("hello from here");
    bob.types("and from there");
    for participant in [&mut alice, &mut bob] {
        participant.sees(&["Alice", ": hello from here"]);
        participant.sees(&["Bob", ": and from there"]);
    }

    let mut carol = Participant::start(&host, "Carol");
    carol.sees(&["Alice", ": hello from here"]);
    carol.sees(&["Bob", ": and from there"]);
    bob.sees(&["* ", "Carol", "joined"]);

    alice.leaves();
    for participant in [&mut bob, &mut carol] {
        participant.sees(&["* ", "Alice", "left"]);
    }
    carol.types("still here");
    bob.sees(&["Carol", ": still here"]);
    bob.types("me too");
    carol.sees(&["Bob", ": me too"]);
    let mut dave = Participant::start(&host, "Dave");
    dave.sees(&["Alice", ": hello from here"]);
    dave.sees(&["Bob", ": me too"]);
}

#[test]
fn a_mistake_is_one_line_that_names_it() {
    let host = Host::new("mistakes");
    for (arguments, names) in [
        (["--color", "5"], "'5' for '--color <COLOR>'"),
        (["--peer", "xyz"], "'xyz' for '--peer <PEER>'"),
        (["--loud", "x"], "'--loud'"),
    ] {
        let output = command(&host.0)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the example is built");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(names), "{stderr}");
    }
}

/// Real processes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
