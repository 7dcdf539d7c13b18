//! What is special to streams: events.

use mosaik::streams::ConsumerEvent;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick(u64);

#[tokio::test(start_paused = true)]
async fn a_consumer_that_ends_a_channel_tells_why_to_its_own_node() {
    let world = World::new(2);
    let [producing, consuming] = world.nodes().await;
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
