//! Declared streams at work: what a declaration says is what the nodes do.

mod replicated;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{FutureExt, SinkExt, StreamExt};
use mosaik::{
    streams::{BackPressure, ConsumerDef, Filter, ProducerDef},
    tickets::{Expiration, InvalidTicket, Ticket, TicketValidator},
    *,
};
use serde::{Deserialize, Serialize};

use crate::{streams::until, wait::within, world::World};

const SOON: Duration = Duration::from_secs(10);
const TRUSTED: Tag = unique_id!("trusted");
const CLASS: UniqueId = unique_id!("declare.ticket");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trade {
    price: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(name = "declare.order", version = 2)]
struct Order(u64);

/// Nodes in memory that know each other.
async fn nodes<const N: usize>(seed: u64) -> [Network; N] {
    World::new(seed).nodes().await
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

fn connected(channels: impl Iterator<Item = streams::status::ChannelInfo>) -> Vec<PeerId> {
    channels
        .filter(|channel| channel.is_connected())
        .map(|channel| *channel.peer().id())
        .collect()
}

/// Whether a node is among those that were turned away.
fn refuses(refused: &[streams::status::Refused], node: &Network) -> bool {
    refused
        .iter()
        .any(|refused| refused.peer == node.local().id())
}

stream!(Simple = Trade);
stream!(Named = Trade, "declare.named");
stream!(Versioned = Order);

#[tokio::test(start_paused = true)]
async fn datums_flow_under_the_declared_id() {
    let [a, b] = nodes(1).await;
    let mut producer = Named::producer(&a);
    let mut consumer = Named::consumer(&b);
    assert_eq!(producer.stream_id(), unique_id!("declare.named"));
    assert_eq!(
        Simple::producer(&a).stream_id(),
        &Trade::derived_stream_id()
    );
    assert_eq!(
        Versioned::producer(&a).stream_id(),
        unique_id!("declare.order@2")
    );
    soon("the datum is taken", producer.send(Trade { price: 7 }))
        .await
        .unwrap();
    assert_eq!(
        soon("the datum arrives", consumer.next()).await,
        Some(Trade { price: 7 })
    );
}

#[tokio::test(start_paused = true)]
async fn a_declaration_has_one_producer_on_a_node() {
    let [a, b] = nodes(2).await;
    let mut consumer = Named::consumer(&b);
    let (first, second) = (Named::producer(&a), Named::online_producer(&a));
    let second = soon("the second is online", second).await;
    first.try_send(Trade { price: 1 }).unwrap();
    second.try_send(Trade { price: 2 }).unwrap();
    let received: Vec<_> = soon("both arrive", consumer.by_ref().take(2).collect()).await;
    assert_eq!(received, [Trade { price: 1 }, Trade { price: 2 }]);
}

#[tokio::test(start_paused = true)]
async fn online_producer_waits_for_the_condition() {
    let [a, b, c] = nodes(3).await;
    stream!(Twice = Trade, "declare.twice", producer online_when: |c| c.minimum_of(2));
    let online = Twice::online_producer(&a);
    tokio::pin!(online);
    let first = Twice::consumer(&b);
    soon("one consumer is there", first.when().subscribed()).await;
    assert!((&mut online).now_or_never().is_none());
    let _second = Twice::consumer(&c);
    assert_eq!(
        soon("two consumers are there", online)
            .await
            .consumers()
            .count(),
        2
    );
}

// S8 and the prefix: it names who must satisfy the requirement, and the other side checks it.
stream!(producer Guarded = Trade, "declare.guarded",
    consumer require: |peer| peer.tags().contains(&TRUSTED));
stream!(consumer OfGuarded = Trade, "declare.guarded");

#[tokio::test(start_paused = true)]
async fn the_producer_checks_what_a_consumer_must_satisfy() {
    let [a, b, c] = nodes(4).await;
    b.discovery().add_tags(TRUSTED);
    let producer = Guarded::producer(&a);
    let (_trusted, _stranger) = (OfGuarded::consumer(&b), OfGuarded::consumer(&c));
    soon(
        "the trusted consumer is served",
        producer.when().subscribed(),
    )
    .await;
    until("the stranger is refused", || {
        refuses(&producer.status().refused, &c)
    })
    .await;
    assert_eq!(connected(producer.consumers()), [b.local().id()]);
}

stream!(producer AnyOffer = Trade, "declare.offers");
stream!(consumer Careful = Trade, "declare.offers",
    producer require: |peer| peer.tags().contains(&TRUSTED));

#[tokio::test(start_paused = true)]
async fn the_consumer_checks_what_a_producer_must_satisfy() {
    let [a, b, c] = nodes(5).await;
    a.discovery().add_tags(TRUSTED);
    let (_trusted, stranger) = (AnyOffer::producer(&a), AnyOffer::producer(&b));
    let consumer = Careful::consumer(&c);
    soon(
        "the trusted producer is found",
        consumer.when().subscribed(),
    )
    .await;
    until("the stranger is refused", || {
        refuses(&consumer.status().refused, &b)
    })
    .await;
    assert_eq!(connected(consumer.producers()), [a.local().id()]);
    assert_eq!(stranger.consumers().count(), 0);
}

/// Accepts any ticket of one class.
struct OfClass;

impl TicketValidator for OfClass {
    fn class(&self) -> UniqueId {
        CLASS
    }

    fn signature(&self) -> UniqueId {
        CLASS
    }

    fn validate(&self, _: &[u8], _: &discovery::PeerEntry) -> Result<Expiration, InvalidTicket> {
        Ok(Expiration::Never)
    }
}

stream!(Ticketed = Trade, "declare.ticketed", consumer require_ticket: OfClass);

#[tokio::test(start_paused = true)]
async fn tickets_are_asked_of_the_named_side_only() {
    let [a, b, c] = nodes(6).await;
    b.discovery()
        .add_ticket(Ticket::new(CLASS, Bytes::from_static(b"ticket")));
    let producer = Ticketed::producer(&a);
    let (_holder, _other) = (Ticketed::consumer(&b), Ticketed::consumer(&c));
    soon("the holder is served", producer.when().subscribed()).await;
    until("the other is refused", || {
        refuses(&producer.status().refused, &c)
    })
    .await;
    assert_eq!(connected(producer.consumers()), [b.local().id()]);
}

stream! {
    Indexed = Trade, "declare.indexed",
    index_by: |trade| trade.price,
    filter: Filter::key_range(10u64..),
    history: 4,
    queue_size: 8,
    max_consumers: 3,
    buffer_size: 16,
    back_pressure: BackPressure::DropOldest,
}

#[tokio::test(start_paused = true)]
async fn options_reach_their_side() {
    let [a, b, c] = nodes(7).await;
    let mut producer = Indexed::producer(&a);
    assert_eq!(producer.config().max_consumers, 3);
    assert_eq!(producer.config().buffer_size, 16);
    assert_eq!(producer.config().back_pressure, BackPressure::DropOldest);
    let mut early = Indexed::consumer(&b);
    for price in [3, 11, 5, 12] {
        soon("the datum is taken", producer.send(Trade { price }))
            .await
            .unwrap();
    }
    let mut late = Indexed::consumer(&c);
    for consumer in [&mut early, &mut late] {
        let received: Vec<_> = soon("the dear ones arrive", consumer.take(2).collect()).await;
        assert_eq!(received, [Trade { price: 11 }, Trade { price: 12 }]);
    }
}

#[tokio::test(start_paused = true)]
async fn values_are_evaluated_on_every_call() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    stream!(Counted = Trade, "declare.counted", queue_size: CALLS.fetch_add(1, Ordering::SeqCst) + 1);
    let [a] = nodes(8).await;
    let _consumers = [Counted::consumer(&a), Counted::consumer(&a)];
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}

/// What the macro cannot see, the builder refuses: the producer is closed and says why.
#[tokio::test(start_paused = true)]
async fn an_impossible_value_closes_the_producer() {
    const NONE: usize = 0;
    stream!(Impossible = Trade, "declare.impossible", buffer_size: NONE);
    let [a] = nodes(9).await;
    let producer = Impossible::producer(&a);
    let refused = producer.try_send(Trade { price: 1 });
    assert!(
        matches!(refused, Err(streams::producer::Error::Closed(_))),
        "{refused:?}"
    );
}

const NAMES: ProducerDef<Trade> = ProducerDef::new(Some(unique_id!("declare.defined")));
const READERS: ConsumerDef<Trade> = ConsumerDef::new(Some(unique_id!("declare.defined")));

#[tokio::test(start_paused = true)]
async fn definitions_are_constants() {
    let [a, b] = nodes(10).await;
    let mut producer = NAMES.open(&a).build().unwrap();
    let mut consumer = READERS.open(&b).with_queue_size(4).build();
    assert_eq!(
        ConsumerDef::<Trade>::new(None).open(&b).build().stream_id(),
        &Trade::derived_stream_id()
    );
    soon("the datum is taken", producer.send(Trade { price: 3 }))
        .await
        .unwrap();
    assert_eq!(
        soon("the datum arrives", consumer.next()).await,
        Some(Trade { price: 3 })
    );
}
