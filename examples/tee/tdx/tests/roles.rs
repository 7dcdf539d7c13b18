//! Both roles as processes of this host, with the simulated platform.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tdx-example");

/// A folder of this test, removed with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tdx-example-{}-{name}", std::process::id()));
        // Nodes meet there, and only where nobody else can write.
        let mut folder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&path).expect("a new folder");
        Self(path)
    }

    /// Registers of which the third differs.
    fn registers(&self, rtmr2: &str) -> PathBuf {
        let path = self.0.join(format!("registers-{rtmr2}"));
        let text: String = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"]
            .map(|name| {
                let digits = if name == "rtmr2" { rtmr2 } else { "11" };
                format!("{name} {}\n", digits.repeat(48))
            })
            .concat();
        std::fs::write(&path, text).expect("a new file");
        path
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str], registers: (&str, &Path), runtime: &Path) -> Process {
    let child = Command::new(PROGRAM)
        .args(["--simulate", "--loopback"])
        .args(arguments)
        .arg(registers.0)
        .arg(registers.1)
        .env("MOSAIK_RUNTIME_DIR", runtime)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program is built");
    Process(child)
}

#[test]
fn only_the_expected_image_is_served() {
    let folder = Folder::new("roles");
    let (expected, other) = (folder.registers("22"), folder.registers("33"));
    let network = format!("tdx-example-{}", std::process::id());
    let mut producer = start(&["-n", &network], ("--expect", &expected), &folder.0);
    let mut lines = BufReader::new(producer.0.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let peer = lines
        .find_map(|line| line.strip_prefix("peer ").map(str::to_owned))
        .expect("the producer says who it is");
    // Somebody has to read what it says, or it stops when the pipe is full.
    let reader = std::thread::spawn(move || lines.collect::<Vec<_>>());

    let patience = ["-n", &network, "-b", &peer, "--receive", "2", "--patience"];
    let consume = |seconds, registers: &Path| {
        let arguments: Vec<&str> = patience.iter().copied().chain([seconds]).collect();
        let mut consumer = start(&arguments, ("--registers", registers), &folder.0);
        let output = consumer.0.stdout.take().unwrap();
        let lines: Vec<_> = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .collect();
        (consumer.0.wait().unwrap().code(), lines)
    };
    let (code, lines) = consume("60", &expected);
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("received secret "))
            .count(),
        2,
        "{lines:#?}"
    );

    let (code, lines) = consume("6", &other);
    assert_eq!(code, Some(3), "{lines:#?}");
    assert!(
        !lines.iter().any(|line| line.contains("secret")),
        "{lines:#?}"
    );

    drop(producer);
    let admitted = reader
        .join()
        .unwrap()
        .iter()
        .filter(|line| line.starts_with("admitted"))
        .count();
    assert_eq!(admitted, 1);
}
