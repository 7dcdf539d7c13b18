//! Streams between nodes: on the network in memory under paused time, where every run is the same.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt, future::join_all};
use mosaik::{
    streams::{
        BackPressure, ConsumerEvent, Filter, GapReason, StreamDef, consumer, producer,
        status::State,
    },
    testing::{Clock, MemoryNet},
    tickets::{Expiration, InvalidTicket, Ticket, TicketValidator},
    *,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Data1(String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Data2(u64);

/// Nodes in memory that share a calendar.
struct World {
    net: MemoryNet,
    clock: Clock,
    id: NetworkId,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            net: MemoryNet::new(seed),
            clock: Clock::starting_at(chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap()),
            id: NetworkId::from("streams"),
        }
    }

    async fn node(&self, seed: u64) -> Network {
        Network::builder(self.id)
            .with_memory_net(&self.net)
            .with_clock(self.clock)
            .with_seed(seed)
            .build()
            .await
            .unwrap()
    }

    async fn nodes<const N: usize>(&self) -> [Network; N] {
        let mut nodes = Vec::new();
        for seed in 1..=N as u64 {
            nodes.push(self.node(seed).await);
        }
        introduce(&nodes).await;
        nodes.try_into().ok().unwrap()
    }
}

/// Every node knows every other one.
async fn introduce(nodes: &[Network]) {
    for (index, node) in nodes.iter().enumerate() {
        for other in &nodes[..index] {
            timeout(SOON, node.discovery().sync_with(other.local().addr()))
                .await
                .unwrap()
                .unwrap();
        }
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future)
        .await
        .unwrap_or_else(|_| panic!("not soon: {what}"))
}

async fn received<D: Datum>(consumer: &mut streams::Consumer<D>, count: usize) -> Vec<D> {
    soon("datums arrive", consumer.take(count).collect()).await
}

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

#[tokio::test(start_paused = true)]
async fn a_freed_place_is_taken_within_two_seconds() {
    let world = World::new(5);
    let nodes: [Network; 6] = world.nodes().await;
    let [producing, consuming @ ..] = nodes;
    let producer = producing
        .streams()
        .producer::<Data2>()
        .with_max_consumers(3)
        .build()
        .unwrap();
    assert_eq!(producer.config().max_consumers, 3);
    let mut consumers: Vec<_> = consuming
        .into_iter()
        .map(|node| (node.streams().consume::<Data2>(), node))
        .collect();
    soon("full", producer.when().subscribed().minimum_of(3)).await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(producer.consumers().count(), 3);
    assert!(
        producer
            .status()
            .to_string()
            .contains("at most 3 consumers"),
        "{}",
        producer.status()
    );
    let served = consumers
        .iter()
        .position(|(consumer, _)| consumer.when().subscribed().is_condition_met())
        .unwrap();
    drop(consumers.remove(served));
    soon(
        "a place is free",
        producer.when().subscribed().minimum_of(3).unmet(),
    )
    .await;
    timeout(2 * SECOND, producer.when().subscribed().minimum_of(3))
        .await
        .unwrap();
}

/// Spec 11, S6, between two nodes: in within a second of becoming eligible, out within a second of ceasing to be.
#[tokio::test(start_paused = true)]
async fn s6_eligibility_follows_the_entries_of_others() {
    let [a, b] = World::new(6).nodes().await;
    let producer = a
        .streams()
        .producer::<Data1>()
        .require(|peer| peer.tags().contains(&"trusted".into()))
        .build()
        .unwrap();
    let consumer = b
        .streams()
        .consumer::<Data1>()
        .require(|peer| peer.tags().contains(&"good".into()))
        .build();
    sleep(40 * SECOND).await;
    assert!(consumer.producers().next().is_none());
    a.discovery().add_tags("good");
    sleep(40 * SECOND).await;
    assert!(!consumer.when().subscribed().is_condition_met());
    let refused = consumer.status().to_string();
    assert!(
        refused.contains("NotAllowed") && !refused.contains("require"),
        "{refused}"
    );
    for _ in 0..3 {
        b.discovery().add_tags("trusted");
        timeout(SECOND, consumer.when().subscribed())
            .await
            .expect("in within a second");
        b.discovery().remove_tags("trusted");
        timeout(SECOND, consumer.when().unsubscribed())
            .await
            .expect("out within a second");
        b.discovery().add_tags("trusted");
        timeout(SECOND, consumer.when().subscribed())
            .await
            .expect("in again");
        a.discovery().remove_tags("good");
        timeout(SECOND, producer.when().unsubscribed())
            .await
            .expect("out at the consumer's wish");
        b.discovery().remove_tags("trusted");
        a.discovery().add_tags("good");
    }
}

/// Tickets that hold the second at which they expire.
struct Until;

impl TicketValidator for Until {
    fn class(&self) -> UniqueId {
        id!("until")
    }

    fn signature(&self) -> UniqueId {
        self.class()
    }

    fn validate(
        &self,
        ticket: &[u8],
        _: &discovery::PeerEntry,
    ) -> Result<Expiration, InvalidTicket> {
        let seconds = ticket
            .try_into()
            .map(i64::from_be_bytes)
            .map_err(|_| InvalidTicket)?;
        let at = chrono::DateTime::from_timestamp(seconds, 0).ok_or(InvalidTicket)?;
        Ok(Expiration::At(at))
    }
}

fn ticket(clock: &Clock, seconds: i64) -> Ticket {
    let until = clock.utc().timestamp() + seconds;
    Ticket::new(id!("until"), Bytes::copy_from_slice(&until.to_be_bytes()))
}

/// A validator that knows the time, as the ones for real tickets do.
struct Living(Clock);

impl TicketValidator for Living {
    fn class(&self) -> UniqueId {
        Until.class()
    }

    fn signature(&self) -> UniqueId {
        Until.signature()
    }

    fn validate(
        &self,
        ticket: &[u8],
        peer: &discovery::PeerEntry,
    ) -> Result<Expiration, InvalidTicket> {
        match Until.validate(ticket, peer)? {
            Expiration::At(at) if at <= self.0.utc() => Err(InvalidTicket),
            expiration => Ok(expiration),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tickets_bind_while_they_are_valid_on_both_sides() {
    let world = World::new(7);
    let [a, b] = world.nodes().await;
    let producer = a
        .streams()
        .producer::<Data1>()
        .require_ticket(Living(world.clock))
        .build()
        .unwrap();
    let consumer = b.streams().consumer::<Data1>().build();
    sleep(2 * SECOND).await;
    assert!(!consumer.when().subscribed().is_condition_met());
    b.discovery().add_ticket(ticket(&world.clock, 10));
    timeout(SECOND, consumer.when().subscribed())
        .await
        .expect("in with a ticket");
    // Renewed in time: nothing happens when the first would have expired.
    sleep(5 * SECOND).await;
    b.discovery().add_ticket(ticket(&world.clock, 20));
    let channel = consumer.producers().next().unwrap();
    assert!(
        timeout(10 * SECOND, channel.disconnected()).await.is_err(),
        "renewed tickets keep the channel"
    );
    timeout(12 * SECOND, producer.when().unsubscribed())
        .await
        .expect("out when the second one expires");
    b.discovery().add_ticket(ticket(&world.clock, 100));
    timeout(SECOND, consumer.when().subscribed())
        .await
        .expect("in again");
    b.discovery().remove_tickets_of(id!("until"));
    timeout(SECOND, consumer.when().unsubscribed())
        .await
        .expect("out without a ticket");

    // The consumer asks the producer for one.
    let strict = b
        .streams()
        .consumer::<Data2>()
        .require_ticket(Living(world.clock))
        .build();
    let _numbers = a.streams().produce::<Data2>();
    sleep(2 * SECOND).await;
    assert!(strict.producers().next().is_none());
    a.discovery().add_ticket(ticket(&world.clock, 3));
    timeout(SECOND, strict.when().subscribed())
        .await
        .expect("in with a ticket");
    timeout(5 * SECOND, strict.when().unsubscribed())
        .await
        .expect("out when it expires");
}

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
                    sleep(Duration::from_millis(3)).await;
                }
                if value % 1000 == 500 {
                    // Long enough for the links to be given up on a bad day, short enough to resume.
                    a.discovery();
                    world.net.cut(a.local().id(), b.local().id());
                    sleep(Duration::from_millis(300)).await;
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
    sleep(10 * SECOND).await;
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

/// DESIGN 4: both ends name the first field that differs.
#[tokio::test(start_paused = true)]
async fn ends_with_other_schemas_are_told_which_field_differs() {
    mod theirs {
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        pub(super) struct Order {
            pub(super) amount: u64,
            pub(super) price: i64,
        }
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Order {
        amount: u64,
        price: u64,
    }
    let [a, b] = World::new(22).nodes().await;
    let mut producer = a
        .streams()
        .producer::<Order>()
        .with_stream_id("orders")
        .build()
        .unwrap();
    let consumer = b
        .streams()
        .consumer::<theirs::Order>()
        .with_stream_id("orders")
        .build();
    let mut good = b
        .streams()
        .consumer::<Order>()
        .with_stream_id("orders")
        .build();
    sleep(3 * SECOND).await;
    for status in [consumer.status().to_string(), producer.status().to_string()] {
        assert!(
            status.contains("Order.price") && status.contains("i64") && status.contains("u64"),
            "{status}"
        );
    }
    soon(
        "others are unharmed",
        producer.send(Order {
            amount: 1,
            price: 2,
        }),
    )
    .await
    .unwrap();
    let order = received(&mut good, 1).await.remove(0);
    assert_eq!((order.amount, order.price), (1, 2));
    let theirs = theirs::Order {
        amount: 1,
        price: 2,
    };
    assert_eq!((theirs.amount, theirs.price), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn filters_history_and_policies_work_between_nodes() {
    let [a, b] = World::new(23).nodes().await;
    let producer = a
        .streams()
        .producer::<Data2>()
        .index_by(|datum| datum.0)
        .with_history(50)
        .with_back_pressure(BackPressure::DropOldest)
        .online_when(|c| c.minimum_of(0))
        .build()
        .unwrap();
    for value in 0..100 {
        producer.try_send(Data2(value)).unwrap();
    }
    let mut even = b
        .streams()
        .consumer::<Data2>()
        .with_filter(Filter::key_in([60u64, 70, 160, 170]))
        .build();
    let mut all = b.streams().consume::<Data2>();
    soon("online", producer.when().subscribed().minimum_of(2)).await;
    for value in 100..200 {
        producer.try_send(Data2(value)).unwrap();
    }
    assert_eq!(received(&mut even, 4).await, [60, 70, 160, 170].map(Data2));
    assert!(
        received(&mut all, 150)
            .await
            .into_iter()
            .map(|datum| datum.0)
            .eq(50..200)
    );
    assert_eq!(
        producer
            .consumers()
            .map(|channel| channel.stats().datums())
            .sum::<usize>(),
        154
    );
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
    sleep(600 * SECOND).await;
    let mut producer = a.streams().produce::<Data2>();
    timeout(60 * SECOND, producer.when().online())
        .await
        .unwrap();
    sleep(600 * SECOND).await;
    world.net.cut(a.local().id(), b.local().id());
    world.net.cut(b.local().id(), a.local().id());
    sleep(20 * SECOND).await;
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

/// Spec 11, S13: handles need nothing of the datum; lists show what is there.
#[tokio::test(start_paused = true)]
async fn s13_handles_need_nothing_of_the_datum() {
    #[derive(Serialize, Deserialize)]
    struct Plain(std::cell::Cell<u8>);
    let [a, b] = World::new(25).nodes().await;
    let producer = a.streams().produce::<Plain>().clone();
    let mut consumer: streams::Consumer<Plain> = b.streams().consume();
    soon("online", producer.when().online()).await;
    assert_eq!(producer.consumers().count(), 1);
    producer.try_send(Plain(7.into())).ok().unwrap();
    assert_eq!(soon("received", consumer.recv()).await.unwrap().0.get(), 7);
    drop(consumer);
    soon("gone", producer.when().unsubscribed()).await;
    assert_eq!(producer.consumers().count(), 0);
}

/// A future of the conditions is a value like others: `'static`, `Send` and `Sync`.
#[tokio::test(start_paused = true)]
async fn defined_streams_open_their_ends() {
    const DEF: streams::ProducerDef<Data2> = streams::ProducerDef::new(Some(id!("defined")));
    let [a, b] = World::new(26).nodes().await;
    let mut producer = DEF.open(&a).with_buffer_size(3).build().unwrap();
    let mut consumer = streams::ConsumerDef::<Data2>::new(Some(id!("defined")))
        .open(&b)
        .build();
    let online = tokio::spawn(producer.when().online());
    soon("online", online).await.unwrap();
    soon("sent", producer.send(Data2(1))).await.unwrap();
    assert_eq!(received(&mut consumer, 1).await, [Data2(1)]);
    fn is_builder<T>() {}
    is_builder::<producer::Builder<'static, u8>>();
    is_builder::<consumer::Builder<'static, u8>>();
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

/// Issue 3: 200 streams among 10 nodes come up within 5 s of start. Real sockets, real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_streams_among_ten_nodes_come_up() {
    let start = Instant::now();
    let id = NetworkId::random();
    let nodes: Vec<Network> = join_all((0..10).map(|_| Network::builder(id).loopback().build()))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let nodes = Arc::new(nodes);
    for node in &nodes[1..] {
        node.discovery().dial(nodes[0].local().addr()).await;
    }
    let mut ends = Vec::new();
    for stream in 0..200usize {
        let name = stream.to_string();
        let producer = nodes[stream % 10]
            .streams()
            .producer::<u64>()
            .with_stream_id(name.as_str());
        let consumer = nodes[(stream * 7 + 3) % 10]
            .streams()
            .consumer::<u64>()
            .with_stream_id(name.as_str());
        ends.push((producer.build().unwrap(), consumer.build()));
    }
    let up = ends
        .iter_mut()
        .enumerate()
        .map(|(stream, (producer, consumer))| async move {
            producer.send(stream as u64).await.unwrap();
            assert_eq!(consumer.recv().await, Some(stream as u64));
        });
    timeout(Duration::from_secs(20), join_all(up))
        .await
        .expect("all streams come up");
    println!(
        "200 streams among 10 nodes: {:?} after start",
        start.elapsed()
    );
}
