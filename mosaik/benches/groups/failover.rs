//! Leaders killed as processes are killed: how long until the next command is acknowledged.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mosaik::{Network, NetworkId, groups::Formation};

use crate::{
    figures::Figures,
    nodes::{Register, join},
};

/// Leaders killed.
const KILLS: usize = 50;

/// Carries the network's id to a child.
const VARIABLE: &str = "MOSAIK_BENCH_FAILOVER";

pub(crate) fn is_child() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// A member in a process of its own; says `leader` on each line of input if it leads, else `follower`.
pub(crate) fn child() {
    let network_id = std::env::var(VARIABLE).expect("the parent sets it");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async {
        let network = Network::builder(NetworkId::from(network_id.as_str()))
            .loopback()
            .build()
            .await
            .expect("a node starts");
        let group = join(&network, Formation::Expect(3));
        group.when().online().await;
        loop {
            let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next()).await;
            if !matches!(line, Ok(Some(Ok(_)))) {
                return;
            }
            let role = if group.is_leader() {
                "leader"
            } else {
                "follower"
            };
            println!("{role}");
            std::io::stdout().flush().expect("the parent reads");
        }
    });
}

/// A child process, killed when dropped.
struct Member {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Member {
    fn start(network_id: &NetworkId) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut process = Command::new(program)
            .env(VARIABLE, network_id.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Self { process, output }
    }

    fn leads(&mut self) -> bool {
        let input = self.process.stdin.as_mut().expect("stdin is piped");
        writeln!(input).expect("the member reads");
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .expect("the member answers");
        line.trim() == "leader"
    }

    fn kill(&mut self) {
        self.process.kill().expect("the member is our child");
        self.process.wait().expect("the member is our child");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) async fn measure() {
    let mut samples = Vec::new();
    let begin = Instant::now();
    while samples.len() < KILLS {
        let network_id = NetworkId::random();
        let mut members: Vec<Member> = (0..2).map(|_| Member::start(&network_id)).collect();
        let network = Network::builder(network_id)
            .loopback()
            .build()
            .await
            .expect("a node starts");
        let group = join(&network, Formation::Expect(3));
        group.when().online().await;
        group
            .execute(Register::command())
            .await
            .expect("three members are well");
        // Only a leader that is another process can be killed.
        if let Some(leader) = members
            .iter_mut()
            .find_map(|member| member.leads().then_some(member))
        {
            leader.kill();
            let killed = Instant::now();
            while group.execute(Register::command()).await.is_err() {}
            samples.push(killed.elapsed());
        }
        drop(group);
        // Whoever does not end in time is ended.
        let _ = network.shutdown(Duration::from_millis(500)).await;
    }
    let figures = Figures::of(samples, begin.elapsed());
    println!(
        "from the kill of a leader's process to the next acknowledged command, {KILLS} kills, microseconds"
    );
    println!("{:>11} {:>8} {:>8}", "rounds 1/s", "p50", "p99");
    println!("{figures}");
}
