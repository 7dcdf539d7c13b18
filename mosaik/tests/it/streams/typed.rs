//! What types, keys and definitions do.

use super::*;

use futures::SinkExt;
use mosaik::streams::{BackPressure, Filter, consumer, producer};

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
    turned_away(&mut consumer.events(), 1).await;
    until("the producer hears of it", || {
        producer.status().to_string().contains("Order.price")
    })
    .await;
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
