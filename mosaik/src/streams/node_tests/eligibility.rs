//! Who is served, and for how long.

use super::*;

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
    turned_away(&mut second.events(), 5).await;
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
    turned_away(&mut consumer.events(), 3).await;
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
    let status = || consumer.status().to_string();
    until("the producer is looked at", || {
        status().contains("as this consumer asks")
    })
    .await;
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
    turned_away(&mut consumer.events(), 1).await;
    let status = consumer.status().to_string();
    assert!(status.contains("price"), "{status}");
    assert!(
        producer.status().to_string().contains("another schema"),
        "{}",
        producer.status()
    );
    let _ = (Order { price: 1 }.price, theirs::Order { price: 1 }.price);
}
