//! What only real sockets can show.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc as blocking,
    },
    thread,
};

use iroh::{
    Endpoint, RelayMode,
    endpoint::{PortmapperConfig, presets::Minimal},
};

use super::super::{
    BindError, ConnectionEnd, OpenError, TransportStats, backend::PathKind, config::Limits,
    error::DialError, quic::QuicEndpoint,
};
use super::*;
use crate::runtime::Clock;

async fn pair() -> (Transport, Transport) {
    (World::Quic.node(1).await, World::Quic.node(2).await)
}

#[tokio::test]
async fn binding_needs_no_network_and_little_time() {
    let started = Clock::system().now();
    let mut config = World::Quic.config(SecretKey::generate());
    config.loopback = false;
    config.relay_mode = RelayMode::Disabled;
    let alice = Transport::bind(config).await.unwrap();
    let took = Clock::system().now() - started;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(!alice.local_addr().is_empty());
    assert_eq!(*alice.addr_changes().borrow(), alice.local_addr());
    let bob = World::Quic.node(2).await;
    serve_echo(&alice, ECHO);
    let mut link = within(bob.open(alice.local_id(), ECHO, Bytes::new()))
        .await
        .unwrap();
    round_trip(&mut link, "all interfaces include loopback").await;
    assert_eq!(bob.path(&alice.local_id()), Some(PathKind::Direct));
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let busy = holder.local_addr().unwrap();
    let mut config = World::Quic.config(SecretKey::generate());
    config.loopback = false;
    config.relay_mode = RelayMode::Disabled;
    config.addresses = [busy].into();
    let error = Transport::bind(config).await.unwrap_err();
    assert!(
        matches!(error, BindError::AddressInUse { address } if address == busy),
        "{error}"
    );
    assert!(error.to_string().contains(&busy.to_string()));
    assert!(error.is_retryable() && error.is_definite());
}

#[tokio::test]
async fn an_address_of_another_host_is_named() {
    let foreign: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let mut config = World::Quic.config(SecretKey::generate());
    config.loopback = false;
    config.relay_mode = RelayMode::Disabled;
    config.addresses = [foreign].into();
    let error = Transport::bind(config).await.unwrap_err();
    assert!(
        matches!(error, BindError::Address { address, .. } if address == foreign),
        "{error}"
    );
}

#[tokio::test]
async fn several_addresses_of_one_family_are_all_reachable() {
    let mut config = World::Quic.config(SecretKey::generate());
    config.loopback = false;
    config.relay_mode = RelayMode::Disabled;
    config.addresses = ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"]
        .map(|addr| addr.parse().unwrap())
        .into();
    let alice = Transport::bind(config).await.unwrap();
    serve_echo(&alice, ECHO);
    let addr = alice.local_addr();
    assert_eq!(addr.ip_addrs().count(), 3, "{addr:?}");
    for place in &addr.addrs {
        let bob = World::Quic.node(2).await;
        let addr = EndpointAddr::from_parts(addr.id, [place.clone()]);
        let mut link = within(bob.open(addr, ECHO, Bytes::new())).await.unwrap();
        round_trip(&mut link, "here too").await;
        bob.close(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn another_application_is_refused_before_the_handshake() {
    let (alice, _bob) = pair().await;
    let stranger = Endpoint::builder(Minimal)
        .relay_mode(RelayMode::Disabled)
        .portmapper_config(PortmapperConfig::Disabled)
        .bind_addr("127.0.0.1:0")
        .unwrap()
        .bind()
        .await
        .unwrap();
    let refused = within(stranger.connect(alice.local_addr(), b"another/1")).await;
    assert!(refused.is_err());
    let stats = alice.stats();
    assert_eq!(
        (stats.handshakes_refused_alpn, stats.handshakes_failed),
        (1, 0)
    );
    stranger.close().await;
}

#[tokio::test]
async fn a_frozen_process_is_noticed_within_seconds() {
    let (addr_tx, addr_rx) = blocking::sync_channel(1);
    let (release, released) = blocking::sync_channel::<()>(1);
    let frozen = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let transport = runtime.block_on(async {
            let transport = World::Quic.node(3).await;
            serve_echo(&transport, ECHO);
            addr_tx.send(transport.local_addr()).unwrap();
            eventually("somebody connects", || !transport.connected().is_empty()).await;
            time::sleep(Duration::from_millis(100)).await;
            transport
        });
        // Nobody drives the runtime now: nothing is read, nothing is acknowledged.
        let _ = released.recv();
        drop(transport);
    });
    let addr = addr_rx.recv().unwrap();
    let alice = World::Quic.node(1).await;
    let mut events = alice.peer_events();
    let mut link = alice.open(addr.clone(), ECHO, Bytes::new()).await.unwrap();
    assert_eq!(
        within(events.recv()).await,
        Ok(PeerEvent::Up { peer: addr.id })
    );
    let started = Clock::system().now();
    let down = within(events.recv()).await.unwrap();
    let took = Clock::system().now() - started;
    let reason = ConnectionEnd::TimedOut;
    assert_eq!(
        down,
        PeerEvent::Down {
            peer: addr.id,
            reason
        }
    );
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(within(link.recv()).await.is_err());
    release.send(()).unwrap();
    frozen.join().unwrap();
}

/// The QUIC implementation ends a connection when some 2,050 small packets wait unread in one stream. A reader that always
/// drains keeps it, whatever its consumer does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_takes_nothing_keeps_its_connection() {
    let (alice, bob) = pair().await;
    let mut links = serve_links(&bob, BULK);
    let link = alice
        .open(bob.local_addr(), BULK, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let theirs = within(links.recv()).await.unwrap();
    let count = 6_000u32;
    let reader = async {
        let (_sender, mut receiver) = theirs.split();
        let mut held = Vec::new();
        while held.len() < count as usize {
            let batch = within(receiver.recv_batch()).await.unwrap().unwrap();
            held.extend(batch.iter().map(<[u8]>::len));
        }
        held.len()
    };
    let writer = async {
        // Each in a packet of its own, as when a producer sends now and then.
        for number in 0..count {
            let mut frame = [0; 64];
            frame[..4].copy_from_slice(&number.to_be_bytes());
            sender.send(&frame).await.unwrap();
            if number % 5 == 0 {
                time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let (held, ()) = tokio::join!(reader, writer);
    assert_eq!(held, 6_000);
    assert_eq!(
        (
            alice.stats().connections_ended,
            bob.stats().connections_ended
        ),
        (0, 0)
    );
}

/// On the control lane the window is smaller than that limit, so even a reader that never reads costs only its own stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_stream_that_nobody_reads_keeps_its_connection() {
    let (alice, bob) = pair().await;
    let mut links = serve_links(&bob, ECHO);
    let link = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let _unread = within(links.recv()).await.unwrap();
    let mut sent = 0u32;
    loop {
        let writing = time::timeout(Duration::from_millis(500), sender.send(&[0; 64]));
        match writing.await {
            Ok(outcome) => outcome.unwrap(),
            Err(_) => break,
        }
        sent += 1;
        assert!(sent < 100_000, "the window never closed");
        time::sleep(Duration::from_micros(100)).await;
    }
    assert!(sent > 1_000, "{sent}");
    let mut other = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    other.send(b"others go on").await.unwrap();
    let mut theirs = within(links.recv()).await.unwrap();
    assert_eq!(
        within(theirs.recv()).await.unwrap().as_deref(),
        Some(&b"others go on"[..])
    );
    assert_eq!(alice.stats().connections_ended, 0);
}

type Limit = fn(&mut Limits);
type Count = fn(&TransportStats) -> u64;

#[tokio::test]
async fn handshakes_beyond_the_cap_are_refused() {
    let cases: [(Limit, Count); 2] = [
        (
            |limits| (limits.handshakes_max, limits.handshakes_waiting_max) = (0, 0),
            |stats| stats.handshakes_refused_busy,
        ),
        (
            |limits| limits.connections_max = 0,
            |stats| stats.handshakes_refused_connections,
        ),
    ];
    for (limit, count) in cases {
        let mut config = World::Quic.config(SecretKey::generate());
        limit(&mut config.limits);
        let full = Transport::bind(config).await.unwrap();
        let alice = World::Quic.node(1).await;
        let error = within(alice.open(full.local_addr(), ECHO, Bytes::new()))
            .await
            .unwrap_err();
        assert!(matches!(error, OpenError::Refused { .. }), "{error}");
        assert!(error.is_retryable() && error.is_definite());
        assert_eq!(count(&full.stats()), 1);
        assert_eq!(alice.stats().dials_failed, 1);
    }
}

/// A burst from one address is asked to prove it, and then served: honest crowds behind one address get in.
#[tokio::test]
async fn a_burst_of_handshakes_is_slowed_not_lost() {
    let mut config = World::Quic.config(SecretKey::generate());
    config.limits.handshake_burst = 8;
    config.limits.handshakes_per_second = 0;
    config.limits.handshakes_max = 2;
    let crowd = Transport::bind(config).await.unwrap();
    let config = World::Quic.config(SecretKey::generate());
    let raw = QuicEndpoint::bind(&config).await.unwrap();
    let dial = || raw.dial(crowd.local_addr(), Lane::Control);
    let conns = within(futures::future::join_all((0..16).map(|_| dial()))).await;
    assert!(conns.iter().all(Result::is_ok));
    let stats = crowd.stats();
    assert!(stats.handshakes_retried >= 8, "{stats:?}");
    assert_eq!(
        (stats.handshakes_refused_rate, stats.handshakes_refused_busy),
        (0, 0)
    );
    assert!(matches!(within(dial()).await, Err(DialError::Refused)));
    assert_eq!(crowd.stats().handshakes_refused_rate, 1);
    raw.close().await;
}

/// Counts what reaches a metrics recorder, by name.
#[derive(Default)]
struct Figures(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl metrics::Recorder for Figures {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        let mut figures = self.0.lock().unwrap();
        metrics::Counter::from_arc(Arc::clone(
            figures.entry(key.name().to_owned()).or_default(),
        ))
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(
        &self,
        _: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        metrics::Histogram::noop()
    }
}

#[test]
fn figures_have_the_names_of_the_specification() {
    let figures = Figures::default();
    let seen = Arc::clone(&figures.0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&figures, || {
        runtime.block_on(async {
            let (alice, bob) = pair().await;
            serve_echo(&bob, ECHO);
            let mut link = alice
                .open(bob.local_addr(), ECHO, Bytes::new())
                .await
                .unwrap();
            round_trip(&mut link, "counted").await;
        });
    });
    let seen = seen.lock().unwrap();
    let value = |name: &str| seen.get(name).map(|value| value.load(Ordering::Relaxed));
    assert_eq!(value("mosaik.network.connections.opened"), Some(2));
    assert!(value("mosaik.network.egress.bytes") > Some(20));
    assert!(value("mosaik.network.ingress.bytes") > Some(20));
}
