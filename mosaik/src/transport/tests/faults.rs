//! What the network in memory can do to peers, and how soon they notice.

use super::super::{Conditions, ConnectionEnd, OpenError};
use super::*;
use crate::runtime::{Clock, time::Instant};

fn now() -> Instant {
    Clock::system().now()
}

async fn trio(net: &MemoryNet) -> [Transport; 3] {
    let world = World::Memory(net.clone());
    let nodes = [
        world.node(1).await,
        world.node(2).await,
        world.node(3).await,
    ];
    for node in &nodes {
        serve_echo(node, ECHO);
        serve_echo(node, BULK);
    }
    nodes
}

async fn next_down(
    events: &mut tokio::sync::broadcast::Receiver<PeerEvent>,
) -> (PeerId, ConnectionEnd, Instant) {
    within(async {
        loop {
            if let PeerEvent::Down { peer, reason } = events.recv().await.unwrap() {
                return (peer, reason, now());
            }
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_killed_peer_is_noticed_within_the_idle_time() {
    let net = MemoryNet::new(1);
    let [alice, bob, carol] = trio(&net).await;
    let mut link = alice
        .open(bob.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let mut other = alice
        .open(carol.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let mut events = alice.peer_events();
    let killed = now();
    net.crash(bob.local_id());
    let (peer, reason, noticed) = next_down(&mut events).await;
    assert_eq!((peer, reason), (bob.local_id(), ConnectionEnd::TimedOut));
    assert_eq!((noticed - killed).as_millis() / 100, 50);
    assert_eq!(
        within(link.recv()).await,
        Err(LinkError::ConnectionEnded(ConnectionEnd::TimedOut))
    );
    round_trip(&mut other, "others are not affected").await;
    let started = now();
    let error = within(alice.open(bob.local_addr(), ECHO, Bytes::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::DialTimedOut { .. }), "{error}");
    assert_eq!((now() - started).as_secs(), 5);
    assert!(
        bob.open(carol.local_id(), ECHO, Bytes::new())
            .await
            .is_err(),
        "the dead do not dial"
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_restarts_is_back_at_once() {
    let net = MemoryNet::new(2);
    let [alice, bob, _carol] = trio(&net).await;
    let mut link = alice
        .open(bob.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let mut events = alice.peer_events();
    let peer = bob.local_id();
    net.crash(peer);
    let world = World::Memory(net.clone());
    let mut config = world.config(key(2));
    config.rng = Rng::seeded(99);
    let reborn = world.bind(config).await;
    serve_echo(&reborn, ECHO);
    let killed = now();
    let _link = reborn
        .open(alice.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let (down, reason, noticed) = next_down(&mut events).await;
    assert_eq!((down, reason.code()), (peer, Some(CloseCode::RESTARTED)));
    assert!(noticed - killed < Duration::from_millis(100));
    assert_eq!(within(events.recv()).await, Ok(PeerEvent::Up { peer }));
    assert!(within(link.recv()).await.is_err());
    let mut link = alice.open(peer, ECHO, Bytes::new()).await.unwrap();
    round_trip(&mut link, "to the new life").await;
}

#[tokio::test(start_paused = true)]
async fn a_frozen_peer_is_noticed_and_a_thawed_one_comes_back() {
    let net = MemoryNet::new(3);
    let [alice, bob, _carol] = trio(&net).await;
    let mut link = alice
        .open(bob.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let mut events = alice.peer_events();
    net.freeze(bob.local_id());
    link.send(b"wait for it").await.unwrap();
    time::sleep(Duration::from_secs(3)).await;
    net.thaw(bob.local_id());
    assert_eq!(
        within(link.recv()).await.unwrap().as_deref(),
        Some(&b"wait for it"[..])
    );
    net.freeze(bob.local_id());
    let frozen = now();
    let (_, reason, noticed) = next_down(&mut events).await;
    assert_eq!(reason, ConnectionEnd::TimedOut);
    assert_eq!((noticed - frozen).as_secs(), 5);
    time::sleep(Duration::from_secs(20)).await;
    assert!(
        bob.is_connected(&alice.local_id()),
        "a frozen process notices nothing"
    );
    net.thaw(bob.local_id());
    eventually("the thawed one notices", || {
        !bob.is_connected(&alice.local_id())
    })
    .await;
    let mut link = bob
        .open(alice.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    round_trip(&mut link, "back").await;
}

#[tokio::test(start_paused = true)]
async fn a_one_way_cut_ends_both_ends() {
    let net = MemoryNet::new(4);
    let [alice, bob, _carol] = trio(&net).await;
    let _link = alice
        .open(bob.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let (mut at_alice, mut at_bob) = (alice.peer_events(), bob.peer_events());
    let cut = now();
    net.cut(alice.local_id(), bob.local_id());
    let (_, reason, noticed) = next_down(&mut at_bob).await;
    assert_eq!(
        (reason, (noticed - cut).as_secs()),
        (ConnectionEnd::TimedOut, 5)
    );
    let (_, reason, noticed) = next_down(&mut at_alice).await;
    assert_eq!(
        (reason, (noticed - cut).as_secs()),
        (ConnectionEnd::TimedOut, 10)
    );
    let error = within(bob.open(alice.local_id(), ECHO, Bytes::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::DialTimedOut { .. }));
    net.mend(alice.local_id(), bob.local_id());
    let mut link = within(bob.open(alice.local_id(), ECHO, Bytes::new()))
        .await
        .unwrap();
    round_trip(&mut link, "mended").await;
}

#[tokio::test(start_paused = true)]
async fn a_short_partition_delays_and_loses_nothing() {
    let net = MemoryNet::new(5);
    let [alice, bob, carol] = trio(&net).await;
    let link = alice
        .open(bob.local_id(), ECHO, Bytes::new())
        .await
        .unwrap();
    let (mut sender, mut receiver) = link.split();
    net.partition(&[alice.local_id()], &[bob.local_id(), carol.local_id()]);
    for number in 0..1000u32 {
        sender.send(&number.to_be_bytes()).await.unwrap();
        time::sleep(Duration::from_millis(3)).await;
    }
    assert!(
        time::timeout(Duration::from_millis(100), receiver.recv())
            .await
            .is_err()
    );
    net.heal();
    for number in 0..1000u32 {
        let frame = within(receiver.recv()).await.unwrap().unwrap();
        assert_eq!(frame.as_ref(), number.to_be_bytes());
    }
    assert_eq!(alice.stats().connections_ended, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dial_waits_for_the_heal_within_its_deadline() {
    let net = MemoryNet::new(6);
    let [alice, bob, _carol] = trio(&net).await;
    net.partition(&[alice.local_id()], &[bob.local_id()]);
    let healed = async {
        time::sleep(Duration::from_secs(3)).await;
        net.heal();
    };
    let (opened, ()) = tokio::join!(alice.open(bob.local_id(), ECHO, Bytes::new()), healed);
    round_trip(&mut opened.unwrap(), "in time").await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_holds_its_writer_to_the_window() {
    let net = MemoryNet::new(7);
    let [alice, bob, _carol] = trio(&net).await;
    let mut links = serve_links(&bob, BULK);
    let link = alice
        .open(bob.local_id(), BULK, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let theirs = within(links.recv()).await.unwrap();
    sender.queue(&vec![1; 2_000_000]).unwrap();
    assert!(
        time::timeout(Duration::from_secs(1), sender.flush())
            .await
            .is_err()
    );
    let window = 512 * 1024;
    assert_eq!(sender.queued_bytes(), 2_000_004 - window);
    let (_sender, mut receiver) = theirs.split();
    let (sent, received) = tokio::join!(sender.flush(), receiver.recv());
    sent.unwrap();
    assert_eq!(received.unwrap().unwrap().len(), 2_000_000);
}

/// A lossy, jittery run, told as the times at which frames arrived.
async fn trace(seed: u64) -> Vec<(u128, u32, u32)> {
    let net = MemoryNet::new(seed);
    net.set_all(Conditions {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(30),
        loss: 0.1,
    });
    let nodes = trio(&net).await;
    let start = now();
    let mut trace = Vec::new();
    let talks = (0..6u32).map(|talk| {
        let (from, to) = (&nodes[talk as usize % 3], &nodes[(talk as usize + 1) % 3]);
        async move {
            let link = from.open(to.local_id(), BULK, Bytes::new()).await.unwrap();
            let (mut sender, mut receiver) = link.split();
            let sending = async {
                for number in 0..50u32 {
                    sender.send(&number.to_be_bytes()).await.unwrap();
                    time::sleep(Duration::from_millis(u64::from(talk))).await;
                }
            };
            let receiving = async {
                let mut arrivals = Vec::new();
                for number in 0..50u32 {
                    let frame = within(receiver.recv()).await.unwrap().unwrap();
                    assert_eq!(frame.as_ref(), number.to_be_bytes(), "in order");
                    arrivals.push(((now() - start).as_micros(), talk, number));
                }
                arrivals
            };
            tokio::join!(sending, receiving).1
        }
    });
    for arrivals in futures::future::join_all(talks).await {
        trace.extend(arrivals);
    }
    trace.sort_unstable();
    trace
}

#[tokio::test(start_paused = true)]
async fn a_seed_reproduces_a_run() {
    let first = Box::pin(trace(11)).await;
    assert_eq!(first, Box::pin(trace(11)).await);
    assert_ne!(first, Box::pin(trace(12)).await);
    let talks: Vec<u32> = first.iter().map(|(_, talk, _)| *talk).collect();
    assert!(
        talks.windows(2).any(|pair| pair[0] > pair[1]),
        "streams overtake each other"
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_in_memory_is_closed_and_has_the_right_id() {
    let net = MemoryNet::new(8);
    let [alice, _bob, _carol] = trio(&net).await;
    assert_eq!(alice.endpoint().id(), alice.local_id());
    assert!(alice.endpoint().is_closed());
    assert_eq!(net.nodes().len(), 3);
    let world = World::Memory(net.clone());
    let again = Transport::memory(&net, world.config(key(1)))
        .await
        .unwrap_err();
    assert!(again.to_string().contains("is already bound here"));
    within(alice.close(Duration::from_secs(1))).await;
    assert_eq!(net.nodes().len(), 2);
    world.node(1).await;
}
