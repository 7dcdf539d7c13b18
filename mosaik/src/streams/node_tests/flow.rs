//! What is sent arrives.

use {
    super::*,
    crate::streams::{Filter, status::State},
    futures::SinkExt,
    tokio::sync::mpsc,
};

#[tokio::test(start_paused = true)]
async fn a_consumer_on_the_same_node_gets_everything() {
    let (streams, directory) = streams();
    let mut producer = streams.produce::<Data>();
    assert!(directory.me().streams().contains(producer.stream_id()));
    let mut first = streams.consume::<Data>();
    let mut second = streams.consume::<Data>();
    producer.when().subscribed().minimum_of(2).await;
    for text in ["a", "b"] {
        producer.send(data(text)).await.unwrap();
    }
    for consumer in [&mut first, &mut second] {
        assert_eq!(consumer.recv().await, Some(data("a")));
        assert_eq!(consumer.recv().await, Some(data("b")));
        assert_eq!(
            (consumer.stats().datums(), consumer.stats().bytes()),
            (2, 4)
        );
        let channel = consumer.producers().next().unwrap();
        assert_eq!((channel.stats().datums(), channel.stats().bytes()), (2, 4));
        assert_eq!(channel.state(), State::Connected);
    }
    assert!(
        producer
            .consumers()
            .all(|channel| channel.stats().datums() == 2)
    );
}

/// Spec 11, S1 and 12.5: a send that waits for the first consumer uses no CPU, and completes when one appears.
#[tokio::test(start_paused = true)]
async fn s1_a_send_waits_for_the_first_consumer_without_polling() {
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<Data>();
    assert!(!producer.is_online());
    assert_eq!(
        producer.try_send(data("early")),
        Err(producer::Error::Offline(data("early")))
    );
    let mut send = Box::pin(producer.send(data("late")));
    let polls = std::sync::atomic::AtomicUsize::new(0);
    let mut counted = futures::future::poll_fn(|cx| {
        polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        send.poll_unpin(cx)
    });
    let early = time::timeout(Duration::from_secs(60), &mut counted).await;
    assert!(early.is_err(), "sent to nobody");
    let mut consumer = streams.consume::<Data>();
    let (sent, received) = tokio::join!(counted, consumer.recv());
    assert!(sent.is_ok());
    assert_eq!(received, Some(data("late")));
    assert!(
        polls.into_inner() < 6,
        "the pending send was polled again and again"
    );
}

/// Spec 11, S2: a condition that was awaited before the channel opened wakes when it does.
#[tokio::test(start_paused = true)]
async fn s2_a_condition_wakes_when_a_channel_connects() {
    let (streams, _directory) = streams();
    let producer = streams.produce::<Data>();
    let mut subscribed = producer.when().subscribed();
    let mut unsubscribed = producer.when().unsubscribed();
    assert!(!is_ready(&mut subscribed) && is_ready(&mut unsubscribed));
    let consumer = streams.consume::<Data>();
    (&mut subscribed).await;
    // Met and seen: not again until it was seen unmet.
    assert!(!is_ready(&mut subscribed) && is_ready(&mut subscribed.clone()));
    assert_eq!(subscribed, true);
    assert_eq!(true, subscribed);
    assert!(!is_ready(&mut unsubscribed));
    drop(consumer);
    (&mut unsubscribed).await;
    assert!(!is_ready(&mut subscribed));
    let _again = streams.consume::<Data>();
    subscribed.await;
}

#[tokio::test(start_paused = true)]
async fn online_follows_the_condition_in_both_directions() {
    let (streams, directory) = streams();
    directory.change(|me| me.add_tags("seen"));
    // Spec 11, S13b: one that joins may take it down.
    let lonely = streams
        .producer::<u8>()
        .online_when(|c| c.unmet())
        .build()
        .unwrap();
    assert!(lonely.is_online());
    let tagged = streams
        .producer::<u16>()
        .online_when(|c| c.minimum_of(2).with_tags("seen"))
        .build()
        .unwrap();
    let other = streams
        .producer::<u32>()
        .online_when(|c| c.with_predicate(|_| false))
        .build()
        .unwrap();
    let always = streams
        .producer::<u64>()
        .online_when(|c| c.minimum_of(0))
        .build()
        .unwrap();
    let consumer = streams.consume::<u8>();
    assert!(consumer.is_online());
    lonely.when().offline().await;
    let first = streams.consume::<u16>();
    tagged.when().subscribed().await;
    assert!(!tagged.is_online());
    let second = streams.consume::<u16>();
    tagged.when().online().await;
    drop(first);
    tagged.when().offline().await;
    let _third = streams.consume::<u32>();
    other.when().subscribed().await;
    assert!(!other.is_online());
    assert!(always.is_online() && always.try_send(1).is_ok());
    drop((second, consumer));
    lonely.when().online().await;
    let picky = streams
        .consumer::<u8>()
        .online_when(|c| c.minimum_of(1))
        .build();
    picky.when().online().await;
    drop(lonely);
    picky.when().offline().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_consumer_gets_the_history() {
    let (streams, _directory) = streams();
    let producer = streams
        .producer::<u32>()
        .with_history(3)
        .online_when(|c| c.minimum_of(0))
        .build()
        .unwrap();
    for value in 0..10 {
        producer.try_send(value).unwrap();
    }
    let mut consumer = streams.consume::<u32>();
    for value in 7..10 {
        assert_eq!(consumer.recv().await, Some(value));
    }
    assert!(consumer.gaps().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_filter_is_evaluated_at_the_producer() {
    let (streams, _directory) = streams();
    let mut producer = streams
        .producer::<(u32, String)>()
        .index_by(|datum| datum.0)
        .build()
        .unwrap();
    let mut some = streams
        .consumer::<(u32, String)>()
        .with_filter(Filter::key_range(10u32..20))
        .build();
    let mut all = streams.consume::<(u32, String)>();
    producer.when().subscribed().minimum_of(2).await;
    for key in 0..100 {
        producer.send((key, key.to_string())).await.unwrap();
    }
    for key in 10..20 {
        assert_eq!(some.recv().await, Some((key, key.to_string())));
    }
    for key in 0..100 {
        assert_eq!(all.recv().await, Some((key, key.to_string())));
    }
    assert_eq!(some.producers().next().unwrap().stats().datums(), 10);
    assert!(some.gaps().is_empty());
    let wrong = streams
        .consumer::<(u32, String)>()
        .with_filter(Filter::key_is("x"))
        .build();
    turned_away(&mut wrong.events(), 1).await;
    let status = wrong.status().to_string();
    assert!(
        status.contains("the index has unsigned integers, the filter asks for strings"),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_undelivered_sink_gets_what_nobody_receives() {
    let (streams, _directory) = streams();
    let (sink, mut undelivered) = mpsc::channel(1);
    let producer = streams
        .producer::<u32>()
        .with_undelivered_sink(sink)
        .index_by(|value| *value)
        .online_when(|c| c.minimum_of(0))
        .build()
        .unwrap();
    producer.try_send(1).unwrap();
    assert_eq!(undelivered.recv().await, Some(1));
    let mut consumer = streams
        .consumer::<u32>()
        .with_filter(Filter::key_range(10u32..))
        .build();
    producer.when().subscribed().await;
    producer.try_send(2).unwrap();
    producer.try_send(12).unwrap();
    assert_eq!(undelivered.recv().await, Some(2));
    assert_eq!(consumer.recv().await, Some(12));
    // There is no room in the sink: the producer goes on, and counts.
    for value in [3, 4, 5] {
        producer.try_send(value).unwrap();
    }
    assert_eq!(undelivered.recv().await, Some(3));
    let status = producer.status();
    assert_eq!((status.unheard, status.undelivered_dropped), (5, 2));
    drop(undelivered);
    producer.try_send(6).unwrap();
    assert_eq!(producer.status().undelivered_dropped, 2);
}

/// A channel ends with its network: whoever waits is told.
#[tokio::test(start_paused = true)]
async fn dropping_the_streams_ends_everything() {
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<u32>();
    let mut consumer = streams.consume::<u32>();
    producer.send(1).await.unwrap();
    producer.send(2).await.unwrap();
    let tasks = streams.inner.tasks.clone();
    streams.close(Duration::from_secs(1)).await;
    drop(streams);
    assert_eq!(producer.send(3).await, Err(producer::Error::Closed(None)));
    assert_eq!(
        tasks.close(Duration::from_secs(1)).await,
        0,
        "a task had to be aborted"
    );
    assert_eq!(consumer.recv().await, Some(1));
    assert_eq!(consumer.recv().await, Some(2));
    assert_eq!(consumer.recv().await, None);
    assert!(!producer.is_online() && !consumer.is_online());
    producer.when().offline().await;
}
