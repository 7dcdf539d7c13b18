//! Chats between real processes in terminals, through what is typed into them and what they show.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use pty_process::{
    Size,
    blocking::{self, Pty},
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

/// Somebody who sits in front of a terminal.
struct Participant {
    name: &'static str,
    child: Child,
    terminal: Arc<Pty>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Participant {
    fn start(host: &Host, name: &'static str) -> Self {
        let (terminal, end) = blocking::open().expect("a terminal");
        terminal.resize(Size::new(24, 80)).expect("it has a size");
        let child = blocking::Command::new(program())
            .args(["--local", "--nickname", name, "--room", "smoke"])
            .env("MOSAIK_RUNTIME_DIR", &host.0)
            .spawn(end)
            .expect("the example is built");
        let terminal = Arc::new(terminal);
        let (seen, lines) = channel();
        let screen = terminal.clone();
        std::thread::spawn(move || {
            // Reading fails when the program is gone.
            for line in BufReader::new(&*screen).lines().map_while(Result::ok) {
                if seen.send(line.trim_end().to_owned()).is_err() {
                    break;
                }
            }
        });
        Self {
            name,
            child,
            terminal,
            lines,
            seen: Vec::new(),
        }
    }

    fn types(&self, text: &str) {
        self.presses(&format!("{text}\n"));
    }

    fn presses(&self, keys: &str) {
        (&*self.terminal)
            .write_all(keys.as_bytes())
            .expect("the terminal takes it");
    }

    /// Waits until a line contains all these texts, also one that is there already.
    fn sees(&mut self, texts: &[&str]) {
        let deadline = Instant::now() + SOON;
        while self.count(texts) == 0 {
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

    /// How many lines contain all these texts.
    fn count(&self, texts: &[&str]) -> usize {
        let holds = |line: &&String| texts.iter().all(|text| line.contains(text));
        self.seen.iter().filter(holds).count()
    }

    /// The texts of somebody's messages, in the order in which they were shown.
    fn heard_from(&self, name: &str) -> Vec<String> {
        let said = |line: &String| {
            let (from, text) = line.split_once(": ")?;
            from.contains(name).then(|| text.to_owned())
        };
        self.seen.iter().filter_map(said).collect()
    }

    /// Ends at once, without a chance to say anything.
    fn dies(mut self) {
        self.child.kill().expect("it is our child");
        let status = self.child.wait().expect("it is our child");
        assert!(!status.success(), "{}: {status}", self.name);
    }

    /// Presses these keys, and waits for the end.
    fn leaves(mut self, keys: &str) {
        self.presses(keys);
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

const CTRL_C: &str = "\x03";

/// The end of what is typed.
const CTRL_D: &str = "\x04";

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

    alice.leaves(CTRL_C);
    for participant in [&mut bob, &mut carol] {
        participant.sees(&["* ", "Alice", "left"]);
    }
    carol.types("still here");
    bob.sees(&["Carol", ": still here"]);
    bob.types("me too");
    carol.sees(&["Bob", ": me too"]);
    let mut dave = Participant::start(&host, "Dave");
    dave.sees(&["--- 3 participant(s) ---"]);
    dave.sees(&["--- start typing"]);
    assert_eq!(dave.heard_from("Alice"), ["hello from here"]);
    assert_eq!(dave.heard_from("Bob"), ["and from there", "me too"]);
    assert_eq!(dave.heard_from("Carol"), ["still here"]);
    assert_eq!(bob.heard_from("Alice"), ["hello from here"], "shown once");
}

/// What was typed before one leaves is said, in order and once.
#[test]
fn nothing_is_lost_when_one_leaves() {
    let host = Host::new("leave");
    let [alice, mut bob, mut carol] = three(&host);
    let said: Vec<String> = (1..=20).map(|line| format!("line {line}.")).collect();
    for text in &said {
        alice.types(text);
    }
    alice.leaves(CTRL_D);
    for participant in [&mut bob, &mut carol] {
        participant.sees(&["* ", "Alice", "left"]);
        participant.sees(&["Alice", ": line 20."]);
        assert_eq!(
            participant.heard_from("Alice"),
            said,
            "{}",
            participant.name
        );
    }
    let mut dave = Participant::start(&host, "Dave");
    dave.sees(&["--- start typing"]);
    assert_eq!(dave.heard_from("Alice"), said);
    dave.types("we go on");
    carol.sees(&["Dave", ": we go on"]);
}

/// Alice, Bob and Carol, who see each other.
fn three(host: &Host) -> [Participant; 3] {
    let names = ["Alice", "Bob", "Carol"];
    let mut all = names.map(|name| Participant::start(host, name));
    for participant in &mut all {
        participant.sees(&["--- start typing, Ctrl-C to quit ---"]);
        for name in names {
            participant.sees(&[name]);
        }
    }
    all
}

/// One of three is killed, without a word: it vanishes from the others' list, and they go on.
#[test]
fn the_others_go_on_when_one_is_killed() {
    let host = Host::new("killed");
    let [mut alice, mut bob, mut carol] = three(&host);
    alice.types("soon gone");
    bob.types("here");
    carol.types("here too");
    for participant in [&mut alice, &mut bob, &mut carol] {
        participant.sees(&["Alice", ": soon gone"]);
        participant.sees(&["Bob", ": here"]);
        participant.sees(&["Carol", ": here too"]);
    }
    // Until they vote, she alone may hold the history.
    for participant in [&mut alice, &mut bob, &mut carol] {
        participant.sees(&["--- whoever vanishes now, the room stays ---"]);
    }
    alice.dies();
    // What is typed before anybody has noticed is said as soon as the others agree without her.
    bob.types("is she there?");
    for participant in [&mut bob, &mut carol] {
        participant.sees(&["Bob", ": is she there?"]);
        participant.sees(&["* ", "Alice", "left"]);
    }
    carol.types("no, but we are");
    bob.sees(&["Carol", ": no, but we are"]);
    let mut dave = Participant::start(&host, "Dave");
    dave.sees(&["--- 3 participant(s) ---"]);
    dave.sees(&["--- start typing"]);
    assert_eq!(dave.heard_from("Alice"), ["soon gone"]);
    assert_eq!(dave.heard_from("Bob"), ["here", "is she there?"]);
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
const SOON: Duration = Duration::from_secs(30);
