//! What is sent arrives.

use super::*;

use std::sync::{Arc, Mutex};

use futures::SinkExt;
use mosaik::streams::{StreamDef, status::State};
use tracing_subscriber::fmt::format::FmtSpan;

#[tokio::test(start_paused = true)]
async fn datums_arrive_and_the_figures_already_count_them() {
    let [a, b] = World::new(1).nodes().await;
    let mut producer = a.streams().produce::<Data1>();
    let mut consumer = b.streams().consume::<Data1>();
    assert!(consumer.is_online());
    soon("subscribed", consumer.when().subscribed()).await;
    // The other end counts it too: a datum is taken at once.
    assert!(producer.is_online());
    for (text, figures) in [("test", (1, 5)), ("data2", (2, 11))] {
        soon("sent", producer.send(Data1(text.into())))
            .await
            .unwrap();
        assert_eq!(
            soon("received", consumer.next()).await,
            Some(Data1(text.into()))
        );
        for channel in [
            producer.consumers().next().unwrap(),
            consumer.producers().next().unwrap(),
        ] {
            assert_eq!((channel.stats().datums(), channel.stats().bytes()), figures);
            assert_eq!(channel.state(), State::Connected);
            assert_eq!(
                (channel.producer_id(), channel.consumer_id()),
                (&a.local().id(), &b.local().id())
            );
            assert!(channel.stats().uptime().is_some());
        }
        assert_eq!(
            (consumer.stats().datums(), consumer.stats().bytes()),
            figures
        );
    }
    assert!(consumer.try_recv().is_err());
    let text = consumer.stats().to_string();
    assert!(
        text.starts_with("uptime: ") && text.ends_with(", datums: 2, bytes: 11 B"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn streams_of_one_type_are_told_apart_by_their_ids() {
    let [a, b] = World::new(2).nodes().await;
    let def = StreamDef::<Data1>::with_stream_id("my-stream1".into());
    let mut first = a.streams().producer_of(def).build().unwrap();
    let mut second = a
        .streams()
        .producer::<Data1>()
        .with_stream_id("my-stream2")
        .build()
        .unwrap();
    let mut of_first = b.streams().consumer_of(def).build();
    let mut of_second = b
        .streams()
        .consumer::<Data1>()
        .with_stream_id("my-stream2")
        .build();
    soon("sent", first.send(Data1("1".into()))).await.unwrap();
    soon("sent", second.send(Data1("2".into()))).await.unwrap();
    assert_eq!(received(&mut of_first, 1).await, [Data1("1".into())]);
    assert_eq!(received(&mut of_second, 1).await, [Data1("2".into())]);
    assert_eq!(first.stream_id(), unique_id!("my-stream1"));
}

#[tokio::test(start_paused = true)]
async fn every_consumer_gets_everything_from_every_producer() {
    let [a, b, c] = World::new(3).nodes().await;
    let mut producers = [
        a.streams().produce::<Data2>(),
        b.streams().produce::<Data2>(),
    ];
    let mut consumers = [
        b.streams().consume::<Data2>(),
        c.streams().consume::<Data2>(),
        c.streams().consume::<Data2>(),
    ];
    for consumer in &consumers {
        soon("subscribed", consumer.when().subscribed().minimum_of(2)).await;
    }
    for producer in &producers {
        soon("subscribed", producer.when().subscribed().minimum_of(3)).await;
    }
    for value in 0..1000 {
        producers[value as usize % 2]
            .send(Data2(value))
            .await
            .unwrap();
    }
    for consumer in &mut consumers {
        let all = received(consumer, 1000).await;
        let of = |parity| {
            all.iter()
                .map(|datum| datum.0)
                .filter(move |value| value % 2 == parity)
        };
        assert!(of(0).eq((0..1000).step_by(2)) && of(1).eq((1..1000).step_by(2)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_does_not_know_the_consumer_learns_of_it() {
    let world = World::new(4);
    let (a, b) = (world.node(1).await, world.node(2).await);
    let mut producer = a.streams().produce::<Data2>();
    let mut consumer = b.streams().consume::<Data2>();
    assert!(b.discovery().feed(a.discovery().me()));
    soon("sent", producer.send(Data2(1))).await.unwrap();
    assert_eq!(received(&mut consumer, 1).await, [Data2(1)]);
    assert!(a.discovery().catalog().get(&b.local().id()).is_some());
}

/// What is traced, as text.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every channel has a span at either end, which names the stream and the other end.
#[tokio::test(start_paused = true)]
async fn a_channel_has_a_span_at_either_end() {
    let traced = Traced::default();
    let writer = traced.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(FmtSpan::NEW)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _tracing = tracing::subscriber::set_default(subscriber);
    let [a, b] = World::new(28).nodes().await;
    let producer = a.streams().produce::<Data2>();
    let consumer = b.streams().consume::<Data2>();
    soon("subscribed", consumer.when().subscribed()).await;
    let short = |id: String| id[..10].to_owned();
    let stream = short(producer.stream_id().to_string());
    let text = String::from_utf8(traced.0.lock().unwrap().clone()).unwrap();
    for (end, node) in [("producer", &a), ("consumer", &b)] {
        let id = short(node.local().id().to_string());
        let span = format!("stream{{stream={stream} {end}={id}}}: ");
        assert!(text.contains(&span), "no {span} in\n{text}");
    }
}
