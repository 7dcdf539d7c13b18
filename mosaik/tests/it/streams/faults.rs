//! Nodes that go, links that break.

use super::*;

use futures::SinkExt;
use mosaik::streams::{GapReason, producer};

/// Spec 11, S7: a producer that goes says so, and its consumer does not hammer at the door.
#[tokio::test(start_paused = true)]
async fn s7_a_producer_that_ends_says_goodbye() {
    let [a, b] = World::new(8).nodes().await;
    let mut consumer = b.streams().consume::<Data2>();
    let mut events = consumer.events();
    let mut producer = a.streams().produce::<Data2>();
    soon("sent", producer.send(Data2(1))).await.unwrap();
    a.shutdown(SOON).await.unwrap();
    assert_eq!(received(&mut consumer, 1).await, [Data2(1)]);
    soon("gone", consumer.when().unsubscribed()).await;
    assert!(matches!(
        producer.send(Data2(2)).await,
        Err(producer::Error::Closed(_))
    ));
    let reason = loop {
        if let ConsumerEvent::Disconnected { reason, .. } =
            soon("told", events.recv()).await.unwrap()
        {
            break reason;
        }
    };
    assert!(reason.contains("GracefulShutdown"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_network_is_noticed_at_the_other_end() {
    let [a, b] = World::new(9).nodes().await;
    let producer = a.streams().produce::<Data2>();
    let consumer = b.streams().consume::<Data2>();
    soon("online", producer.when().online()).await;
    drop((consumer, b));
    timeout(3 * SECOND, producer.when().offline())
        .await
        .unwrap();
    timeout(3 * SECOND, producer.when().unsubscribed())
        .await
        .unwrap();
}

/// DESIGN 7: a link that breaks is taken up again; nothing is lost, nothing comes twice.
#[tokio::test(start_paused = true)]
async fn a_broken_link_loses_nothing_and_repeats_nothing() {
    for seed in 0..5 {
        let world = World::new(10 + seed);
        let [a, b] = world.nodes().await;
        let mut producer = a.streams().produce::<Data2>();
        let mut consumer = b.streams().consumer::<Data2>().with_queue_size(64).build();
        soon("online", producer.when().online()).await;
        let sending = async {
            for value in 0..3000 {
                producer.send(Data2(value)).await.unwrap();
                if value % 16 == 0 {
                    time_passes(Duration::from_millis(3)).await;
                }
                if value % 1000 == 500 {
                    // Long enough for the links to be given up on a bad day, short enough to resume.
                    a.discovery();
                    world.net.cut(a.local().id(), b.local().id());
                    time_passes(Duration::from_millis(300)).await;
                    world.net.heal();
                }
            }
        };
        let receiving = async {
            let mut all = Vec::new();
            while all.len() < 3000 {
                all.push(consumer.recv().await.unwrap().0);
            }
            all
        };
        let ((), all) = timeout(120 * SECOND, async { tokio::join!(sending, receiving) })
            .await
            .unwrap();
        assert!(all.into_iter().eq(0..3000), "seed {seed}");
        assert_eq!(consumer.gaps(), [], "seed {seed}");
    }
}

/// A consumer that was away for longer than its producer keeps things is told how much it missed.
#[tokio::test(start_paused = true)]
async fn a_long_absence_is_a_gap_of_known_size() {
    let world = World::new(20);
    let [a, b, c] = world.nodes().await;
    let mut producer = a.streams().produce::<Data2>();
    let mut away = b.streams().consume::<Data2>();
    let mut stays = c.streams().consume::<Data2>();
    soon("online", producer.when().subscribed().minimum_of(2)).await;
    producer.send(Data2(0)).await.unwrap();
    assert_eq!(received(&mut away, 1).await, [Data2(0)]);
    let mut events = away.events();
    world
        .net
        .partition(&[a.local().id(), c.local().id()], &[b.local().id()]);
    timeout(
        120 * SECOND,
        producer.when().subscribed().minimum_of(2).unmet(),
    )
    .await
    .unwrap();
    time_passes(10 * SECOND).await;
    for value in 1..=100 {
        producer.send(Data2(value)).await.unwrap();
    }
    assert_eq!(received(&mut stays, 101).await.len(), 101);
    world.net.heal();
    timeout(120 * SECOND, producer.when().subscribed().minimum_of(2))
        .await
        .unwrap();
    producer.send(Data2(101)).await.unwrap();
    assert_eq!(received(&mut away, 1).await, [Data2(101)]);
    let [gap] = &away.gaps()[..] else {
        panic!("{:?}", away.gaps());
    };
    assert_eq!(
        (gap.first, gap.end, gap.lost, gap.reason),
        (1, 101, 100, GapReason::Expired)
    );
    assert_eq!(gap.producer, a.local().id());
    let told = loop {
        if let ConsumerEvent::Gap(gap) = soon("told", events.recv()).await.unwrap() {
            break gap;
        }
    };
    assert_eq!(told, *gap);
    assert_eq!(stays.gaps(), []);
}

/// A producer that starts anew counts from the beginning; its consumer takes that as what it is.
#[tokio::test(start_paused = true)]
async fn a_restarted_producer_is_another_incarnation() {
    let [a, b] = World::new(21).nodes().await;
    let mut consumer = b.streams().consume::<Data2>();
    let mut events = consumer.events();
    for round in 0..3 {
        let mut producer = a.streams().produce::<Data2>();
        for value in 0..10 {
            soon("sent", producer.send(Data2(round * 10 + value)))
                .await
                .unwrap();
        }
    }
    let all = received(&mut consumer, 30).await;
    assert!(all.into_iter().map(|datum| datum.0).eq(0..30));
    assert_eq!(consumer.gaps(), []);
    let mut restarts = 0;
    while let Ok(event) = events.try_recv() {
        restarts += usize::from(matches!(event, ConsumerEvent::Restarted { .. }));
    }
    assert_eq!(restarts, 2);
}

/// Spec 11, S4: an idle, healthy stream is not given up because time has passed.
#[tokio::test(start_paused = true)]
async fn s4_a_stream_that_was_idle_for_long_comes_back() {
    let world = World::new(24);
    let [a, b] = world.nodes().await;
    let backoff = streams::backoff::ExponentialBackoff {
        max_elapsed_time: Some(60 * SECOND),
        ..Default::default()
    };
    let mut consumer = b
        .streams()
        .consumer::<Data2>()
        .with_backoff(backoff)
        .build();
    time_passes(600 * SECOND).await;
    let mut producer = a.streams().produce::<Data2>();
    timeout(60 * SECOND, producer.when().online())
        .await
        .unwrap();
    time_passes(600 * SECOND).await;
    world.net.cut(a.local().id(), b.local().id());
    world.net.cut(b.local().id(), a.local().id());
    time_passes(20 * SECOND).await;
    world.net.heal();
    timeout(60 * SECOND, consumer.when().subscribed())
        .await
        .unwrap();
    timeout(60 * SECOND, producer.send(Data2(1)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(received(&mut consumer, 1).await, [Data2(1)]);
}

/// Issue 3: a producer of millions with consumers that are slow, that reconnect, and that are killed.
#[tokio::test(start_paused = true)]
async fn a_killed_consumer_does_not_hold_the_others() {
    let world = World::new(27);
    let [a, b, c] = world.nodes().await;
    let mut producer = a
        .streams()
        .producer::<Data2>()
        .with_buffer_size(64)
        .build()
        .unwrap();
    let mut stays = b.streams().consumer::<Data2>().with_queue_size(64).build();
    let killed = c.streams().consumer::<Data2>().with_queue_size(64).build();
    soon("online", producer.when().subscribed().minimum_of(2)).await;
    world.net.crash(c.local().id());
    let started = tokio::time::Instant::now();
    let ((), all) = tokio::join!(
        async {
            for value in 0..5000 {
                producer.send(Data2(value)).await.unwrap();
            }
        },
        async {
            let mut all = Vec::new();
            while all.len() < 5000 {
                all.push(
                    timeout(120 * SECOND, stays.recv())
                        .await
                        .unwrap()
                        .unwrap()
                        .0,
                );
            }
            all
        }
    );
    assert!(all.into_iter().eq(0..5000));
    assert_eq!(stays.gaps(), []);
    println!(
        "a dead consumer held the others for {:?}",
        started.elapsed()
    );
    assert!(started.elapsed() < 30 * SECOND, "{:?}", started.elapsed());
    drop(killed);
}
