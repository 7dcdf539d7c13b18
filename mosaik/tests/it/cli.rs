//! The `mosaik` command, run as a user runs it.

use std::{
    io::{BufRead as _, BufReader},
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use mosaik::{Network, NetworkId};

use crate::scratch::Scratch;

pub(crate) fn mosaik(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mosaik"));
    command
        .args(args)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// Exit code 2, and one line on stderr with everything in `names`.
pub(crate) fn assert_refused(args: &[&str], names: &[&str]) -> String {
    let output = mosaik(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    for name in names {
        assert!(
            stderr.contains(name),
            "{args:?} should name {name}: {stderr}"
        );
    }
    stderr
}

#[test]
fn mistakes_in_the_arguments() {
    let beacon = |more: &[&'static str]| [&["beacon", "--loopback"], more].concat();
    let id_with_63_digits = "a".repeat(63);
    let cases: [(Vec<&str>, &[&str]); 11] = [
        (vec![], &["--help"]),
        (vec!["bacon"], &["'bacon'", "'beacon'"]),
        (vec!["--loud"], &["'--loud'"]),
        (beacon(&[]), &["--network <NETWORK>"]),
        (
            beacon(&["-n", "x", "--per", "y"]),
            &["'--per'", "'--peers'"],
        ),
        (
            beacon(&["-n", "x", "-p", "xyz"]),
            &["'xyz'", "--peers", "64 hex digits"],
        ),
        (beacon(&["-n", ""]), &["--network"]),
        (
            vec!["beacon", "-n", &id_with_63_digits],
            &["63 hex digits", "64"],
        ),
        (beacon(&["-n", "x", "-s", ""]), &["--secret"]),
        (
            vec!["beacon", "-n", "x", "--bind", "here"],
            &["'here'", "--bind"],
        ),
        (
            vec!["dht", "-n", "x", "--check-status=maybe"],
            &["'maybe'", "--check-status"],
        ),
    ];
    for (args, names) in cases {
        assert_refused(&args, names);
    }
}

#[test]
fn a_busy_port() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    assert_refused(
        &["beacon", "-n", "x", "--no-relay", "--bind", &address],
        &[&address],
    );
}

#[test]
fn an_unreadable_key_file() {
    let scratch = Scratch::new();
    let key = scratch.path().join("key");
    std::fs::create_dir_all(&key).unwrap();
    let data_dir = scratch.path().to_str().unwrap();
    assert_refused(
        &["beacon", "--loopback", "-n", "x", "--data-dir", data_dir],
        &["cannot read the key file", key.to_str().unwrap()],
    );
}

#[tokio::test]
async fn a_directory_of_another_network() {
    let scratch = Scratch::new();
    let network = Network::builder("one")
        .loopback()
        .with_data_dir(scratch.path());
    let network = network.build().await.unwrap();
    network.shutdown(Duration::from_secs(5)).await.unwrap();
    let data_dir = scratch.path().to_str().unwrap();
    let (one, two) = (
        NetworkId::from("one").to_string(),
        NetworkId::from("two").to_string(),
    );
    assert_refused(
        &["beacon", "--loopback", "-n", "two", "--data-dir", data_dir],
        &[data_dir, &one, &two],
    );
}

#[test]
fn a_peer_of_another_network() {
    let scratch = Scratch::new();
    let (_beacon, said) = start_beacon(scratch.path(), "one", &[]);
    let word = |start: &str| {
        said.iter()
            .find_map(|line| line.strip_prefix(start))
            .unwrap()
    };
    let peer = format!("{}@{}", word("  peer id: "), word("  ips    : "));
    let (one, two) = (
        NetworkId::from("one").to_string(),
        NetworkId::from("two").to_string(),
    );
    assert_refused(
        &["beacon", "--loopback", "-n", "two", "--peers", &peer],
        &[word("  peer id: "), &one, &two, "--network"],
    );
}

#[test]
fn help_and_version_are_answers() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["beacon", "--help"],
        &["dht", "--help"],
    ] {
        let Output {
            status,
            stdout,
            stderr,
        } = mosaik(args).output().unwrap();
        assert!(
            status.success() && !stdout.is_empty() && stderr.is_empty(),
            "{args:?}"
        );
    }
}

/// Ends the process when the test does, however that is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_beacon(runtime_dir: &Path, network: &str, more: &[&str]) -> (Running, Vec<String>) {
    let args = [&["beacon", "--loopback", "-n", network], more].concat();
    let child = mosaik(&args)
        .env("MOSAIK_RUNTIME_DIR", runtime_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let stdout = BufReader::new(running.0.stdout.take().unwrap());
    let lines = stdout.lines().map(Result::unwrap);
    let mut said = Vec::new();
    for line in lines {
        let is_last = line.starts_with("Hit Ctrl+C");
        said.push(line);
        if is_last {
            break;
        }
    }
    (running, said)
}

#[cfg(unix)]
#[test]
fn a_beacon_says_what_it_is_and_stops_when_told() {
    let scratch = Scratch::new();
    let (mut beacon, said) = start_beacon(scratch.path(), "beacon-test", &["--secret", "s"]);
    let network = NetworkId::from("beacon-test");
    let tag = NetworkId::from("beacon-node");
    let id = mosaik::SecretKey::from(mosaik::Digest::from("s")).public();
    let (ips, rest): (Vec<_>, Vec<_>) = said
        .into_iter()
        .partition(|line| line.starts_with("  ips    : 127.0.0.1:"));
    assert_eq!(ips.len(), 1, "{rest:?}");
    assert_eq!(
        rest,
        [
            "Starting beacon node with the following configuration:".to_owned(),
            format!("  network: {network}"),
            format!("  peer id: {id}"),
            format!("  tags   : {tag}"),
            "  peers  : none".to_owned(),
            "  relays : disabled".to_owned(),
            String::new(),
            "Hit Ctrl+C to stop the node.".to_owned(),
        ]
    );

    let start = Instant::now();
    let told = Command::new("kill")
        .args(["-TERM", &beacon.0.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    let status = beacon.0.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn beacons_share_no_directory() {
    let scratch = Scratch::new();
    let data_dir = scratch.path().join("data");
    let data_dir = data_dir.to_str().unwrap();
    let (beacon, _) = start_beacon(scratch.path(), "x", &["--data-dir", data_dir]);
    let process = format!("process {}", beacon.0.id());
    assert_refused(
        &["beacon", "--loopback", "-n", "x", "--data-dir", data_dir],
        &[data_dir, &process],
    );
}

#[cfg(feature = "dht")]
#[test]
fn dht_exits_with_1_when_nothing_is_found() {
    // Nobody answers there, so the DHT is empty.
    let nowhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    let node = nowhere.local_addr().unwrap().to_string();
    let args = [
        "dht",
        "-n",
        "x",
        "--check-status=false",
        "-t",
        "1",
        "--dht-node",
        &node,
    ];
    let Output {
        status,
        stdout,
        stderr,
    } = mosaik(&args).output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    assert_eq!(status.code(), Some(1), "{stdout}{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let lines: Vec<&str> = stdout.lines().collect();
    let network = NetworkId::from("x");
    assert_eq!(
        lines[0],
        format!("DHT bootstrap chain for network {network}:")
    );
    assert_eq!((lines[2], lines[17]), (" 0: empty", "15: empty"));
    assert_eq!(lines[19], "  summary: 0/16 slots occupied");
    assert_eq!(lines.len(), 20, "the status was not asked for: {stdout}");
}

#[cfg(feature = "dht")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dht_shows_who_is_there() {
    let scratch = Scratch::new();
    let testnet = n0_mainline::Testnet::new(5).await.unwrap();
    let node = testnet.bootstrap[0].as_str();
    let network = Scratch::unique();
    let (_beacon, said) = start_beacon(scratch.path(), &network, &["--dht-node", node]);
    let word = |start: &str| {
        said.iter()
            .find_map(|line| line.strip_prefix(start))
            .unwrap()
    };

    let ask = |more: &[&str]| {
        let args = [
            "dht",
            "-n",
            &network,
            "--no-relay",
            "-t",
            "5",
            "--dht-node",
            node,
        ];
        let Output { status, stdout, .. } = mosaik(&[&args, more].concat()).output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap())
    };
    let give_up_at = Instant::now() + Duration::from_secs(30);
    let (code, stdout) = loop {
        let (code, stdout) = ask(&[]);
        if code == Some(0) || Instant::now() > give_up_at {
            break (code, stdout);
        }
    };
    assert_eq!(code, Some(0), "{stdout}");
    assert!(
        stdout.contains(&format!(": {}\n      timestamp: ", word("  peer id: "))),
        "{stdout}"
    );
    assert!(
        stdout.contains(&format!("      address  : {}\n", word("  ips    : "))),
        "{stdout}"
    );
    assert!(
        stdout.contains("      status   : healthy (uptime: "),
        "{stdout}"
    );
    let summary = "  summary: 1/16 slots occupied\n           1 healthy, 0 unhealthy\n";
    assert!(stdout.ends_with(summary), "{stdout}");

    let (code, stdout) = ask(&["--check-status=false"]);
    assert_eq!(code, Some(0), "{stdout}");
    assert!(
        stdout.ends_with("  summary: 1/16 slots occupied\n"),
        "{stdout}"
    );
    assert!(!stdout.contains("status"), "{stdout}");
}
