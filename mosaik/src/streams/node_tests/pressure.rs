//! Consumers that are slower than their producer.

use {super::*, crate::streams::BackPressure, futures::SinkExt, std::collections::BTreeSet};

/// Spec 11, S12: a slow application holds its producer, and memory stays flat.
#[tokio::test(start_paused = true)]
async fn s12_a_slow_application_slows_the_producer() {
    let (streams, _directory) = streams();
    let mut producer = streams
        .producer::<u32>()
        .with_buffer_size(8)
        .build()
        .unwrap();
    let mut consumer = streams.consumer::<u32>().with_queue_size(4).build();
    producer.when().online().await;
    let sent = async {
        let mut sent = 0;
        while time::timeout(Duration::from_secs(1), producer.send(sent))
            .await
            .is_ok()
        {
            sent += 1;
        }
        sent
    }
    .await;
    assert!(
        (8..=12).contains(&sent),
        "{sent} sent to a consumer that takes nothing"
    );
    assert_eq!(producer.try_send(99), Err(producer::Error::Full(99)));
    assert!(
        producer
            .status()
            .to_string()
            .contains("waits for a slow consumer"),
        "{}",
        producer.status()
    );
    let (_, received) = tokio::join!(
        async {
            for value in sent..1000 {
                producer.send(value).await.unwrap();
            }
        },
        async {
            let mut received = Vec::new();
            while received.len() < 1000 {
                received.push(consumer.recv().await.unwrap());
            }
            received
        }
    );
    assert_eq!(received, (0..1000).collect::<Vec<_>>());
}

/// DESIGN 7: sent = received + reported gaps, exactly.
#[tokio::test(start_paused = true)]
async fn drop_policies_account_for_every_datum() {
    for policy in [BackPressure::DropOldest, BackPressure::DropNewest] {
        let (streams, _directory) = streams();
        let producer = streams
            .producer::<u32>()
            .with_buffer_size(16)
            .with_back_pressure(policy)
            .build()
            .unwrap();
        let mut consumer = streams.consumer::<u32>().with_queue_size(10).build();
        producer.when().online().await;
        let mut received = Vec::new();
        for value in 0..5000 {
            producer.try_send(value).unwrap();
            if value % 40 == 0 {
                tokio::task::yield_now().await;
                received.extend(consumer.try_recv().ok());
            }
        }
        while let Ok(Some(value)) = time::timeout(Duration::from_secs(1), consumer.recv()).await {
            received.push(value);
        }
        let channel = consumer.producers().next().unwrap();
        // A last gap is told with the next datum that goes through.
        producer.try_send(5000).unwrap();
        received.push(consumer.recv().await.unwrap());
        assert_eq!(
            received.len() as u64 + channel.stats().lost(),
            5001,
            "{policy:?}"
        );
        assert!(
            channel.stats().gaps() > 0 && !consumer.gaps().is_empty(),
            "{policy:?}"
        );
        assert!(
            received.windows(2).all(|pair| pair[0] < pair[1]),
            "{policy:?}: out of order"
        );
        let missing: BTreeSet<u64> = consumer
            .gaps()
            .iter()
            .flat_map(|gap| gap.first..gap.end)
            .collect();
        assert!(
            received
                .iter()
                .all(|value| !missing.contains(&u64::from(*value))),
            "{policy:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lagging_consumer_is_disconnected_and_comes_back_with_a_gap() {
    let (streams, _directory) = streams();
    let producer = streams
        .producer::<u32>()
        .with_buffer_size(4)
        .disconnect_lagging(true)
        .build()
        .unwrap();
    assert!(producer.config().disconnect_lagging);
    let mut consumer = streams.consumer::<u32>().with_queue_size(2).build();
    producer.when().online().await;
    let mut events = consumer.events();
    for value in 0..20 {
        producer.try_send(value).unwrap();
    }
    producer.when().offline().await;
    producer.when().online().await;
    let mut received = Vec::new();
    while let Ok(Some(value)) = time::timeout(Duration::from_secs(1), consumer.recv()).await {
        received.push(value);
    }
    producer.try_send(20).unwrap();
    assert_eq!(consumer.recv().await, Some(20));
    let lost: u64 = consumer.gaps().iter().map(|gap| gap.lost).sum();
    assert_eq!(
        received.len() as u64 + lost,
        20,
        "{received:?} {:?}",
        consumer.gaps()
    );
    let mut kinds = Vec::new();
    while let Ok(event) = events.try_recv() {
        kinds.push(event);
    }
    assert!(
        kinds
            .iter()
            .any(|event| matches!(event, ConsumerEvent::Disconnected { .. })),
        "{kinds:?}"
    );
    assert!(
        kinds
            .iter()
            .any(|event| matches!(event, ConsumerEvent::Gap(_))),
        "{kinds:?}"
    );
}
