//! Streams between peers that behave.

use super::super::OpenError;
use super::*;

in_both_worlds![
    a_stream_carries_request_reply_and_frames,
    one_connection_serves_sixty_four_opens_at_once,
    long_frames_pass_and_too_long_ones_are_refused_here,
    a_rejection_carries_its_code_and_reason,
    unknown_protocols_and_versions_are_named,
    a_panic_ends_its_own_stream_only,
    a_peer_has_so_many_streams_and_no_more,
    batches_bring_all_frames_in_order,
    giving_up_on_a_read_or_a_write_loses_nothing,
    ends_are_clean_or_have_a_reason,
    both_ends_export_the_same_secret,
    a_reader_that_never_reads_stops_only_its_own_stream,
    a_node_does_not_dial_itself,
];

async fn a_stream_carries_request_reply_and_frames(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    for protocol in [ECHO, BULK] {
        serve_echo(&bob, protocol);
        let request = Bytes::from_static(b"hello bob");
        let mut link = alice
            .open(bob.local_addr(), protocol, request)
            .await
            .unwrap();
        assert_eq!(link.peer(), bob.local_id());
        assert_eq!(link.reply().as_ref(), b"hello bob");
        round_trip(&mut link, "one").await;
        round_trip(&mut link, "").await;
        round_trip(&mut link, "three").await;
        assert!(alice.rtt(&bob.local_id()).is_some());
        assert!(alice.path(&bob.local_id()).is_some());
    }
    assert_eq!(alice.connected(), [bob.local_id()]);
    assert!(bob.is_connected(&alice.local_id()));
    let (sent, received) = (alice.stats(), bob.stats());
    assert_eq!(sent.connections_dialled, 2, "one a lane");
    assert_eq!(received.connections_accepted, 2);
    assert_eq!(sent.streams_opened, 2);
    assert_eq!(received.streams_accepted, 2);
    assert_eq!(sent.messages_sent, 6);
    assert_eq!(received.messages_received, 6);
    assert_eq!(received.refusals(), 0, "{received:?}");
}

async fn one_connection_serves_sixty_four_opens_at_once(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&bob, ECHO);
    let addr = bob.local_addr();
    let opens = (0..64).map(|_| async {
        let opened = alice.open(addr.clone(), ECHO, Bytes::new()).await;
        let mut link = opened.unwrap();
        round_trip(&mut link, "here").await;
        link
    });
    let links = within(futures::future::join_all(opens)).await;
    assert_eq!(links.len(), 64);
    assert_eq!(alice.stats().connections_dialled, 1);
    assert_eq!(bob.stats().connections_accepted, 1);
}

async fn long_frames_pass_and_too_long_ones_are_refused_here(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    let mut links = serve_links(&bob, BULK);
    let link = alice
        .open(bob.local_addr(), BULK, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let frame: Bytes = (0..BULK.frame_bytes_max).map(|n| (n % 251) as u8).collect();
    let too_long = vec![0; BULK.frame_bytes_max + 1];
    let refused = sender.queue(&too_long).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("exceeds the limit of 4194304 bytes of protocol bulk")
    );
    assert!(!refused.is_retryable() && refused.is_definite());
    assert_eq!(sender.queued_bytes(), 0);
    let mut theirs = within(links.recv()).await.unwrap();
    let receiving = async {
        for _ in 0..3 {
            let received = within(theirs.recv()).await.unwrap().unwrap();
            assert!(received == frame, "a frame of {} bytes", received.len());
        }
    };
    let sending = async {
        sender.send(&frame).await.unwrap();
        sender.queue(&frame).unwrap();
        sender.queue_shared(frame.clone()).unwrap();
        within(sender.flush()).await.unwrap();
        assert_eq!(sender.queued_bytes(), 0);
    };
    tokio::join!(sending, receiving);
}

async fn a_rejection_carries_its_code_and_reason(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    bob.serve(ECHO, |incoming| {
        async move {
            incoming
                .reject(CloseCode::NO_CAPACITY, "two of two seats are taken")
                .await;
        }
        .boxed()
    });
    for _ in 0..3 {
        let error = alice
            .open(bob.local_addr(), ECHO, Bytes::new())
            .await
            .unwrap_err();
        let OpenError::Rejected {
            code, ref reason, ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(code, CloseCode::NO_CAPACITY);
        assert_eq!(reason, "two of two seats are taken");
        assert!(error.is_retryable() && error.is_definite());
    }
    assert_eq!(bob.stats().streams_rejected, 3);
    assert_eq!(alice.stats().streams_rejected_by_peer, 3);
    assert_eq!(alice.stats().connections_dialled, 1, "the connection stays");
}

async fn unknown_protocols_and_versions_are_named(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    serve_echo(&bob, ECHO);
    let later = Protocol { version: 2, ..ECHO };
    let elsewhere = Protocol {
        lane: Lane::Data,
        ..ECHO
    };
    for (protocol, expected, text) in [
        (
            BULK,
            CloseCode::UNKNOWN_PROTOCOL,
            "protocol 9002 is not served here",
        ),
        (
            later,
            CloseCode::UNSUPPORTED_VERSION,
            "echo is served in version 1, not 2",
        ),
        (
            elsewhere,
            CloseCode::PROTOCOL_VIOLATION,
            "echo belongs to the control lane",
        ),
    ] {
        let error = alice
            .open(bob.local_addr(), protocol, Bytes::new())
            .await
            .unwrap_err();
        let OpenError::Rejected { code, reason, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((code, reason.as_str()), (expected, text));
    }
    let stats = bob.stats();
    assert_eq!(
        (stats.protocols_unknown, stats.protocols_mismatched),
        (1, 2)
    );
    let long = Bytes::from(vec![0; ECHO.request_bytes_max + 1]);
    let error = alice.open(bob.local_addr(), ECHO, long).await.unwrap_err();
    assert!(matches!(
        error,
        OpenError::RequestTooLarge {
            bytes: 1025,
            limit: 1024,
            ..
        }
    ));
}

async fn a_panic_ends_its_own_stream_only(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    bob.serve(ECHO, |incoming| {
        async move {
            match incoming.request.as_ref() {
                b"panic" => panic!("as asked"),
                b"forget" => drop(incoming),
                b"accept and panic" => {
                    let mut link = incoming.accept(Bytes::new()).await.unwrap();
                    let _ = link.recv().await;
                    panic!("as asked, later");
                }
                _ => echo(incoming).await,
            }
        }
        .boxed()
    });
    let open = |request: &'static str| alice.open(bob.local_addr(), ECHO, request.into());
    let mut healthy = open("echo").await.unwrap();
    for (request, expected) in [
        ("panic", CloseCode::HANDLER_FAILED),
        ("forget", CloseCode::UNANSWERED),
    ] {
        let error = within(open(request)).await.unwrap_err();
        assert!(
            matches!(error, OpenError::Rejected { code, .. } if code == expected),
            "{request}: {error}"
        );
    }
    let mut failed = open("accept and panic").await.unwrap();
    failed.send(b"now").await.unwrap();
    let error = within(failed.recv()).await.unwrap_err();
    assert_eq!(error, LinkError::Reset(CloseCode::HANDLER_FAILED));
    round_trip(&mut healthy, "still here").await;
    let mut new = open("echo").await.unwrap();
    round_trip(&mut new, "and here").await;
    assert_eq!(bob.panics(), 2);
    assert_eq!(bob.stats().streams_unanswered, 2);
    assert_eq!(alice.stats().connections_dialled, 1);
}

async fn a_peer_has_so_many_streams_and_no_more(world: World) {
    let (alice, bob, carol) = (
        world.node(1).await,
        world.node(2).await,
        world.node(3).await,
    );
    let protocol = Protocol {
        streams_per_peer_max: 3,
        ..ECHO
    };
    serve_echo(&bob, protocol);
    let mut links = Vec::new();
    for _ in 0..3 {
        links.push(
            alice
                .open(bob.local_addr(), protocol, Bytes::new())
                .await
                .unwrap(),
        );
    }
    let error = alice
        .open(bob.local_addr(), protocol, Bytes::new())
        .await
        .unwrap_err();
    let OpenError::Rejected { code, reason, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(code, CloseCode::TOO_MANY_STREAMS);
    assert_eq!(reason, "3 streams of echo are open already");
    assert_eq!(bob.stats().streams_over_cap, 1);
    let other = carol.open(bob.local_addr(), protocol, Bytes::new()).await;
    assert!(other.is_ok(), "the cap is per peer");
    links.pop();
    // The other end needs to see the end of the stream first.
    let again = within(async {
        loop {
            let opened = alice.open(bob.local_addr(), protocol, Bytes::new()).await;
            if let Ok(link) = opened {
                return link;
            }
            time::sleep(Duration::from_millis(5)).await;
        }
    });
    round_trip(&mut again.await, "free again").await;
}

async fn batches_bring_all_frames_in_order(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    let mut links = serve_links(&bob, BULK);
    let link = alice
        .open(bob.local_addr(), BULK, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let theirs = within(links.recv()).await.unwrap();
    let (_sender, mut receiver) = theirs.split();
    let count = 20_000u32;
    let sending = async {
        for number in 0..count {
            let frame = [
                number.to_be_bytes().as_slice(),
                &vec![0; number as usize % 97],
            ]
            .concat();
            sender.queue(&frame).unwrap();
            if sender.queued_bytes() > 16 * 1024 {
                sender.flush().await.unwrap();
            }
        }
        sender.finish().await.unwrap();
    };
    let receiving = async {
        let (mut next, mut batches) = (0u32, 0u32);
        while let Some(batch) = within(receiver.recv_batch()).await.unwrap() {
            batches += 1;
            assert!(!batch.is_empty());
            for frame in &batch {
                assert_eq!(frame[..4], next.to_be_bytes());
                assert_eq!(frame.len(), 4 + next as usize % 97);
                next += 1;
            }
        }
        assert_eq!(next, count);
        assert!(batches < count / 10, "{batches} batches for {count} frames");
    };
    tokio::join!(sending, receiving);
}

async fn giving_up_on_a_read_or_a_write_loses_nothing(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    let mut links = serve_links(&bob, BULK);
    let link = alice
        .open(bob.local_addr(), BULK, Bytes::new())
        .await
        .unwrap();
    let (mut sender, _receiver) = link.split();
    let theirs = within(links.recv()).await.unwrap();
    let (_sender, mut receiver) = theirs.split();
    let frame: Bytes = (0..3_000_000usize).map(|n| (n % 249) as u8).collect();
    let impatience = Duration::from_millis(2);
    let sending = async {
        for _ in 0..3 {
            sender.queue(&frame).unwrap();
            sender.queue(b"small").unwrap();
        }
        while time::timeout(impatience, sender.flush()).await.is_err() {}
        assert_eq!(sender.queued_bytes(), 0);
        sender.finish().await.unwrap();
    };
    let receiving = async {
        let mut frames = Vec::new();
        loop {
            match time::timeout(impatience, receiver.recv()).await {
                Ok(Ok(Some(frame))) => frames.push(frame),
                Ok(end) => {
                    assert_eq!(end, Ok(None));
                    return frames;
                }
                Err(_) => {}
            }
        }
    };
    let ((), frames) = within(async { tokio::join!(sending, receiving) }).await;
    assert_eq!(frames.len(), 6);
    for pair in frames.chunks(2) {
        assert!(pair[0] == frame);
        assert_eq!(pair[1].as_ref(), b"small");
    }
}

async fn ends_are_clean_or_have_a_reason(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    let mut links = serve_links(&bob, BULK);
    let mut pair = async || {
        let ours = alice
            .open(bob.local_addr(), BULK, Bytes::new())
            .await
            .unwrap();
        (ours, within(links.recv()).await.unwrap())
    };

    let (ours, mut theirs) = pair().await;
    let (mut sender, _receiver) = ours.split();
    sender.queue(b"last words").unwrap();
    sender.finish().await.unwrap();
    assert_eq!(
        within(theirs.recv()).await.unwrap().as_deref(),
        Some(&b"last words"[..])
    );
    assert_eq!(within(theirs.recv()).await, Ok(None));
    assert_eq!(within(theirs.recv()).await, Ok(None), "an end stays one");

    let (mut ours, mut theirs) = pair().await;
    ours.send(b"dropped, not lost").await.unwrap();
    drop(ours);
    assert!(within(theirs.recv()).await.unwrap().is_some());
    assert_eq!(within(theirs.recv()).await, Ok(None));

    let (ours, mut theirs) = pair().await;
    ours.close(CloseCode::TOO_SLOW);
    assert_eq!(
        within(theirs.recv()).await,
        Err(LinkError::Reset(CloseCode::TOO_SLOW))
    );

    let (ours, theirs) = pair().await;
    let (mut sender, _receiver) = ours.split();
    let (_sender, receiver) = theirs.split();
    receiver.stop(CloseCode::NOT_ALLOWED);
    let error = within(async {
        loop {
            if let Err(error) = sender.send(b"anybody?").await {
                return error;
            }
            time::sleep(Duration::from_millis(1)).await;
        }
    });
    let error = error.await;
    assert_eq!(error, LinkError::Stopped(CloseCode::NOT_ALLOWED));
    assert!(!error.is_retryable() && !error.is_definite());
    assert_eq!(
        alice.stats().connections_dialled,
        1,
        "streams end, the connection stays"
    );
}

async fn both_ends_export_the_same_secret(world: World) {
    let (alice, bob) = (world.node(1).await, world.node(2).await);
    let mut links = serve_links(&bob, ECHO);
    let ours = alice
        .open(bob.local_addr(), ECHO, Bytes::new())
        .await
        .unwrap();
    let theirs = within(links.recv()).await.unwrap();
    let secret = ours.export_keying_material(b"label", b"context");
    assert_eq!(secret, theirs.export_keying_material(b"label", b"context"));
    assert_ne!(secret, ours.export_keying_material(b"label", b"other"));
    assert_ne!(secret, ours.export_keying_material(b"other", b"context"));
}

async fn a_reader_that_never_reads_stops_only_its_own_stream(world: World) {
    let (alice, bob, carol) = (
        world.node(1).await,
        world.node(2).await,
        world.node(3).await,
    );
    let mut links = serve_links(&bob, BULK);
    let open = async |to: &Transport| {
        let opened = alice.open(to.local_addr(), BULK, Bytes::new()).await;
        opened.unwrap()
    };
    let (mut stuck, _receiver) = open(&bob).await.split();
    let _unread = within(links.recv()).await.unwrap();
    for _ in 0..4 {
        stuck.queue(&vec![0; 1_000_000]).unwrap();
    }
    let wait = Duration::from_millis(300);
    assert!(time::timeout(wait, stuck.flush()).await.is_err());
    assert!(
        stuck.queued_bytes() > 3_000_000,
        "what waits is here, not there"
    );
    let mut ours = open(&bob).await;
    let mut theirs = within(links.recv()).await.unwrap();
    for _ in 0..10 {
        ours.send(&[1; 100_000]).await.unwrap();
        let frame = within(theirs.recv()).await.unwrap().unwrap();
        assert_eq!(frame.len(), 100_000);
    }
    serve_echo(&carol, BULK);
    let mut other = open(&carol).await;
    round_trip(&mut other, "and other peers").await;
}

async fn a_node_does_not_dial_itself(world: World) {
    let alice = world.node(1).await;
    let error = alice
        .open(alice.local_id(), ECHO, Bytes::new())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::ToOneself));
    let nobody = SecretKey::generate().public();
    let error = within(alice.open(nobody, ECHO, Bytes::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::NoAddress { .. }), "{error}");
    assert!(error.is_definite() && error.is_retryable());
}
