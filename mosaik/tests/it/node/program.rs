//! The node itself, as the child process of a test.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, Write},
    time::Duration,
};

use mosaik::{Network, PeerId, SecretKey, Tag, discovery, iroh::RelayMode};
use tokio::{sync::mpsc, time::Instant};

use super::{
    member::{Membership, NEWS_INTERVAL},
    report::{Ask, MARK, NodeConfig, PeerReport, Report},
};

/// Runs only `node_process` of this test binary, and lets it print.
pub(super) const ARGUMENTS: [&str; 4] = [
    "--exact",
    "node::program::node_process",
    "--ignored",
    "--nocapture",
];

/// Carries the `NodeConfig` as JSON.
pub(super) const CONFIG_VARIABLE: &str = "MOSAIK_IT_NODE";

/// How stale a report of health may be.
const HEALTH_INTERVAL: Duration = Duration::from_millis(50);

#[test]
#[ignore = "not a test: the program that tests on processes start as their child"]
fn node_process() {
    run_if_child();
}

/// Becomes a node, and never returns, in a process that `Node::start` started.
pub(crate) fn run_if_child() {
    let Ok(config) = std::env::var(CONFIG_VARIABLE) else {
        return;
    };
    let config: NodeConfig = serde_json::from_str(&config).expect("the test wrote it");
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    // One thread: a node that mostly waits pays for every wake-up of another worker.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(run(config));
    // The thread that reads stdin cannot be joined.
    std::process::exit(0);
}

async fn run(config: NodeConfig) {
    let watches_health = config.health;
    let group_of = config.group_of;
    let begin = Instant::now();
    let network = build(config).await;
    let build_ms = begin.elapsed().as_secs_f64() * 1000.0;
    say(&Report::Ready {
        addr: network.local().addr(),
        build_ms,
    });

    let mut asks = read_asks();
    let (answers, mut answered) = mpsc::channel(64);
    let mut membership =
        group_of.map(|founders| Membership::new(&network, founders, answers.clone()));
    let mut look_at_group = tokio::time::interval(NEWS_INTERVAL);
    let mut catalogs = network.discovery().catalog_watch();
    let mut look_at_health = tokio::time::interval(HEALTH_INTERVAL);
    let mut healths = BTreeMap::new();
    say_catalog(&catalogs.borrow_and_update());
    loop {
        tokio::select! {
            changed = catalogs.changed() => match changed {
                Ok(()) => say_catalog(&catalogs.borrow_and_update()),
                Err(_) => return,
            },
            _ = look_at_health.tick(), if watches_health => {
                let now = healths_of_peers(&network);
                if now != healths {
                    healths.clone_from(&now);
                    say(&Report::Health { peers: now });
                }
            }
            _ = look_at_group.tick(), if membership.is_some() => {
                membership.as_mut().and_then(Membership::news).iter().for_each(say);
            }
            Some(answer) = answered.recv() => say(&answer),
            ask = asks.recv() => match ask {
                Some(Ask::Mark(mark)) => {
                    membership.as_ref().expect("the test asked for a group").mark(mark);
                }
                Some(Ask::AddTag(tag)) => network.discovery().add_tags(tag.as_str()),
                Some(Ask::RemoveTag(tag)) => network.discovery().remove_tags(tag.as_str()),
                Some(Ask::Stats) => say(&Report::Stats { counts: counts(&network) }),
                // The end of the input is the end of the test.
                Some(Ask::Shutdown) | None => {
                    let _ = network.shutdown(Duration::from_secs(2)).await;
                    return;
                }
            },
        }
    }
}

fn say_catalog(catalog: &discovery::Catalog) {
    let peers = catalog.iter().map(|entry| {
        let version = entry.update_version().to_string();
        (
            *entry.id(),
            PeerReport {
                version,
                tags: entry.tags().len(),
            },
        )
    });
    say(&Report::Catalog {
        peers: peers.collect(),
    });
}

fn healths_of_peers(network: &Network) -> BTreeMap<PeerId, String> {
    let catalog = network.discovery().catalog();
    let health = |id: &PeerId| {
        network
            .discovery()
            .health(id)
            .map(|health| format!("{health:?}"))
    };
    catalog
        .signed_peers()
        .filter_map(|entry| Some((*entry.id(), health(entry.id())?)))
        .collect()
}

/// Every `name: number` of the figures, as their `Debug` prints them, and the sum of the entries refused.
fn counts(network: &Network) -> BTreeMap<String, u64> {
    let discovery = network.discovery().stats();
    let text = format!("{:?} {discovery:?}", network.stats());
    let pairs = text
        .split(['{', '}', ','])
        .filter_map(|pair| pair.rsplit_once(':'));
    let count = |(name, number): (&str, &str)| {
        let name = name.trim().trim_matches('"').to_owned();
        Some((name, number.trim().parse().ok()?))
    };
    let refused = (
        "entries_refused".to_owned(),
        discovery.entries_refused.values().sum(),
    );
    pairs.filter_map(count).chain([refused]).collect()
}

async fn build(config: NodeConfig) -> Network {
    if config.plain {
        return Network::new(config.network.as_str())
            .await
            .expect("the node can be built");
    }
    let tags: Vec<Tag> = config
        .tags
        .iter()
        .map(|tag| Tag::from(tag.as_str()))
        .collect();
    let discovery = discovery::Config::builder()
        .with_bootstrap(config.bootstrap)
        .with_tags(tags)
        .with_no_auto_bootstrap(config.no_auto_bootstrap);
    let mut builder = Network::builder(config.network.as_str())
        .with_relay_mode(RelayMode::Disabled)
        .with_mdns_discovery(config.mdns)
        .with_discovery(discovery);
    if let Some(secret) = config.secret {
        builder = builder.with_secret_key(SecretKey::from_bytes(&secret));
    }
    if config.loopback {
        builder = builder.loopback();
    }
    if !config.addresses.is_empty() {
        builder = builder.with_addresses(config.addresses.into_iter().collect::<BTreeSet<_>>());
    }
    builder.build().await.expect("the node can be built")
}

fn say(report: &Report) {
    let line = serde_json::to_string(report).expect("plain values");
    // One write, so that no other output lands inside the line; a reader that is gone ends us by stdin.
    let _ = std::io::stdout()
        .lock()
        .write_all(format!("\n{MARK}{line}\n").as_bytes());
}

/// The lines of stdin. The channel closes at its end.
fn read_asks() -> mpsc::Receiver<Ask> {
    let (sender, receiver) = mpsc::channel(8);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let ask = serde_json::from_str(&line).expect("the test wrote it");
            if sender.blocking_send(ask).is_err() {
                return;
            }
        }
    });
    receiver
}
