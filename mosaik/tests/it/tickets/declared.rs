//! `require_ticket:` of `stream!` and `collection!`: every rule that is written there is kept, by the side that it is
//! written for.

use mosaik::{collections::Map, streams::status::ChannelInfo, tickets::TicketClass};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick(u64);

/// A second rule, for the same class of tickets.
fn of_traders() -> Jwt {
    rule().require_claim("role", "trader")
}

stream!(Both = Tick, "tickets.both", require_ticket: rule(), require_ticket: of_traders());
stream!(OfConsumers = Tick, "tickets.consumers",
    consumer require_ticket: rule(), consumer require_ticket: of_traders());
stream!(OfProducers = Tick, "tickets.producers",
    producer require_ticket: rule(), producer require_ticket: of_traders());
collection!(Board = Map<u64, u64>, "tickets.board",
    require_ticket: rule(), require_ticket: of_traders());

const TICKETS: TicketClass = Jwt::CLASS;

fn traders(bearer: &Network, end: Expiration) -> Ticket {
    builder()
        .claim("role", "trader")
        .build(&bearer.local().id(), end)
}

fn has(mut channels: impl Iterator<Item = ChannelInfo>, peer: &Network) -> bool {
    let id = peer.local().id();
    channels.any(|channel| channel.is_connected() && *channel.peer().id() == id)
}

/// Who satisfies both rules is in, who satisfies one or none is not; and a right that comes or goes is noticed at once.
async fn both_rules_are_kept(
    world: &World,
    [trader, visitor, nobody]: [&Network; 3],
    is_in: impl Fn(&Network) -> bool,
) {
    let long = || world.after(600_000);
    trader.discovery().add_ticket(traders(trader, long()));
    visitor.discovery().add_ticket(ticket(visitor, long()));
    assert!(when(SECOND, || is_in(trader)).await.is_some());
    let others = || is_in(visitor) || is_in(nobody);
    assert_eq!(when(10 * SECOND, others).await, None);

    trader.discovery().remove_tickets_of(TICKETS);
    assert!(when(SECOND, || !is_in(trader)).await.is_some());
    visitor.discovery().add_ticket(traders(visitor, long()));
    assert!(when(SECOND, || is_in(visitor)).await.is_some());
    trader.discovery().add_ticket(traders(trader, long()));
    assert!(when(SECOND, || is_in(trader)).await.is_some());
    assert!(!is_in(nobody));
}

/// A guard with the ticket or without, and three others that know it.
async fn four(world: &World, with_ticket: bool) -> [Network; 4] {
    let nodes = [
        world.node(1).await,
        world.node(2).await,
        world.node(3).await,
        world.node(4).await,
    ];
    for other in &nodes[1..] {
        let synced = nodes[0].discovery().sync_with(other.local().addr());
        soon("nodes meet", synced).await.unwrap();
    }
    if with_ticket {
        let own = traders(&nodes[0], world.after(3_600_000));
        nodes[0].discovery().add_ticket(own);
    }
    nodes
}

#[tokio::test(start_paused = true)]
async fn of_consumers_by_the_producer() {
    let world = World::new(1);
    // The producer needs no ticket.
    let [guard, a, b, c] = four(&world, false).await;
    let producer = OfConsumers::producer(&guard);
    let _consumers = [&a, &b, &c].map(OfConsumers::consumer);
    both_rules_are_kept(&world, [&a, &b, &c], |peer| has(producer.consumers(), peer)).await;
}

#[tokio::test(start_paused = true)]
async fn of_producers_by_the_consumer() {
    let world = World::new(2);
    let [guard, a, b, c] = four(&world, false).await;
    let consumer = OfProducers::consumer(&guard);
    let _producers = [&a, &b, &c].map(OfProducers::producer);
    both_rules_are_kept(&world, [&a, &b, &c], |peer| has(consumer.producers(), peer)).await;
}

#[tokio::test(start_paused = true)]
async fn of_both_by_the_producer() {
    let world = World::new(3);
    let [guard, a, b, c] = four(&world, true).await;
    let producer = Both::producer(&guard);
    let _consumers = [&a, &b, &c].map(Both::consumer);
    both_rules_are_kept(&world, [&a, &b, &c], |peer| has(producer.consumers(), peer)).await;
}

#[tokio::test(start_paused = true)]
async fn of_both_by_the_consumer() {
    let world = World::new(4);
    let [guard, a, b, c] = four(&world, true).await;
    let consumer = Both::consumer(&guard);
    let _producers = [&a, &b, &c].map(Both::producer);
    both_rules_are_kept(&world, [&a, &b, &c], |peer| has(consumer.producers(), peer)).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_collection_by_its_writer() {
    let world = World::new(5);
    let [guard, a, b, c] = four(&world, true).await;
    let writer = Board::writer(&guard);
    let _readers = [&a, &b, &c].map(Board::reader);
    // Those that have been refused are told by name; the others are in, as many as there are bonds.
    let is_in = |peer: &Network| {
        let status = writer.status().group;
        let refused = |peer: &Network| {
            let id = peer.local().id();
            status.refused.iter().any(|refused| refused.peer == id)
        };
        let admitted = [&a, &b, &c].into_iter().filter(|peer| !refused(peer));
        !refused(peer) && status.bonds_count == admitted.count()
    };
    both_rules_are_kept(&world, [&a, &b, &c], is_in).await;
}
