//! Who is served, and for how long.

use super::*;

use mosaik::{
    testing::Clock,
    tickets::{Expiration, InvalidTicket, Ticket, TicketValidator},
};

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
    let consume = |node: Network| {
        let consumer = node.streams().consume::<Data2>();
        (consumer.events(), consumer, node)
    };
    let mut consumers: Vec<_> = consuming.into_iter().map(consume).collect();
    soon("full", producer.when().subscribed().minimum_of(3)).await;
    for (events, consumer, _) in &mut consumers {
        if !consumer.when().subscribed().is_condition_met() {
            turned_away(events, 5).await;
        }
    }
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
        .position(|(_, consumer, _)| consumer.when().subscribed().is_condition_met())
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
    let mut events = consumer.events();
    until("the producer is looked at", || {
        !consumer.status().refused.is_empty()
    })
    .await;
    assert!(consumer.producers().next().is_none());
    a.discovery().add_tags("good");
    turned_away(&mut events, 3).await;
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
    turned_away(&mut consumer.events(), 2).await;
    assert!(!consumer.when().subscribed().is_condition_met());
    b.discovery().add_ticket(ticket(&world.clock, 10));
    timeout(SECOND, consumer.when().subscribed())
        .await
        .expect("in with a ticket");
    // Renewed in time: nothing happens when the first would have expired.
    time_passes(5 * SECOND).await;
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
    until("the producer is looked at", || {
        !strict.status().refused.is_empty()
    })
    .await;
    assert!(strict.producers().next().is_none());
    a.discovery().add_ticket(ticket(&world.clock, 3));
    timeout(SECOND, strict.when().subscribed())
        .await
        .expect("in with a ticket");
    timeout(5 * SECOND, strict.when().unsubscribed())
        .await
        .expect("out when it expires");
}
