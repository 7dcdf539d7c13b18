//! The other ends that a rule can stand at: consumers, and members of a collection.

use futures::{SinkExt as _, StreamExt as _};
use mosaik::{
    collections::{CollectionConfig, Map},
    *,
};

use crate::wait::until;

use super::peers::{IMAGE, OTHER_IMAGE, guest, node, rule, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_takes_nothing_from_another_image() {
    let id = "tdx.consumer";
    let host = Network::builder(id).loopback().build().await.unwrap();
    let (right, other) = (
        node(id, guest(IMAGE)).await,
        node(id, guest(OTHER_IMAGE)).await,
    );
    let mut consumer = host
        .streams()
        .consumer::<String>()
        .require_ticket(rule())
        .build();
    let mut producers = Vec::new();
    for guest in [&other, &right] {
        guest.tdx().install_own_ticket().unwrap();
        producers.push(guest.streams().produce::<String>());
    }
    soon("subscribed", consumer.when().subscribed()).await;
    let from: Vec<PeerId> = consumer
        .producers()
        .map(|channel| *channel.producer_id())
        .collect();
    assert_eq!(from, [right.local().id()]);
    soon("sent", producers[1].send("right".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        soon("received", consumer.next()).await.as_deref(),
        Some("right")
    );
    // The other one may not have been found yet.
    let is_refused = || format!("{:?}", consumer.status()).contains("rtmr2 is 0909");
    soon("refused", until(is_refused)).await;
    assert_eq!(consumer.producers().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_of_guests_keeps_everybody_else_out() {
    let id = "tdx.collection";
    let config = || CollectionConfig::default().require_ticket(rule());
    let (first, second) = (node(id, guest(IMAGE)).await, node(id, guest(IMAGE)).await);
    let other = node(id, guest(OTHER_IMAGE)).await;
    for guest in [&first, &second, &other] {
        guest.tdx().install_own_ticket().unwrap();
    }
    let writer = Map::<String, u64>::writer_with_config(&first, "tdx.map", config());
    let reader = Map::<String, u64>::reader_with_config(&second, "tdx.map", config());
    let outside = Map::<String, u64>::reader_with_config(&other, "tdx.map", config());
    assert_eq!(writer.group_id(), outside.group_id());
    soon("the writer is online", writer.when().online()).await;
    soon("the reader is online", reader.when().online()).await;
    let version = soon("written", writer.insert("secret".to_owned(), 7))
        .await
        .unwrap();
    soon("seen", reader.when().reaches(version)).await;
    assert_eq!(reader.get("secret"), Some(7));
    assert!(!outside.status().is_online && outside.is_empty());
}
