//! What is special to streams: events, and entries that are not the bearer's own.

use mosaik::streams::ConsumerEvent;
use serde::{Deserialize, Serialize};

use super::{
    seats::{Seat, StreamConsumer, StreamProducer},
    *,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick(u64);

/// Spec groups 7.1, D-16: a peer that shows somebody else's entry, with a valid ticket in it, has no right by it; and a
/// ticket that has expired is never taken for one that never does.
#[tokio::test(start_paused = true)]
async fn f17_no_right_by_an_expired_ticket_or_by_anothers() {
    let world = World::new(1);
    let [guard, bearer] = world.pair().await;
    let member = world.node(3).await;
    member
        .discovery()
        .add_ticket(ticket(&member, world.after(60_000)));
    // The bearer carries a copy of the member's ticket, and one of its own that was over before it was asked.
    let stolen = member.discovery().me().tickets().values().next().cloned();
    bearer.discovery().add_ticket(stolen.unwrap());
    bearer
        .discovery()
        .add_ticket(ticket(&bearer, world.after(0)));
    let producer = guard
        .streams()
        .producer::<Tick>()
        .require_ticket(rule())
        .build()
        .unwrap();
    let consumer = bearer.streams().consume::<Tick>();
    // The guard knows the member and its entry well.
    let entry = member.discovery().me();
    soon("sync", guard.discovery().sync_with(member.local().addr()))
        .await
        .unwrap();
    bearer.discovery().feed(entry.clone());
    guard.discovery().feed(entry);
    for _ in 0..400 {
        assert_eq!(producer.consumers().count(), 0);
        sleep(Duration::from_secs(1)).await;
    }
    let told = producer.status().to_string();
    assert!(told.contains("none of 2 is valid"), "{told}");
    assert!(!consumer.status().to_string().contains("valid"));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_ends_a_channel_tells_why_to_its_own_node() {
    let world = World::new(2);
    let [producing, consuming] = world.pair().await;
    producing
        .discovery()
        .add_ticket(ticket(&producing, world.after(2000)));
    let _producer = producing.streams().produce::<Tick>();
    let consumer = consuming
        .streams()
        .consumer::<Tick>()
        .require_ticket(rule())
        .build();
    let mut events = consumer.events();
    loop {
        let event = soon("an event", events.recv()).await.unwrap();
        if let ConsumerEvent::Disconnected { reason, .. } = event {
            assert!(reason.contains("JWT: it expired at"), "{reason}");
            break;
        }
    }
    // The reason stays readable.
    sleep(10 * SECOND).await;
    let told = consumer.status().to_string();
    assert!(told.contains("JWT: it expired at"), "{told}");
}

/// A ticket for later opens the door when its time has come, long after anybody has heard of anything new.
async fn begins_later<S: Seat>(seed: u64) {
    let world = World::new(seed);
    let [guard, bearer] = world.pair().await;
    let begin = world.clock.utc() + chrono::Duration::seconds(100);
    let later = builder()
        .not_before(begin)
        .build(&bearer.local().id(), world.after(600_000));
    bearer.discovery().add_ticket(later);
    let seat = S::open(&guard, &bearer, vec![rule()]);
    let told = when(SECOND, || seat.at_the_guard().contains("not valid before"));
    assert!(told.await.is_some(), "{}", seat.at_the_guard());
    let begun = when(200 * SECOND, || seat.is_admitted()).await.unwrap();
    let late = world.clock.utc() - begin;
    assert!(late >= chrono::Duration::zero(), "early: {begun:?}");
    assert!(late <= chrono::Duration::seconds(1), "late: {late}");
}

#[tokio::test(start_paused = true)]
async fn a_consumers_right_that_begins_later() {
    begins_later::<StreamProducer>(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_producers_right_that_begins_later() {
    begins_later::<StreamConsumer>(4).await;
}
