//! What programs rely on when they compile: names, conversions, and what may be sent where.
//!
//! Everything here is written as a user would write it, with `use mosaik::*` alone.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Display},
    hash::Hash,
    net::SocketAddr,
    str::FromStr,
    time::Duration,
};

use mosaik::{tickets::Ticket, *};

mod of_collections;
mod of_groups;
#[cfg(feature = "tdx")]
mod of_tdx;

/// Ids in constants are of one type, whatever they are called.
const SALT: NetworkId = unique_id!("salt");
const TAG: Tag = id!("trusted");
const _: [UniqueId; 3] = [SALT, TAG, Digest::from_bytes([0; 32])];

fn is_thread_safe<T: Send + Sync + 'static>() {}
fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
fn is_id<T: Copy + Ord + Hash + Display + Debug + FromStr + serde::Serialize + Send + Sync>() {}
fn is_background_work<F: Future + Send + Sync + 'static>(future: F) -> F {
    future
}

#[test]
fn types_have_their_traits() {
    is_thread_safe::<Network>();
    is_thread_safe::<network::NetworkBuilder>();
    is_thread_safe::<network::NetworkConfig>();
    is_thread_safe::<network::LocalNode>();
    is_thread_safe::<discovery::Discovery>();
    is_thread_safe::<discovery::Catalog>();
    is_thread_safe::<discovery::Event>();
    is_error::<network::NetworkError>();
    is_error::<network::Error>();
    is_error::<network::error::Error>();
    is_error::<network::DataDirError>();
    is_error::<network::ShutdownError>();
    is_error::<discovery::Error>();
    is_error::<discovery::ConfigBuilderError>();
    is_id::<PeerId>();
    is_id::<network::PeerId>();
    is_id::<NetworkId>();
    is_id::<Digest>();

    fn is_clone<T: Clone + Debug + Display>() {}
    is_clone::<network::LocalNode>();
    fn is_default<T: Default>() {}
    is_default::<network::NetworkBuilder>();
    fn is_reason<T: network::CloseReason>() {}
    is_reason::<network::CloseCode>();
    fn is_config<T>()
    where
        T: Debug + Clone + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
    {
    }
    is_config::<discovery::Config>();
}

/// A network has one owner: two could not both decide when it ends.
#[test]
fn a_network_is_not_clone() {
    trait Otherwise {
        const IS_CLONE: bool = false;
    }
    impl<T> Otherwise for T {}
    struct Probe<T>(std::marker::PhantomData<T>);
    impl<T: Clone> Probe<T> {
        #[expect(
            dead_code,
            reason = "chosen only if the type is clone, which it must not be"
        )]
        const IS_CLONE: bool = true;
    }
    const { assert!(!Probe::<Network>::IS_CLONE) }
}

#[test]
fn a_builder_takes_what_users_have() {
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let _ = Network::builder("name");
    let _ = Network::builder(b"name".as_slice());
    let _ = Network::builder(SALT);
    let _ = Network::builder(SALT.derive("room"))
        .with_relay_mode(iroh::RelayMode::Disabled)
        .with_relay_mode(network::RelayMode::Default)
        .with_mdns_discovery(false)
        .with_addresses([address])
        .with_addresses(BTreeSet::from([address]))
        .with_secret_key([1; 32])
        .with_secret_key(Digest::from("seed"))
        .with_secret_key(SecretKey::from_bytes(&[1; 32]))
        .with_discovery(discovery::Config::builder().with_tags("trusted"))
        .with_data_dir("somewhere")
        .with_data_dir(std::path::Path::new("somewhere"));
}

#[test]
fn discovery_settings_take_one_or_many() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let (id, addr) = (key.public(), iroh::EndpointAddr::new(key.public()));
    let tags = |config: discovery::ConfigBuilder| config.build().unwrap().tags.len();
    let builder = discovery::Config::builder;
    assert_eq!(tags(builder().with_tags("a")), 1);
    assert_eq!(tags(builder().with_tags(["a", "b"])), 2);
    assert_eq!(tags(builder().with_tags(vec!["a"]).with_tags("b")), 2);
    assert_eq!(tags(builder().with_tags(Tag::from("x"))), 1);
    assert_eq!(tags(builder().with_tags(vec![TAG])), 1);
    assert_eq!(tags(builder().with_tags(Some("a"))), 1);
    let config = builder()
        .with_bootstrap(id)
        .with_bootstrap(vec![id])
        .with_bootstrap(addr.clone())
        .with_bootstrap(vec![addr])
        .with_events_backlog(10)
        .with_purge_after(Duration::from_secs(10))
        .with_max_time_drift(Duration::from_secs(10))
        .with_announce_interval(Duration::from_secs(10))
        .with_announce_jitter(0.1)
        .with_no_auto_bootstrap(true)
        .no_auto_bootstrap()
        .build()
        .unwrap();
    assert_eq!(config.bootstrap_peers_ids(), [id; 4]);
}

#[tokio::test]
async fn handles_do_what_users_write() {
    let network = Network::builder("public-api")
        .loopback()
        .with_discovery(
            discovery::Config::builder()
                .with_tags("trusted")
                .no_auto_bootstrap(),
        )
        .build()
        .await
        .unwrap();
    let nobody = SecretKey::from_bytes(&[9; 32]).public();
    let addr = iroh::EndpointAddr::new(nobody);

    let local: &network::LocalNode = network.local();
    let _: &iroh::Endpoint = local.endpoint();
    let _: iroh::EndpointAddr = local.addr();
    let _: &SecretKey = local.secret_key();

    let discovery: discovery::Discovery = network.discovery().clone();
    let me: discovery::SignedPeerEntry = discovery.me();
    assert!(me.tags().contains(&"trusted".into()));
    assert!(me.tags().contains(&TAG));
    discovery.add_tags("leader");
    discovery.add_tags(["a", "b"]);
    discovery.remove_tags("leader");
    assert_eq!(discovery.me().tags().len(), 3);
    discovery.add_ticket(Ticket::new("class".into(), Bytes::from_static(b"data")));
    assert!(
        discovery
            .me()
            .has_valid_ticket("class".into(), |bytes| bytes == b"data")
    );
    discovery.remove_tickets_of("class".into());
    assert_eq!(discovery.me().tickets().len(), 0);

    discovery.dial(nobody).await;
    discovery.dial(addr.clone()).await;
    discovery.dial([nobody, nobody]).await;
    discovery.dial(vec![addr.clone()]).await;
    drop(is_background_work(discovery.sync_with(nobody)));
    drop(is_background_work(discovery.sync_with(addr)));

    let catalog: discovery::Catalog = discovery.catalog();
    assert_eq!(catalog.local_id(), local.id());
    assert_eq!(catalog.network_id(), *network.network_id());
    assert_eq!(
        (catalog.peers_count(), catalog.signed_peers_count()),
        (0, 0)
    );
    assert_eq!(
        catalog.iter().next_back().map(discovery::PeerEntry::id),
        Some(&local.id())
    );
    assert!(catalog.get(&nobody).is_none() && catalog.get_signed(&nobody).is_none());
    let _: tokio::sync::watch::Receiver<discovery::Catalog> = discovery.catalog_watch();
    let _: tokio::sync::broadcast::Receiver<discovery::Event> = discovery.events();
    assert_eq!(
        format!("{discovery:?}").len(),
        "Discovery(network_id=)".len() + 10
    );
}

#[tokio::test]
async fn streams_are_named_at_the_root() {
    let _: [StreamId; 1] = [TAG];
    is_thread_safe::<streams::Streams>();
    is_thread_safe::<streams::Producer<String>>();
    is_thread_safe::<streams::Consumer<String>>();
    let _: Criteria = Criteria::default();
    let network = Network::builder("streams")
        .loopback()
        .with_streams(streams::Config::builder())
        .build()
        .await
        .unwrap();
    let producer = network.streams().produce::<String>();
    assert_eq!(
        producer.stream_id(),
        &<String as Datum>::derived_stream_id()
    );
    assert!(
        network
            .discovery()
            .me()
            .streams()
            .contains(producer.stream_id())
    );
    drop(is_background_work(producer.when().online()));
    network.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[test]
fn other_crates_are_reexported() {
    let _: Bytes = Bytes::new();
    let _: BytesMut = BytesMut::new();
    drop::<futures::future::Ready<()>>(futures::future::ready(()));
    let _: Signature = SecretKey::from_bytes(&[1; 32]).sign(b"");
    let _: iroh::endpoint::VarInt = iroh::endpoint::VarInt::from(10_403u32);
}
