//! Opening and closing a network, and its directory.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use mosaik::{
    Network, NetworkId, PeerId, SecretKey,
    discovery::{self, Event},
    iroh::RelayUrl,
    network::{DataDirError, Error, NetworkBuilder},
    testing::{Clock, MemoryNet},
};
use tokio::{sync::broadcast, time::timeout};

use crate::scratch::Scratch;

/// Generous: the machine may be busy. Each test prints or checks its own figure.
const SOON: Duration = Duration::from_secs(10);

fn node(network_id: NetworkId) -> NetworkBuilder {
    Network::builder(network_id).loopback()
}

async fn open(network_id: NetworkId) -> Network {
    node(network_id).build().await.unwrap()
}

async fn knows(node: &Network, peer: PeerId) {
    let mut catalog = node.discovery().catalog_watch();
    let known = catalog.wait_for(|catalog| catalog.get_signed(&peer).is_some());
    timeout(SOON, known)
        .await
        .expect("the peer is discovered")
        .unwrap();
}

async fn departure(events: &mut broadcast::Receiver<Event>, peer: PeerId) {
    let departed = async { while events.recv().await.unwrap() != Event::PeerDeparted(peer) {} };
    timeout(SOON, departed)
        .await
        .expect("the departure is seen");
}

#[tokio::test]
async fn opens_at_once_and_waits_for_no_relay() {
    // Nothing listens there, so the relay never answers.
    let relay: RelayUrl = "https://127.0.0.1:1".parse().unwrap();
    let mut took = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        let network = node(NetworkId::random())
            .with_relays([relay.clone()])
            .build()
            .await
            .unwrap();
        took.push(start.elapsed());
        assert!(network.local().addr().ip_addrs().next().is_some());
        timeout(Duration::from_millis(100), network.online())
            .await
            .expect("online at once");
    }
    took.sort();
    println!(
        "Network::build without a relay: median {:?}, worst {:?}",
        took[3], took[6]
    );
    assert!(took[3] < Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn identity() {
    let network_id = NetworkId::from("identity");
    let key = SecretKey::from_bytes(&[7; 32]);
    let network = node(network_id)
        .with_secret_key(key.clone())
        .build()
        .await
        .unwrap();
    let local = network.local();

    assert_eq!(network.network_id(), &network_id);
    assert_eq!(local.network_id(), &network_id);
    assert_eq!(local.id(), key.public());
    assert_eq!(local.secret_key().to_bytes(), key.to_bytes());
    assert_eq!(local.addr().id, key.public());
    assert_eq!(local.endpoint().id(), key.public());
    assert_eq!(network.discovery().me().id(), &key.public());
    assert_eq!(local.to_string(), format!("LocalNode({})", key.public()));
    let debug = format!("{local:?}");
    assert!(
        debug.len() < 300 && debug.contains(&network_id.to_string()),
        "{debug}"
    );
    assert!(
        !format!("{:?}", network.config()).contains("7, 7, 7"),
        "the key is not printed"
    );

    let other = open(network_id).await;
    assert_ne!(other.local().id(), local.id());
}

#[tokio::test]
async fn a_builder_needs_a_network_id() {
    let error = NetworkBuilder::default()
        .loopback()
        .build()
        .await
        .err()
        .unwrap();
    assert!(matches!(error, Error::MissingNetworkId));
    assert!(
        error.to_string().starts_with("missing network id"),
        "{error}"
    );
    assert!(!error.is_retryable() && error.is_definite());
}

#[tokio::test]
async fn loopback_keeps_to_this_host_and_later_setters_win() {
    let network = open(NetworkId::random()).await;
    assert!(
        network
            .local()
            .addr()
            .ip_addrs()
            .all(|addr| addr.ip().is_loopback())
    );
    assert!(!network.config().mdns_discovery && !network.config().internet_discovery);

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let network = node(NetworkId::random())
        .with_addresses([address])
        .build()
        .await
        .unwrap();
    let addresses: Vec<SocketAddr> = network.local().addr().ip_addrs().copied().collect();
    assert_eq!(addresses, [address]);
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let error = node(NetworkId::random())
        .with_addresses([address])
        .build()
        .await
        .err()
        .unwrap();
    match &error {
        Error::AddressInUse { address: named } => assert_eq!(*named, address),
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn dropping_a_network_is_seen_by_its_peers() {
    let network_id = NetworkId::random();
    let (stays, leaves) = (open(network_id).await, open(network_id).await);
    let mut events = stays.discovery().events();
    let id = leaves.local().id();
    leaves.discovery().dial(stays.local().addr()).await;
    knows(&stays, id).await;

    let start = Instant::now();
    drop(leaves);
    departure(&mut events, id).await;
    println!("a dropped network is gone after {:?}", start.elapsed());
    assert!(stays.discovery().catalog().get_signed(&id).is_none());
}

#[tokio::test]
async fn shutdown_says_goodbye_once() {
    let network_id = NetworkId::random();
    let (stays, leaves) = (open(network_id).await, open(network_id).await);
    let mut events = stays.discovery().events();
    let id = leaves.local().id();
    leaves.discovery().dial(stays.local().addr()).await;
    knows(&stays, id).await;
    knows(&leaves, stays.local().id()).await;

    let report = leaves.shutdown(SOON).await.unwrap();
    println!("shutdown took {:?}", report.elapsed);
    assert_eq!(report.peers_count, 1);
    departure(&mut events, id).await;
    assert_eq!(
        leaves.shutdown(Duration::ZERO).await,
        Ok(report),
        "it was done before"
    );
    timeout(SOON, leaves.online())
        .await
        .expect("nothing waits for a closed network");
}

#[tokio::test]
async fn shutdown_keeps_its_deadline() {
    let network = open(NetworkId::random()).await;
    let start = Instant::now();
    let _ = network.shutdown(Duration::ZERO).await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn any_deadline_will_do() {
    let network = open(NetworkId::random()).await;
    network.shutdown(Duration::MAX).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_network_in_memory_lives_by_its_seed_and_clock() {
    let net = MemoryNet::new(7);
    let time = chrono::DateTime::from_timestamp(1_000_000_000, 0).unwrap();
    let member = |seed| {
        Network::builder("memory")
            .with_memory_net(&net)
            .with_seed(seed)
            .with_clock(Clock::starting_at(time))
    };
    let one = member(1).build().await.unwrap();
    let bootstrap = discovery::Config::builder().with_bootstrap(one.local().id());
    let two = member(2).with_discovery(bootstrap).build().await.unwrap();
    one.online().await;
    knows(&one, two.local().id()).await;
    knows(&two, one.local().id()).await;

    let age = one.discovery().me().updated_at() - time;
    assert!(age.num_seconds() < 100, "{age}");
    let id = two.local().id();
    two.shutdown(SOON).await.unwrap();
    let again = member(2).build().await.unwrap();
    assert_eq!(again.local().id(), id, "the key comes from the seed");
}

#[test]
fn a_network_may_outlive_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let network = runtime.block_on(open(NetworkId::random()));
    drop(runtime);
    drop(network);
}

#[tokio::test]
async fn a_node_comes_back_with_its_directory() {
    let scratch = Scratch::new();
    let network_id = NetworkId::random();
    let stays = open(network_id).await;

    let first = node(network_id)
        .with_data_dir(scratch.path())
        .build()
        .await
        .unwrap();
    let id = first.local().id();
    first.discovery().dial(stays.local().addr()).await;
    knows(&first, stays.local().id()).await;
    first.shutdown(SOON).await.unwrap();

    let peers = std::fs::read_to_string(scratch.path().join("bootstrap-peers")).unwrap();
    assert!(
        peers.starts_with(&stays.local().id().to_string()),
        "{peers}"
    );

    // The first handle is still there, but its network is closed.
    let second = node(network_id)
        .with_data_dir(scratch.path())
        .build()
        .await
        .unwrap();
    assert_eq!(second.local().id(), id);
    knows(&second, stays.local().id()).await;
    drop(first);

    // A dropped network lets go within a second or so, and opening waits that long.
    drop(second);
    let third = node(network_id)
        .with_data_dir(scratch.path())
        .build()
        .await
        .unwrap();
    assert_eq!(third.local().id(), id);
}

#[tokio::test]
async fn a_directory_serves_one_network_at_a_time() {
    let scratch = Scratch::new();
    let network_id = NetworkId::random();
    let network = node(network_id)
        .with_data_dir(scratch.path())
        .build()
        .await
        .unwrap();
    let error = node(network_id)
        .with_data_dir(scratch.path())
        .build()
        .await
        .err()
        .unwrap();
    match &error {
        Error::DataDir(DataDirError::InUse { path, process }) => {
            assert_eq!(
                (path.as_path(), *process),
                (scratch.path(), Some(std::process::id()))
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(error.is_retryable());
    network.shutdown(SOON).await.unwrap();

    let other = NetworkId::random();
    let error = node(other)
        .with_data_dir(scratch.path())
        .build()
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, Error::DataDir(DataDirError::OtherNetwork { .. })),
        "{error:?}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_malformed_key_file_is_an_error() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path()).unwrap();
    let key = scratch.path().join("key");
    std::fs::write(&key, "not a key").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let builder = node(NetworkId::random()).with_data_dir(scratch.path());
    let error = builder.build().await.err().unwrap();
    assert!(
        matches!(error, Error::DataDir(DataDirError::MalformedKey { .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains(key.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "not a key");
}

#[tokio::test]
async fn every_setter() {
    let addresses: BTreeSet<SocketAddr> = ["127.0.0.1:0".parse().unwrap()].into();
    let network = Network::builder("replaced")
        .with_network_id("every-setter")
        .with_addresses(addresses)
        .with_relay_mode(mosaik::network::RelayMode::Disabled)
        .with_relays(Vec::<RelayUrl>::new())
        .with_mdns_discovery(true)
        .with_mdns_discovery(false)
        .with_internet_discovery(false)
        .with_secret_key([3; 32])
        .with_discovery(
            discovery::Config::builder()
                .with_tags(["a", "b"])
                .no_auto_bootstrap(),
        )
        .build()
        .await
        .unwrap();
    assert_eq!(network.network_id(), &NetworkId::from("every-setter"));
    assert_eq!(
        network.local().id(),
        SecretKey::from_bytes(&[3; 32]).public()
    );
    assert_eq!(network.discovery().me().tags().len(), 2);
    assert!(matches!(
        network.config().relay_mode,
        mosaik::network::RelayMode::Disabled
    ));
}
