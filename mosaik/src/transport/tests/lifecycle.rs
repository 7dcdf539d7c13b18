//! Connections coming and going.

use super::super::{ConnectionEnd, OpenError};
use super::*;

in_both_worlds![
    simultaneous_dials_leave_one_connection_and_lose_no_stream,
    peers_come_and_go_with_a_reason,
    another_network_is_named_at_the_dialler,
    denied_peers_stay_out_in_both_directions,
    a_close_says_goodbye_and_loses_nothing_finished,
    dropping_the_last_handle_closes,
    nothing_is_left_after_a_close,
    unused_connections_are_closed_and_dialled_again,
    an_id_is_enough_among_neighbours,
    learnt_addresses_are_dialled,
];

async fn simultaneous_dials_leave_one_connection_and_lose_no_stream(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    for node in [&alice, &bob] {
        serve_echo(node, ECHO);
    }
    let talk = async |from: &Transport, to: &Transport| {
        for _ in 0..20 {
            let opened = from.open(to.local_addr(), ECHO, Bytes::new()).await;
            let mut link = opened.unwrap();
            round_trip(&mut link, "at the same time").await;
        }
    };
    let mut kept = {
        let (to_bob, to_alice) = tokio::join!(
            alice.open(bob.local_addr(), ECHO, Bytes::new()),
            bob.open(alice.local_addr(), ECHO, Bytes::new()),
        );
        [to_bob.unwrap(), to_alice.unwrap()]
    };
    within(async { tokio::join!(talk(&alice, &bob), talk(&bob, &alice)) }).await;
    for link in &mut kept {
        round_trip(link, "long streams survive").await;
    }
    let dialled = alice.stats().connections_dialled + bob.stats().connections_dialled;
    drop(kept);
    eventually("the other connection drains", || {
        let ended = alice.stats().connections_ended;
        ended == dialled - 1 && bob.stats().connections_ended == ended
    })
    .await;
    assert!(alice.is_connected(&bob.local_id()) && bob.is_connected(&alice.local_id()));
    within(async { tokio::join!(talk(&alice, &bob), talk(&bob, &alice)) }).await;
    let after = alice.stats().connections_dialled + bob.stats().connections_dialled;
    assert_eq!(after, dialled, "nobody dials again");
}

async fn peers_come_and_go_with_a_reason(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&bob, ECHO);
    let (mut at_alice, mut at_bob) = (alice.peer_events(), bob.peer_events());
    for _ in 0..2 {
        let mut link = alice
            .open(bob.local_addr(), ECHO, Bytes::new())
            .await
            .unwrap();
        round_trip(&mut link, "up").await;
        let up = within(at_alice.recv()).await.unwrap();
        assert_eq!(
            up,
            PeerEvent::Up {
                peer: bob.local_id()
            }
        );
        let up = within(at_bob.recv()).await.unwrap();
        assert_eq!(
            up,
            PeerEvent::Up {
                peer: alice.local_id()
            }
        );
        bob.disconnect(&alice.local_id(), CloseCode::TOO_SLOW);
        let down = within(at_alice.recv()).await.unwrap();
        let reason = ConnectionEnd::ByPeer(CloseCode::TOO_SLOW);
        assert_eq!(
            down,
            PeerEvent::Down {
                peer: bob.local_id(),
                reason
            }
        );
        let down = within(at_bob.recv()).await.unwrap();
        let reason = ConnectionEnd::ByUs(CloseCode::TOO_SLOW);
        assert_eq!(
            down,
            PeerEvent::Down {
                peer: alice.local_id(),
                reason
            }
        );
        let error = within(link.recv()).await.unwrap_err();
        assert_eq!(error.code(), Some(CloseCode::TOO_SLOW));
        assert!(!alice.is_connected(&bob.local_id()));
        assert_eq!(alice.rtt(&bob.local_id()), None);
    }
}

async fn another_network_is_named_at_the_dialler(world: World) {
    let alice = world.node(1).await;
    let mut config = world.config(world.key(2));
    config.network_id = NetworkId::from("another network");
    let stranger = world.bind(config).await;
    serve_echo(&alice, ECHO);
    serve_echo(&stranger, ECHO);
    for (from, to) in [(&alice, &stranger), (&stranger, &alice)] {
        let error = within(from.open(to.local_addr(), ECHO, Bytes::new()))
            .await
            .unwrap_err();
        let OpenError::DifferentNetwork { local, remote } = error else {
            panic!("{error}");
        };
        assert_eq!((local, remote), (from.network_id(), to.network_id()));
        assert!(!error.is_retryable() && error.is_definite());
    }
    assert_eq!(alice.stats().networks_different, 1);
    assert_eq!(alice.stats().streams_accepted, 0);
    assert!(alice.connected().is_empty() && stranger.connected().is_empty());
}

async fn denied_peers_stay_out_in_both_directions(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&alice, ECHO);
    serve_echo(&bob, ECHO);
    let mut link = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    bob.deny(alice.local_id());
    let error = within(link.recv()).await.unwrap_err();
    assert_eq!(error.code(), Some(CloseCode::NOT_ALLOWED));
    let error = within(alice.open(bob.local_addr(), ECHO, Bytes::new()))
        .await
        .unwrap_err();
    let expected = ConnectionEnd::ByPeer(CloseCode::NOT_ALLOWED);
    assert!(
        matches!(error, OpenError::ConnectionEnded { end, .. } if end == expected),
        "{error}"
    );
    assert!(!error.is_retryable());
    let error = bob
        .open(alice.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Denied { .. }));
    assert_eq!(bob.stats().peers_denied, 1);
    bob.allow(alice.local_id());
    let mut link = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    round_trip(&mut link, "welcome back").await;
}

async fn a_close_says_goodbye_and_loses_nothing_finished(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    let mut links = serve_links(&bob, BULK);
    let mut events = bob.peer_events();
    let link = alice
        .open(bob.local_addr(), BULK, Bytes::new())
        .await
        .unwrap();
    // Control too, so that bob's events tell of alice.
    serve_echo(&bob, ECHO);
    let _control = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let frame = vec![7; 300_000];
    sender.queue(&frame).unwrap();
    sender.finish().await.unwrap();
    let mut theirs = within(links.recv()).await.unwrap();
    within(alice.close(Duration::from_secs(3))).await;
    assert_eq!(within(theirs.recv()).await.unwrap().unwrap(), frame);
    assert_eq!(within(theirs.recv()).await, Ok(None));
    assert_eq!(
        within(events.recv()).await,
        Ok(PeerEvent::Up {
            peer: alice.local_id()
        })
    );
    let reason = ConnectionEnd::ByPeer(CloseCode::GRACEFUL_SHUTDOWN);
    let down = PeerEvent::Down {
        peer: alice.local_id(),
        reason,
    };
    assert_eq!(within(events.recv()).await, Ok(down));
    let error = alice
        .open(bob.local_addr(), BULK, Bytes::new())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Closed));
    within(alice.close(Duration::from_secs(3))).await;
}

async fn dropping_the_last_handle_closes(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&bob, ECHO);
    let mut events = bob.peer_events();
    let link = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    let peer = alice.local_id();
    assert_eq!(within(events.recv()).await, Ok(PeerEvent::Up { peer }));
    let is_freed = alice.remains();
    let clone = alice.clone();
    drop(alice);
    assert!(bob.is_connected(&peer), "a clone is left");
    drop(clone);
    let reason = ConnectionEnd::ByPeer(CloseCode::GRACEFUL_SHUTDOWN);
    let down = within(events.recv()).await;
    assert_eq!(down, Ok(PeerEvent::Down { peer, reason }));
    drop(link);
    eventually("everything is freed", is_freed).await;
}

async fn nothing_is_left_after_a_close(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    for node in [&alice, &bob] {
        // A handler that keeps its own transport alive, until that is closed.
        let kept = node.clone();
        node.serve(ECHO, move |incoming| {
            let _kept = kept.clone();
            echo(incoming).boxed()
        });
    }
    let open = |from: &Transport, to: &Transport| {
        let (from, to) = (from.clone(), to.local_addr());
        async move { from.open(to, ECHO, Bytes::new()).await.unwrap() }
    };
    let links = tokio::join!(open(&alice, &bob), open(&bob, &alice));
    drop(links);
    let left = [alice.remains(), bob.remains()];
    for node in [alice, bob] {
        within(node.close(Duration::from_secs(3))).await;
    }
    eventually("everything is freed", || {
        left.iter().all(|is_freed| is_freed())
    })
    .await;
}

async fn unused_connections_are_closed_and_dialled_again(world: World) {
    let mut config = world.config(world.key(1));
    config.limits.idle = Duration::from_millis(200);
    let alice = world.bind(config).await;
    let bob = world.node(2).await;
    serve_echo(&bob, ECHO);
    let mut events = alice.peer_events();
    let mut link = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    time::sleep(Duration::from_millis(500)).await;
    round_trip(&mut link, "in use, so kept").await;
    drop(link);
    assert!(matches!(
        within(events.recv()).await,
        Ok(PeerEvent::Up { .. })
    ));
    let Ok(PeerEvent::Down { reason, .. }) = within(events.recv()).await else {
        panic!("an unused connection ends");
    };
    assert_eq!(reason, ConnectionEnd::ByUs(CloseCode::IDLE));
    assert!(reason.is_housekeeping());
    let mut link = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    round_trip(&mut link, "dialled again").await;
}

async fn an_id_is_enough_among_neighbours(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&bob, ECHO);
    let mut link = within(alice.open(bob.local_id(), ECHO, Bytes::new()))
        .await
        .unwrap();
    round_trip(&mut link, "no address needed").await;
    within(bob.close(Duration::from_secs(3))).await;
    drop(link);
    let carol = world.node(3).await;
    let error = within(carol.open(bob.local_id(), ECHO, Bytes::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::NoAddress { .. }), "{error}");
}

async fn learnt_addresses_are_dialled(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&bob, ECHO);
    if let World::Memory(net) = &world {
        net.set_ids_resolve(false);
        let error = alice
            .open(bob.local_id(), ECHO, Bytes::new())
            .await
            .unwrap_err();
        assert!(matches!(error, OpenError::NoAddress { .. }), "{error}");
    }
    assert!(alice.addresses().learn(bob.local_addr(), "test"));
    let known: EndpointAddr = alice.addresses().get(&bob.local_id());
    assert_eq!(known, bob.local_addr());
    let mut link = within(alice.open(bob.local_id(), ECHO, Bytes::new()))
        .await
        .unwrap();
    round_trip(&mut link, "found").await;
}
