//! Peers that break the rules: honest nodes hear news from each other as fast as before, keep their memory, and count
//! every refusal.

mod deaf_consumer;

use std::time::Duration;

use mosaik::{Network, discovery, iroh::EndpointAddr};
use tokio::{runtime::Runtime, time::Instant};

use crate::{
    node::{Ask, Node, NodeConfig, Place, Report, RuntimeDir, alone, hold},
    siege::{Attack, BATCH, Plan, Record, Siege, Windows, p99},
};

/// Pieces of news of each window.
const NEWS: usize = 100;

/// Below this, news beside other tests measure the scheduler.
const NOISE: Duration = Duration::from_millis(10);

/// What an attack may add to the memory of a node.
const MEMORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// How long counts may lag behind the attack: the deadlines on silence are some seconds.
const COUNTED_WITHIN: Duration = Duration::from_secs(20);

/// Entries of an attack with entries, at each node.
const ENTRIES: u64 = 10_000;

/// 32 connections are held at each node, in each window anew.
#[test]
fn peers_that_open_a_connection_or_a_stream_and_say_nothing() {
    let mut honest = Honest::start("hostile.silent");
    let mut siege = honest.stands(Attack::Silence, 32, 5 * 2 * 32);
    // Silence is cut off after some seconds, and a window is shorter.
    siege.advance();
    honest.has_counted(&["hellos_missing", "headers_missing"]);
}

/// 20 a second at each node.
#[test]
fn a_peer_that_announces_a_frame_of_four_gibibytes() {
    let mut honest = Honest::start("hostile.oversize");
    honest.stands(Attack::Oversize, 20, 100);
    honest.has_counted(&["frames_oversize"]);
}

/// 2,000 entries a second at each node, each of which is counted.
#[test]
fn a_peer_that_sends_ten_thousand_forged_entries() {
    let mut honest = Honest::start("hostile.forged");
    let genuine = honest.genuine_entry();
    honest.counts_each(Attack::Forged(genuine));
}

/// 2,000 entries a second at each node, each of which is counted.
#[test]
fn a_peer_that_replays_one_entry_ten_thousand_times() {
    let mut honest = Honest::start("hostile.replayed");
    let genuine = honest.genuine_entry();
    honest.counts_each(Attack::Replayed(genuine));
}

/// One link at a time at each node, as full as it gets.
#[test]
fn a_peer_that_never_reads() {
    let mut honest = Honest::start("hostile.deaf");
    honest.stands(Attack::Deaf, 5, 10);
}

/// 20 announcements a second to each node.
#[test]
fn a_node_whose_clock_is_an_hour_ahead() {
    let mut honest = Honest::start("hostile.ahead");
    honest.stands(Attack::Ahead, 20, 100);
    honest.has_counted(&["ahead"]);
    for node in &honest.nodes {
        assert_eq!(
            node.view().catalog.len(),
            2,
            "an entry from the future was taken"
        );
    }
}

/// Two honest nodes that know each other, in processes of their own.
struct Honest {
    network: &'static str,
    _runtime_dir: RuntimeDir,
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
            _runtime_dir: runtime_dir,
            nodes,
            runtime,
            peer: None,
            _alone: alone,
        }
    }

    /// Attacks both nodes, and checks that news between them travel as fast as before and that memory stays.
    ///
    /// `per_second` is for each node, and `attempts` for both. The attackers are at rest afterwards.
    fn stands(&mut self, attack: Attack, per_second: u32, attempts: u64) -> Siege {
        let mut siege = Siege::prepare(&Plan {
            network: self.network.to_owned(),
            targets: self.addrs().to_vec(),
            attack,
            per_second,
        });
        let memory = self.nodes.each_ref().map(Node::resident_bytes);
        let mut grown_most = 0;
        Windows::within_twice(&mut siege, attempts, NOISE, |goes_on| {
            let p99 = self.p99_of_news(goes_on);
            for (node, before) in self.nodes.iter().zip(memory) {
                grown_most = grown_most.max(node.resident_bytes().saturating_sub(before));
            }
            p99
        });
        println!("{}: memory grew by {} KiB", self.network, grown_most / 1024);
        assert!(
            grown_most <= MEMORY_BYTES_MAX,
            "{grown_most} bytes more than before the attack"
        );
        siege
    }

    /// How long news take from one node to the other: the 99th percentile.
    fn p99_of_news(&mut self, goes_on: &dyn Fn() -> bool) -> Duration {
        let [speaker, listener] = &mut self.nodes;
        let id = speaker.id();
        let mut took = Vec::new();
        // In the end without the tag, as in the beginning.
        while took.len() < NEWS || goes_on() || took.len() % 2 == 1 {
            let tags = 1 - took.len() % 2;
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
        p99(&mut took)
    }

    /// An attack with entries: nothing slows down, and as many refusals are counted as entries were sent.
    fn counts_each(&mut self, attack: Attack) {
        let before = self.refused();
        let made = self.stands(attack, 2000, 2 * ENTRIES).tally().made;
        let end = Instant::now() + COUNTED_WITHIN;
        loop {
            let refused = self.refused() - before;
            if refused >= made {
                // The attackers do not count the messages that they did not see through.
                let unseen = u64::try_from(2 * BATCH * 15).expect("a small number");
                println!("{}: {made} sent, {refused} refused", self.network);
                assert!(refused <= made + unseen, "{refused} of {made} refused");
                return;
            }
            assert!(Instant::now() < end, "{refused} of {made} refused");
            hold(Duration::from_millis(100));
        }
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
        Record::of(&entry)
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
