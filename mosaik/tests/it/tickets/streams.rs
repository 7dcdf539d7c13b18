//! What is special to streams: events, and entries that are not the bearer's own.

use mosaik::streams::ConsumerEvent;
use serde::{Deserialize, Serialize};

use super::*;

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

/// A ticket for later opens the door when its time has come, without another entry.
#[tokio::test(start_paused = true)]
async fn a_right_that_begins_later() {
    let world = World::new(3);
    let [producing, consuming] = world.pair().await;
    let begin = world.clock.utc() + chrono::Duration::seconds(3);
    let later = |bearer: &Network| {
        builder()
            .not_before(begin)
            .build(&bearer.local().id(), world.after(60_000))
    };
    producing.discovery().add_ticket(later(&producing));
    consuming.discovery().add_ticket(later(&consuming));
    let producer = producing
        .streams()
        .producer::<Tick>()
        .require_ticket(rule())
        .build()
        .unwrap();
    let consumer = consuming
        .streams()
        .consumer::<Tick>()
        .require_ticket(rule())
        .build();
    let connected = || producer.consumers().any(|channel| channel.is_connected());
    let told = when(SECOND, || {
        consumer.status().to_string().contains("not valid before")
    });
    assert!(told.await.is_some(), "{}", consumer.status());
    let begun = when(10 * SECOND, connected).await.unwrap();
    let at = world.clock.utc() - begin;
    assert!(at >= chrono::Duration::zero(), "early: {begun:?}");
    assert!(at <= chrono::Duration::seconds(1), "late: {at}");
}
