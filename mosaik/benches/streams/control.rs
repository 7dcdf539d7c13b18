//! The two processes and what they tell each other.
//!
//! One line each way per step: the producer says what to consume and where, the consumer says `ready`
//! once every consumer is connected and then one line with what came of it.

use std::{process::Stdio, str::FromStr};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
};

use crate::{measure::Latency, ours, raw};

/// First argument of the process that consumes.
pub(crate) const CONSUME: &str = "--consume";

/// One case, as both processes know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Bytes of a datum.
    pub(crate) size: usize,
    /// Nodes that consume.
    pub(crate) consumers: usize,
    /// Datums that each of them gets.
    pub(crate) count: u64,
    /// Datums per second; 0 means as fast as it goes.
    pub(crate) rate: f64,
}

impl Order {
    fn to_words(self) -> String {
        format!(
            "{} {} {} {}",
            self.size, self.consumers, self.count, self.rate
        )
    }

    fn from_words(words: &[&str]) -> Self {
        Self {
            size: parse(words, 0),
            consumers: parse(words, 1),
            count: parse(words, 2),
            rate: parse(words, 3),
        }
    }
}

/// The other process, seen from the producer.
pub(crate) struct Child {
    process: tokio::process::Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Child {
    pub(crate) async fn start() -> Self {
        let program = std::env::current_exe().expect("the benchmark knows its own file");
        let mut process = Command::new(program)
            .arg(CONSUME)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the consuming process starts");
        let input = process.stdin.take().expect("its input was piped");
        let output = BufReader::new(process.stdout.take().expect("its output was piped")).lines();
        Self {
            process,
            input,
            output,
        }
    }

    /// Tells the consumer what to do; `target` is what it needs to find the producer.
    pub(crate) async fn order(&mut self, verb: &str, order: &Order, target: &str) {
        let line = format!("{verb} {} {target}\n", order.to_words());
        self.input
            .write_all(line.as_bytes())
            .await
            .expect("the consuming process reads");
    }

    pub(crate) async fn ready(&mut self) {
        assert_eq!(self.line().await, "ready", "every consumer connects");
    }

    /// Waits for the end of the case.
    pub(crate) async fn done(&mut self) -> Latency {
        let line = self.line().await;
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "done", "the consuming process finishes the case");
        Latency {
            p50_us: parse(&words, 1),
            p99_us: parse(&words, 2),
        }
    }

    pub(crate) async fn stop(mut self) {
        drop(self.input);
        let _ = self.process.wait().await;
    }

    async fn line(&mut self) -> String {
        self.output
            .next_line()
            .await
            .expect("the consuming process writes text")
            .expect("the consuming process is alive")
    }
}

/// The consuming process.
pub(crate) fn consume() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut input = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = input.next_line().await {
            let words: Vec<&str> = line.split(' ').collect();
            let order = Order::from_words(&words[1..]);
            let latency = match words[0] {
                "raw" => raw::consume(&order, words[5]).await,
                "ping" => raw::answer_pings(&order, words[5]).await,
                "ours" => ours::consume(&order, words[5]).await,
                verb => panic!("the producer says '{verb}'"),
            };
            println!("done {} {}", latency.p50_us, latency.p99_us);
        }
    });
}

/// What the consuming process says once it is connected.
pub(crate) fn say_ready() {
    println!("ready");
}

fn parse<T: FromStr>(words: &[&str], index: usize) -> T
where
    T::Err: std::fmt::Debug,
{
    words[index]
        .parse()
        .expect("the two processes speak one language")
}
