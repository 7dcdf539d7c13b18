//! Producers and consumers of one node, without a network.

use {
    super::*,
    crate::{
        primitives::{BytesMut, Digest, EndpointAddr, PeerEntry, PeerId, SecretKey},
        streams::{BackPressure, ConsumerEvent, Filter, status::State},
    },
    futures::{SinkExt, future::BoxFuture, stream::BoxStream},
    serde::{Deserialize, Serialize},
    std::{
        collections::BTreeSet,
        task::{Context, Waker},
    },
    tokio::sync::watch,
};

/// A catalog with one entry.
pub(crate) struct Alone {
    me: watch::Sender<PeerEntry>,
}

impl Alone {
    pub(crate) fn new() -> Arc<Self> {
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let now = chrono::DateTime::from_timestamp(1_000_000, 0).unwrap();
        let me = PeerEntry::new_at(Digest::from("net"), EndpointAddr::from(id), now);
        Arc::new(Self {
            me: watch::Sender::new(me),
        })
    }

    fn change(&self, change: impl FnOnce(PeerEntry) -> PeerEntry) {
        self.me.send_modify(|me| *me = change(me.clone()));
    }
}

impl Directory for Alone {
    fn local_id(&self) -> PeerId {
        *self.me.borrow().id()
    }

    fn me(&self) -> PeerEntry {
        self.me.borrow().clone()
    }

    fn peer(&self, id: &PeerId) -> Option<PeerEntry> {
        (*id == self.local_id()).then(|| self.me())
    }

    fn producers(&self, _: &StreamId) -> Vec<PeerEntry> {
        Vec::new()
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        let mut receiver = self.me.subscribe();
        receiver.mark_unchanged();
        futures::stream::unfold(receiver, |mut receiver| async {
            receiver.changed().await.ok()?;
            Some(((), receiver))
        })
        .boxed()
    }

    fn advertise(&self, stream: StreamId) -> Result<(), String> {
        if self.me.borrow().streams().len() == STREAMS_MAX {
            return Err("too many streams".to_owned());
        }
        self.change(|me| me.add_streams(stream));
        Ok(())
    }

    fn retract(&self, stream: StreamId) {
        self.change(|me| me.remove_streams(stream));
    }

    fn sync_with(&self, _: PeerId) -> BoxFuture<'static, bool> {
        async { false }.boxed()
    }
}

const STREAMS_MAX: usize = 20;

fn streams() -> (Streams, Arc<Alone>) {
    let directory = Alone::new();
    let streams = Streams::open(StreamsParts {
        config: Config::builder().build().unwrap(),
        network_id: Digest::from("net"),
        directory: directory.clone(),
        transport: None,
        tasks: Tasks::root("test"),
        clock: Clock::system(),
        rng: Rng::seeded(1),
    });
    (streams, directory)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Data(String);

fn data(text: &str) -> Data {
    Data(text.to_owned())
}

fn is_ready(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    std::pin::Pin::new(future).poll(&mut cx).is_ready()
}

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
    let counted = futures::future::poll_fn(|cx| {
        polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        send.poll_unpin(cx)
    });
    let (sent, received) = tokio::join!(counted, async {
        time::sleep(Duration::from_secs(60)).await;
        let mut consumer = streams.consume::<Data>();
        consumer.recv().await
    });
    assert!(sent.is_ok());
    assert_eq!(received, Some(data("late")));
    assert!(
        polls.into_inner() < 5,
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

/// Spec 11, S9: the last handle takes the stream with it, and another can be opened at once.
#[tokio::test(start_paused = true)]
async fn s9_a_producer_dies_with_its_last_handle() {
    let (streams, directory) = streams();
    let mut producer = streams
        .producer::<Data>()
        .with_buffer_size(7)
        .build()
        .unwrap();
    let id = *producer.stream_id();
    let clone = producer.clone();
    let mut consumer = streams.consume::<Data>();
    producer.send(data("a")).await.unwrap();
    drop(producer);
    assert!(directory.me().streams().contains(&id));
    clone.try_send(data("b")).unwrap();
    drop(clone);
    assert!(!directory.me().streams().contains(&id));
    // What was accepted still arrives.
    assert_eq!(consumer.recv().await, Some(data("a")));
    assert_eq!(consumer.recv().await, Some(data("b")));
    consumer.when().unsubscribed().await;
    let mut anew = streams
        .producer::<Data>()
        .with_buffer_size(9)
        .build()
        .unwrap();
    assert_eq!(anew.config().buffer_size, 9);
    anew.send(data("c")).await.unwrap();
    assert_eq!(consumer.recv().await, Some(data("c")));
    assert_eq!(consumer.gaps(), []);
}

/// Spec 11, S10: nothing that a program asks for panics.
#[tokio::test(start_paused = true)]
async fn s10_bad_configurations_are_errors() {
    let (streams, _directory) = streams();
    let zero = streams.producer::<u8>().with_buffer_size(0).build();
    assert!(matches!(zero, Err(BuilderError::ZeroBufferSize)));
    let words = streams
        .producer::<String>()
        .with_stream_id("x")
        .build()
        .unwrap();
    let Err(BuilderError::AlreadyExists(same)) =
        streams.producer::<String>().with_stream_id("x").build()
    else {
        panic!("two producers of one stream");
    };
    assert_eq!(same.stream_id(), words.stream_id());
    let numbers = streams.producer::<u8>().with_stream_id("x").build();
    let Err(error @ BuilderError::OtherDatumType { .. }) = numbers else {
        panic!("one stream of two types");
    };
    assert!(
        error.to_string().contains("String on this node, not u8"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_advertised_is_an_error() {
    let (streams, directory) = streams();
    let open = |n: usize| {
        streams
            .producer::<u8>()
            .with_stream_id(n.to_string().as_str())
            .build()
    };
    let producers: Vec<_> = (0..STREAMS_MAX).map(|n| open(n).unwrap()).collect();
    let error = open(STREAMS_MAX).unwrap_err();
    assert!(error.to_string().contains("too many streams"), "{error}");
    assert_eq!(directory.me().streams().len(), STREAMS_MAX);
    drop(producers);
    assert!(open(STREAMS_MAX).is_ok());
}

#[tokio::test(start_paused = true)]
async fn produce_on_a_stream_of_another_type_is_closed_and_says_why() {
    let (streams, directory) = streams();
    let _taken = streams
        .producer::<String>()
        .with_stream_id(u8::derived_stream_id())
        .build()
        .unwrap();
    let before = directory.me();
    let mut closed = streams.produce::<u8>();
    assert_eq!(closed.try_send(1), Err(producer::Error::Closed(Some(1))));
    assert_eq!(closed.send(1).await, Err(producer::Error::Closed(None)));
    assert!(
        closed
            .status()
            .to_string()
            .contains("String on this node, not u8"),
        "{}",
        closed.status()
    );
    drop(closed);
    assert_eq!(
        directory.me(),
        before,
        "the stream of the other type is still advertised"
    );
}

#[tokio::test(start_paused = true)]
async fn produce_returns_the_existing_producer() {
    let (streams, _directory) = streams();
    let first = streams
        .producer::<Data>()
        .with_max_consumers(3)
        .build()
        .unwrap();
    let second = streams.produce::<Data>();
    assert_eq!(second.config().max_consumers, 3);
    assert_eq!(format!("{second:?}"), format!("{first:?}"));
    assert!(format!("{first:?}").starts_with("Producer<"));
    let consumer = streams.consume::<Data>();
    assert!(
        format!("{consumer:?}").ends_with("Data, 0 producers)"),
        "{consumer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn full_capacity_refuses_and_a_freed_place_is_taken() {
    let (streams, _directory) = streams();
    let producer = streams
        .producer::<Data>()
        .with_max_consumers(1)
        .build()
        .unwrap();
    let first = streams.consume::<Data>();
    producer.when().subscribed().await;
    let second = streams.consume::<Data>();
    time::sleep(Duration::from_secs(60)).await;
    assert!(!second.when().subscribed().is_condition_met());
    assert!(
        second.status().to_string().contains("at most 1 consumers"),
        "{}",
        second.status()
    );
    drop(first);
    time::timeout(Duration::from_secs(2), second.when().subscribed())
        .await
        .unwrap();
}

/// Spec 11, S6: eligibility follows the entry on both sides.
#[tokio::test(start_paused = true)]
async fn s6_eligibility_follows_the_entry() {
    let (streams, directory) = streams();
    let producer = streams
        .producer::<Data>()
        .require(|peer| peer.tags().contains(&"in".into()))
        .require(|peer| !peer.tags().contains(&"out".into()))
        .build()
        .unwrap();
    let consumer = streams.consume::<Data>();
    time::sleep(Duration::from_secs(40)).await;
    assert!(!producer.when().subscribed().is_condition_met());
    assert!(
        producer.status().to_string().contains("`require`"),
        "{}",
        producer.status()
    );
    let second = Duration::from_secs(1);
    for _ in 0..3 {
        directory.change(|me| me.add_tags("in"));
        time::timeout(second, consumer.when().subscribed())
            .await
            .unwrap();
        directory.change(|me| me.add_tags("out"));
        time::timeout(second, producer.when().unsubscribed())
            .await
            .unwrap();
        time::timeout(second, consumer.when().unsubscribed())
            .await
            .unwrap();
        directory.change(|me| me.remove_tags("out"));
        time::timeout(second, consumer.when().subscribed())
            .await
            .unwrap();
        directory.change(|me| me.remove_tags("in"));
        time::timeout(second, consumer.when().unsubscribed())
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumers_requirements_follow_the_entry_too() {
    let (streams, directory) = streams();
    let _producer = streams.produce::<Data>();
    let consumer = streams
        .consumer::<Data>()
        .require(|peer| peer.tags().contains(&"good".into()))
        .build();
    time::sleep(Duration::from_secs(40)).await;
    assert!(consumer.producers().next().is_none());
    directory.change(|me| me.add_tags("good"));
    time::timeout(Duration::from_secs(1), consumer.when().subscribed())
        .await
        .unwrap();
    directory.change(|me| me.remove_tags("good"));
    time::timeout(Duration::from_secs(1), consumer.when().unsubscribed())
        .await
        .unwrap();
}

/// Spec 11, S12: a slow application holds its producer, and memory stays flat.
#[tokio::test(start_paused = true)]
async fn s12_a_slow_application_slows_the_producer() {
    let (streams, _directory) = streams();
    let mut producer = streams
        .producer::<u32>()
        .with_buffer_size(8)
        .build()
        .unwrap();
    let mut consumer = streams.consumer::<u32>().with_queue_size(4).build();
    producer.when().online().await;
    let sent = async {
        let mut sent = 0;
        while time::timeout(Duration::from_secs(1), producer.send(sent))
            .await
            .is_ok()
        {
            sent += 1;
        }
        sent
    }
    .await;
    assert!(
        (8..=12).contains(&sent),
        "{sent} sent to a consumer that takes nothing"
    );
    assert_eq!(producer.try_send(99), Err(producer::Error::Full(99)));
    assert!(
        producer
            .status()
            .to_string()
            .contains("waits for a slow consumer"),
        "{}",
        producer.status()
    );
    let (_, received) = tokio::join!(
        async {
            for value in sent..1000 {
                producer.send(value).await.unwrap();
            }
        },
        async {
            let mut received = Vec::new();
            while received.len() < 1000 {
                received.push(consumer.recv().await.unwrap());
            }
            received
        }
    );
    assert_eq!(received, (0..1000).collect::<Vec<_>>());
}

/// DESIGN 7: sent = received + reported gaps, exactly.
#[tokio::test(start_paused = true)]
async fn drop_policies_account_for_every_datum() {
    for policy in [BackPressure::DropOldest, BackPressure::DropNewest] {
        let (streams, _directory) = streams();
        let producer = streams
            .producer::<u32>()
            .with_buffer_size(16)
            .with_back_pressure(policy)
            .build()
            .unwrap();
        let mut consumer = streams.consumer::<u32>().with_queue_size(10).build();
        producer.when().online().await;
        let mut received = Vec::new();
        for value in 0..5000 {
            producer.try_send(value).unwrap();
            if value % 40 == 0 {
                tokio::task::yield_now().await;
                received.extend(consumer.try_recv().ok());
            }
        }
        while let Ok(Some(value)) = time::timeout(Duration::from_secs(1), consumer.recv()).await {
            received.push(value);
        }
        let channel = consumer.producers().next().unwrap();
        // A last gap is told with the next datum that goes through.
        producer.try_send(5000).unwrap();
        received.push(consumer.recv().await.unwrap());
        assert_eq!(
            received.len() as u64 + channel.stats().lost(),
            5001,
            "{policy:?}"
        );
        assert!(
            channel.stats().gaps() > 0 && !consumer.gaps().is_empty(),
            "{policy:?}"
        );
        assert!(
            received.windows(2).all(|pair| pair[0] < pair[1]),
            "{policy:?}: out of order"
        );
        let missing: BTreeSet<u64> = consumer
            .gaps()
            .iter()
            .flat_map(|gap| gap.first..gap.end)
            .collect();
        assert!(
            received
                .iter()
                .all(|value| !missing.contains(&u64::from(*value))),
            "{policy:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lagging_consumer_is_disconnected_and_comes_back_with_a_gap() {
    let (streams, _directory) = streams();
    let producer = streams
        .producer::<u32>()
        .with_buffer_size(4)
        .disconnect_lagging(true)
        .build()
        .unwrap();
    assert!(producer.config().disconnect_lagging);
    let mut consumer = streams.consumer::<u32>().with_queue_size(2).build();
    producer.when().online().await;
    let mut events = consumer.events();
    for value in 0..20 {
        producer.try_send(value).unwrap();
    }
    producer.when().offline().await;
    producer.when().online().await;
    let mut received = Vec::new();
    while let Ok(Some(value)) = time::timeout(Duration::from_secs(1), consumer.recv()).await {
        received.push(value);
    }
    producer.try_send(20).unwrap();
    assert_eq!(consumer.recv().await, Some(20));
    let lost: u64 = consumer.gaps().iter().map(|gap| gap.lost).sum();
    assert_eq!(
        received.len() as u64 + lost,
        20,
        "{received:?} {:?}",
        consumer.gaps()
    );
    let mut kinds = Vec::new();
    while let Ok(event) = events.try_recv() {
        kinds.push(event);
    }
    assert!(
        kinds
            .iter()
            .any(|event| matches!(event, ConsumerEvent::Disconnected { .. })),
        "{kinds:?}"
    );
    assert!(
        kinds
            .iter()
            .any(|event| matches!(event, ConsumerEvent::Gap(_))),
        "{kinds:?}"
    );
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
    time::sleep(Duration::from_secs(1)).await;
    let status = wrong.status().to_string();
    assert!(
        status.contains("the index has unsigned integers, the filter asks for strings"),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_undelivered_sink_gets_what_nobody_receives() {
    let (streams, _directory) = streams();
    #[expect(
        clippy::disallowed_methods,
        reason = "the interface takes this kind of sender"
    )]
    let (sink, mut undelivered) = tokio::sync::mpsc::unbounded_channel();
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
    assert_eq!(producer.status().unheard, 2);
}

/// A datum whose encoder and decoder fail on demand.
#[derive(Debug, PartialEq)]
struct Moody(u8);

#[derive(Debug, thiserror::Error)]
#[error("not in the mood")]
struct Mood;

impl Datum for Moody {
    type EncodeError = Mood;
    type DecodeError = Mood;

    fn encode(&self) -> Result<crate::primitives::Bytes, Mood> {
        if self.0 == 13 {
            Err(Mood)
        } else {
            Ok(crate::primitives::Bytes::copy_from_slice(&[self.0]))
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, Mood> {
        match bytes {
            [66] => Err(Mood),
            [99] => panic!("a decoder with a defect"),
            [value] => Ok(Self(*value)),
            _ => Err(Mood),
        }
    }

    fn encode_into(&self, out: &mut BytesMut) -> Result<(), Mood> {
        out.extend_from_slice(&self.encode()?);
        Ok(())
    }
}

/// Spec 11, S11, and issue 3: bad datums harm no others.
#[tokio::test(start_paused = true)]
async fn s11_bad_datums_harm_no_others() {
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<Moody>();
    let mut consumer = streams.consume::<Moody>();
    producer.when().online().await;
    let error = producer.try_send(Moody(13)).unwrap_err();
    assert!(
        matches!(&error, producer::Error::Encoding(Moody(13), _)),
        "{error:?}"
    );
    assert!(matches!(
        producer.send(Moody(13)).await,
        Err(producer::Error::Encoding(Moody(13), _))
    ));
    let mut events = consumer.events();
    for value in [1, 66, 2, 99, 3] {
        producer.send(Moody(value)).await.unwrap();
    }
    for value in [1, 2, 3] {
        assert_eq!(consumer.recv().await, Some(Moody(value)));
    }
    let stats = consumer.producers().next().unwrap().stats().clone();
    assert_eq!((stats.datums(), stats.undecodable()), (5, 2));
    assert!(matches!(
        events.try_recv(),
        Ok(ConsumerEvent::Undecodable { sequence: 1, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_of_another_schema_is_told_which_field_differs() {
    mod theirs {
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        pub(super) struct Order {
            pub(super) price: i64,
        }
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Order {
        price: u64,
    }
    let (streams, _directory) = streams();
    let producer = streams
        .producer::<Order>()
        .with_stream_id("orders")
        .build()
        .unwrap();
    let consumer = streams
        .consumer::<theirs::Order>()
        .with_stream_id("orders")
        .build();
    time::sleep(Duration::from_secs(1)).await;
    let status = consumer.status().to_string();
    assert!(status.contains("price"), "{status}");
    assert!(
        producer.status().to_string().contains("another schema"),
        "{}",
        producer.status()
    );
    let _ = (Order { price: 1 }.price, theirs::Order { price: 1 }.price);
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

/// A value that may not be shared between threads does not make its handles so.
#[test]
fn handles_are_sync_and_unpin_for_every_datum() {
    fn assert_all<T: Send + Sync + Unpin>() {}
    type Unshared = std::cell::Cell<u8>;
    assert_all::<Producer<Unshared>>();
    assert_all::<Consumer<Unshared>>();
    assert_all::<crate::streams::status::When>();
    assert_all::<crate::streams::status::ChannelConditions>();
    fn assert_future<T: Future + Send + Sync + 'static>(
        _: impl FnOnce(&crate::streams::status::When) -> T,
    ) {
    }
    assert_future(crate::streams::status::When::online);
    assert_future(crate::streams::status::When::offline);
    fn assert_ended<T: Future + Send + Sync + 'static>(
        _: impl FnOnce(&crate::streams::status::ChannelInfo) -> T,
    ) {
    }
    assert_ended(crate::streams::status::ChannelInfo::disconnected);
}
