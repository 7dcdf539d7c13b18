//! Discovery over real sockets on loopback: what the in-memory transport cannot show.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::*;
use crate::primitives::Digest;

/// Names the network and the directory of a child process of these tests.
const CHILD_ENV: &str = "MOSAIK_TEST_DISCOVERY_CHILD";

async fn start(network: &str, sources: Sources) -> Node {
    let tasks = Tasks::root("node");
    let secret_key = SecretKey::generate();
    let mut config = TransportConfig::new(network.into(), secret_key.clone());
    config.loopback = true;
    config.tasks = tasks.child("transport");
    let transport = Transport::bind(config).await.unwrap();
    let discovery = Discovery::start(Setup {
        network_id: network.into(),
        secret_key,
        transport: transport.clone(),
        config: Config::default(),
        sources,
        clock: Clock::system(),
        rng: Rng::from_os(),
        tasks: tasks.child("discovery"),
    })
    .unwrap();
    Node {
        discovery,
        transport,
        tasks,
    }
}

async fn stop(node: Node) {
    node.discovery.shutdown(Duration::from_secs(2)).await;
    node.transport.close(Duration::from_secs(1)).await;
    node.tasks.close(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_meet_share_and_part() {
    let network = Digest::random().to_string();
    let one = start(&network, Sources::none()).await;
    let two = start(&network, Sources::none()).await;
    two.discovery.dial(one.id()).await;
    until_acquainted(&[&one, &two]).await;
    one.discovery.add_tags("here");
    let took = until("a tag arrives", || {
        let catalog = two.discovery.catalog();
        catalog.get_signed(&one.id()) == Some(&one.discovery.me())
    })
    .await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    until("a round trip is measured", || {
        two.discovery
            .peer_info(&one.id())
            .is_some_and(|info| info.rtt().is_some())
    })
    .await;
    let gone = one.id();
    stop(one).await;
    until("the goodbye arrives", || {
        two.discovery.catalog().get(&gone).is_none()
    })
    .await;
    stop(two).await;
}

/// Starts nodes that nobody introduces, and says how long after the last start all knew all.
async fn acquaintance_of(count: usize) -> Duration {
    let network = Digest::random().to_string();
    let dir = std::env::temp_dir().join(format!("mosaik-test-{}", Digest::random()));
    let mut nodes = Vec::new();
    for _ in 0..count {
        let sources = Sources {
            runtime_dir: Some(dir.clone()),
            ..Sources::local()
        };
        nodes.push(start(&network, sources).await);
    }
    let took = until_acquainted(&nodes.iter().collect::<Vec<_>>()).await;
    for node in nodes {
        stop(node).await;
    }
    std::fs::remove_dir_all(&dir).unwrap();
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_nodes_of_one_process_find_each_other() {
    let took = acquaintance_of(10).await;
    println!("ten nodes: {took:?}");
    // One second on an idle machine; tests share theirs.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a core for seconds: cargo test -p mosaik --lib thirty_five_nodes_over -- --ignored --nocapture"]
async fn thirty_five_nodes_over_sockets_find_each_other() {
    for round in 0..5 {
        let took = acquaintance_of(35).await;
        println!("round {round}, thirty-five nodes: {took:?}");
    }
}

#[cfg(feature = "dht")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_meet_through_the_dht() {
    use crate::discovery::{bootstrap::DhtMode, dht};

    let testnet = n0_mainline::Testnet::new(5).await.unwrap();
    let network = Digest::random().to_string();
    let sources = || Sources {
        dht: DhtMode::Nodes(testnet.bootstrap.clone()),
        ..Sources::none()
    };
    let one = start(&network, sources()).await;
    let options = dht::DhtOptions {
        nodes: Some(testnet.bootstrap.clone()),
        timeout: Duration::from_secs(5),
    };
    let id = NetworkId::from(network.as_str());
    let deadline = Instant::now() + SOON;
    let record = loop {
        assert!(
            Instant::now() < deadline,
            "the first node never wrote its address"
        );
        let slots = dht::slots(id, &options).await.unwrap();
        assert_eq!(slots.len(), dht::SLOTS);
        let occupied = slots.into_iter().find_map(|slot| match slot {
            dht::Slot::Occupied(record) => Some(record),
            _ => None,
        });
        if let Some(record) = occupied {
            break record;
        }
    };
    assert_eq!(record.peer(), one.id());

    let two = start(&network, sources()).await;
    until_acquainted(&[&one, &two]).await;

    // The same question as the command line asks.
    let asking = start(&network, Sources::none()).await;
    let uptime = dht::check(&asking.discovery, &record, Duration::from_secs(5))
        .await
        .unwrap();
    assert!(uptime < Duration::from_secs(60));
    for node in [one, two, asking] {
        stop(node).await;
    }
}

/// A node in another process; killed when dropped.
struct Process(Child);

impl Process {
    fn start(network: &str, dir: &Path) -> Self {
        let test = "discovery::tests::sockets::a_node_for_another_process";
        let child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(CHILD_ENV, format!("{network}:{}", dir.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does nothing unless it was started by the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_for_another_process() {
    let Ok(plan) = std::env::var(CHILD_ENV) else {
        return;
    };
    let (network, dir) = plan.split_once(':').unwrap();
    let sources = Sources {
        runtime_dir: Some(dir.into()),
        ..Sources::local()
    };
    let node = start(network, sources).await;
    sleep(Duration::from_secs(60)).await;
    stop(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_of_a_user_find_each_other() {
    let network = Digest::random().to_string();
    let dir: PathBuf = std::env::temp_dir().join(format!("mosaik-test-{}", Digest::random()));
    let sources = Sources {
        runtime_dir: Some(dir.clone()),
        ..Sources::local()
    };
    let node = start(&network, sources).await;
    let cards = dir.join(NetworkId::from(network.as_str()).to_string());
    let card_count = || std::fs::read_dir(&cards).map_or(0, Iterator::count);
    until("the own card is there", || card_count() == 1).await;

    let other = Process::start(&network, &dir);
    until("the other process is known", || {
        node.discovery.catalog().signed_peers_count() == 1
    })
    .await;
    assert_eq!(card_count(), 2);

    // Killed, it cannot take its card back; the next look does.
    drop(other);
    until("the card of the dead is removed", || card_count() == 1).await;
    stop(node).await;
    assert_eq!(card_count(), 0);
    std::fs::remove_dir_all(&dir).unwrap();
}
