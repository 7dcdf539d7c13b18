//! Peers that break the rules: honest nodes hear news from each other as fast as before, keep their memory, and count
//! every refusal.

mod intruder;

use std::{future::Future, time::Duration};

use mosaik::{Network, discovery, iroh::EndpointAddr, primitives::encoding};
use tokio::{runtime::Runtime, time::Instant};

use self::intruder::{Intruder, Record};
use crate::node::{Ask, Node, NodeConfig, Place, Report, RuntimeDir, alone, hold};

/// Pieces of news of each measurement: the p99 is the slowest but one.
const NEWS: usize = 100;

/// Under this, the scheduler of a shared two-core machine is measured and not discovery.
const NOISE: Duration = Duration::from_millis(10);

/// A measurement that something else on the machine has disturbed is made again, this often.
const ATTEMPTS: usize = 3;

/// What an attack may add to the memory of a node.
const MEMORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// How long counts may lag behind the attack: the deadlines on silence are some seconds.
const COUNTED_WITHIN: Duration = Duration::from_secs(20);

/// Entries of an attack with entries.
const ENTRIES: usize = 10_000;

#[test]
fn peers_that_open_a_connection_or_a_stream_and_say_nothing() {
    let mut honest = Honest::start("hostile.silent");
    honest.stand(|network, to| async move {
        let mut held = Vec::new();
        for _ in 0..16 {
            let mute = Intruder::new(network).await;
            let connection = mute.connect(&to).await;
            held.push((mute, connection, None));

            let halting = Intruder::new(network).await;
            let Some(connection) = halting.greeted(&to).await else {
                continue;
            };
            let mut stream = connection.open_bi().await.ok();
            if let Some((send, _)) = &mut stream {
                // The other side learns of a stream with its first byte.
                let _ = send.write_all(&[0]).await;
            }
            held.push((halting, Some(connection), stream));
        }
        std::future::pending::<()>().await;
        drop(held);
    });
    honest.has_counted(&["hellos_missing", "headers_missing"]);
}

#[test]
fn a_peer_that_announces_a_frame_of_four_gibibytes() {
    let mut honest = Honest::start("hostile.oversize");
    honest.stand(|network, to| async move {
        loop {
            let intruder = Intruder::new(network).await;
            if let Some(mut link) = intruder.linked(&to).await {
                let _ = link.send.write_all(&[0xff; 64]).await;
                // Until the other side has ended the stream.
                let _ = link.receive.read_to_end(1024 * 1024).await;
            }
        }
    });
    honest.has_counted(&["frames_oversize"]);
}

#[test]
fn a_peer_that_sends_ten_thousand_forged_entries() {
    let mut honest = Honest::start("hostile.forged");
    let genuine = honest.genuine_entry();
    let attack = |network, to| {
        let genuine = genuine.clone();
        async move {
            let identities = send_entries(network, &to, |index| {
                // A newer version, under a signature that is not its own.
                let mut forged = genuine.clone();
                forged.version.1 += 1 + i64::try_from(index).expect("ten thousand");
                let byte = forged.signed.len() - 1 - index % 64;
                forged.signed[byte] ^= 1;
                forged
            })
            .await;
            // Whoever forges is cut off after a few entries; what it sent behind them nobody reads.
            identities
        }
    };
    honest.stand(&attack);
    honest.counts_to_the_end(attack);
}

#[test]
fn a_peer_that_replays_one_entry_ten_thousand_times() {
    let mut honest = Honest::start("hostile.replayed");
    let genuine = honest.genuine_entry();
    let attack = |network, to| {
        let genuine = genuine.clone();
        async move {
            send_entries(network, &to, |_| genuine.clone()).await;
            ENTRIES as u64
        }
    };
    honest.stand(&attack);
    honest.counts_to_the_end(attack);
}

#[test]
fn a_peer_that_never_reads() {
    let mut honest = Honest::start("hostile.deaf");
    honest.stand(|network, to| async move {
        loop {
            let intruder = Intruder::new(network).await;
            if let Some(mut link) = intruder.linked(&to).await {
                let mut nonce = 0;
                // Each ping is owed an answer that nobody takes.
                while link.write(&intruder::ping(nonce)).await.is_some() {
                    nonce += 1;
                    if nonce % 256 == 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            }
        }
    });
}

#[test]
fn a_node_whose_clock_is_an_hour_ahead() {
    let mut honest = Honest::start("hostile.ahead");
    let config = NodeConfig {
        clock_ahead_s: 3600,
        // It does not wait to be found.
        bootstrap: honest.addrs().to_vec(),
        ..NodeConfig::loopback("hostile.ahead")
    };
    let ahead = Node::start(Place::here(&honest.runtime_dir), &config);
    let id = ahead.id();
    honest.stand(|_, _| std::future::pending::<()>());
    honest.has_counted(&["ahead"]);
    for node in &honest.nodes {
        assert!(
            !node.view().catalog.contains_key(&id),
            "an entry from the future was taken"
        );
    }
}

/// Two honest nodes that know each other, in processes of their own.
struct Honest {
    network: &'static str,
    runtime_dir: RuntimeDir,
    nodes: [Node; 2],
    /// Runs what is in this process: a third honest peer, and attacks that end.
    runtime: Runtime,
    peer: Option<Network>,
    _alone: std::sync::MutexGuard<'static, ()>,
}

impl Honest {
    fn start(network: &'static str) -> Self {
        let alone = alone();
        let runtime_dir = RuntimeDir::new();
        let config = NodeConfig::loopback(network);
        let nodes = [(); 2].map(|()| Node::start(Place::here(&runtime_dir), &config));
        let ids = [nodes[0].id(), nodes[1].id()];
        for node in &nodes {
            node.wait_for_peers(&ids, Duration::from_secs(10));
        }
        let runtime = Runtime::new().expect("a runtime starts");
        Self {
            network,
            runtime_dir,
            nodes,
            runtime,
            peer: None,
            _alone: alone,
        }
    }

    /// Attacks both nodes, and checks that news between them travel as fast as before and that memory stays.
    fn stand<F, A>(&mut self, attack: F)
    where
        F: Fn(&'static str, EndpointAddr) -> A,
        A: Future<Output: Send> + Send + 'static,
    {
        let memory = self.nodes.each_ref().map(Node::resident_bytes);
        let mut measured = Vec::new();
        for _ in 0..ATTEMPTS {
            let quiet = self.p99_of_news();
            let attackers = Runtime::new().expect("a runtime starts");
            for addr in self.addrs() {
                attackers.spawn(attack(self.network, addr));
            }
            // Let it get going.
            hold(Duration::from_secs(1));
            let attacked = self.p99_of_news();
            attackers.shutdown_background();
            measured.push((quiet, attacked));
            if attacked <= quiet.max(NOISE) * 2 {
                break;
            }
        }
        println!(
            "{}: p99 of news, quiet and attacked: {measured:?}",
            self.network
        );
        let (quiet, attacked) = measured[measured.len() - 1];
        assert!(
            attacked <= quiet.max(NOISE) * 2,
            "slower under attack, each time: {measured:?}"
        );
        for (node, before) in self.nodes.iter().zip(memory) {
            let grown = node.resident_bytes().saturating_sub(before);
            println!("{}: memory grew by {} KiB", self.network, grown / 1024);
            assert!(
                grown <= MEMORY_BYTES_MAX,
                "{grown} bytes more than before the attack"
            );
        }
    }

    /// How long news take from one node to the other: the 99th percentile.
    fn p99_of_news(&mut self) -> Duration {
        let [speaker, listener] = &mut self.nodes;
        let id = speaker.id();
        let mut took = Vec::new();
        for tags in (0..NEWS).map(|index| 1 - index % 2) {
            let begin = Instant::now();
            speaker.ask(&if tags == 1 {
                Ask::AddTag("news".into())
            } else {
                Ask::RemoveTag("news".into())
            });
            listener.wait_for("to hear news", Duration::from_secs(10), |view| {
                view.catalog.get(&id).is_some_and(|peer| peer.tags == tags)
            });
            took.push(begin.elapsed());
        }
        took.sort();
        took[NEWS * 99 / 100 - 1]
    }

    fn addrs(&self) -> [EndpointAddr; 2] {
        self.nodes.each_ref().map(|node| match node.view().ready {
            Some(Report::Ready { addr, .. }) => addr,
            other => panic!("not a report of readiness: {other:?}"),
        })
    }

    /// An entry that both nodes hold, of a peer that has joined and stays.
    fn genuine_entry(&mut self) -> Record {
        let addrs = self.addrs();
        let entry = self.runtime.block_on(async {
            let discovery = discovery::Config::builder().no_auto_bootstrap();
            let builder = Network::builder(self.network)
                .loopback()
                .with_discovery(discovery);
            let peer = builder.build().await.expect("a loopback node can be built");
            for addr in addrs {
                peer.discovery()
                    .sync_with(addr)
                    .await
                    .expect("an honest node syncs");
            }
            let entry = peer.discovery().me();
            self.peer = Some(peer);
            entry
        });
        let version = entry.update_version().to_string();
        let (start, update) = version.split_once('.').expect("two numbers");
        Record {
            id: *entry.id().as_bytes(),
            version: (
                start.parse().expect("a number"),
                update.parse().expect("a number"),
            ),
            signed: encoding::try_serialize(&entry)
                .expect("an entry has an encoding")
                .to_vec(),
        }
    }

    /// Lets an attack with entries run to its end, and checks that at least as many refusals are counted as it says.
    fn counts_to_the_end<F, A>(&mut self, attack: F)
    where
        F: Fn(&'static str, EndpointAddr) -> A,
        A: Future<Output = u64>,
    {
        let before = self.refused();
        let addrs = self.addrs().into_iter();
        let least: u64 = addrs
            .map(|addr| self.runtime.block_on(attack(self.network, addr)))
            .sum();
        let end = Instant::now() + COUNTED_WITHIN;
        loop {
            let refused = self.refused() - before;
            if refused >= least {
                println!(
                    "{}: {refused} refusals counted, at least {least} expected",
                    self.network
                );
                return;
            }
            assert!(
                Instant::now() < end,
                "{refused} refusals counted, at least {least} expected"
            );
            hold(Duration::from_millis(100));
        }
    }

    /// Entries refused so far, by both nodes.
    fn refused(&mut self) -> u64 {
        self.nodes
            .iter_mut()
            .map(|node| node.stats().get("entries_refused").copied().unwrap_or(0))
            .sum()
    }

    /// Waits until each of `names` was counted, by one of the nodes at least.
    fn has_counted(&mut self, names: &[&str]) {
        let end = Instant::now() + COUNTED_WITHIN;
        for name in names {
            loop {
                let counts = self.nodes.each_mut().map(Node::stats);
                if counts
                    .iter()
                    .any(|counts| counts.get(*name).is_some_and(|count| *count > 0))
                {
                    break;
                }
                assert!(Instant::now() < end, "{name} was not counted: {counts:?}");
                hold(Duration::from_millis(100));
            }
        }
    }
}

/// Sends `ENTRIES` entries, under as many identities as it takes, and says how many: one that is cut off is no use any more.
async fn send_entries(network: &str, to: &EndpointAddr, entry: impl Fn(usize) -> Record) -> u64 {
    /// Entries of one message: some 32 KiB, as honest peers send them.
    const BATCH: usize = 64;
    let mut sent = 0;
    let mut identities = 0;
    while sent < ENTRIES {
        let intruder = Intruder::new(network).await;
        let Some(mut link) = intruder.linked(to).await else {
            continue;
        };
        identities += 1;
        while sent < ENTRIES {
            let batch: Vec<Record> = (sent..ENTRIES.min(sent + BATCH)).map(&entry).collect();
            if link.write(&intruder::records(&batch)).await.is_none() {
                break;
            }
            sent += batch.len();
        }
        let _ = link.send.finish();
        // Until the other side has read all of it, or has had enough.
        let _ = tokio::time::timeout(Duration::from_secs(5), link.send.stopped()).await;
    }
    identities
}
