//! The figures that a recorder of metrics sees.

use {
    super::*,
    crate::streams::BackPressure,
    ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit},
    futures::SinkExt,
    std::{
        collections::BTreeMap,
        sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering::Relaxed},
    },
};

/// Keeps what is counted on one thread, by name.
#[derive(Default)]
struct Figures(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Figures {
    fn cell(&self, key: &Key) -> Arc<AtomicU64> {
        let labels: Vec<&str> = key.labels().map(::metrics::Label::key).collect();
        assert!(labels.contains(&"network"), "{key}");
        let mut cells = self.0.lock().unwrap();
        cells.entry(key.name().to_owned()).or_default().clone()
    }

    fn counter(&self, name: &str) -> u64 {
        self.0.lock().unwrap()[&format!("mosaik.streams.{name}")].load(Relaxed)
    }

    fn gauge(&self, name: &str) -> f64 {
        f64::from_bits(self.counter(name))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test(start_paused = true)]
async fn producers_and_consumers_are_metered() {
    let figures = Figures::default();
    let _recording = ::metrics::set_default_local_recorder(&figures);
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<Data>();
    let mut consumer = streams.consume::<Data>();
    for text in ["a", "bc"] {
        producer.send(data(text)).await.unwrap();
        assert_eq!(consumer.recv().await, Some(data(text)));
    }
    // A text has its length before it.
    let bytes = 2 + 3;
    for (name, count) in [
        ("producer.items.sent", 2),
        ("producer.bytes.sent", bytes),
        ("producer.items.dropped", 0),
        ("producer.consumers.accepted", 1),
        ("producer.consumers.rejected", 0),
        ("consumer.items.received", 2),
        ("consumer.bytes.received", bytes),
        // Both ends are here.
        ("datums.total", 4),
        ("bytes.total", 2 * bytes),
    ] {
        assert_eq!(figures.counter(name), count, "{name}");
    }
    let at_work = ["producers.active", "producer.consumers", "consumers.active"];
    for name in at_work {
        assert_eq!(figures.gauge(name), 1.0, "{name}");
    }
    producer.when().subscribed().await;
    drop(consumer);
    producer.when().unsubscribed().await;
    drop(producer);
    until("the consumer's task ends", || {
        figures.gauge("consumers.active") == 0.0
    })
    .await;
    for name in at_work {
        assert_eq!(figures.gauge(name), 0.0, "{name}");
    }
}

/// What a policy drops is counted when it is dropped, not when the channel ends.
#[tokio::test(start_paused = true)]
async fn dropped_datums_are_counted_at_once() {
    for policy in [BackPressure::DropOldest, BackPressure::DropNewest] {
        let figures = Figures::default();
        let _recording = ::metrics::set_default_local_recorder(&figures);
        let (streams, _directory) = streams();
        let producer = streams
            .producer::<u32>()
            .with_buffer_size(4)
            .with_back_pressure(policy)
            .build()
            .unwrap();
        let consumer = streams.consumer::<u32>().with_queue_size(2).build();
        producer.when().online().await;
        for value in 0..400 {
            producer.try_send(value).unwrap();
        }
        let lost = producer.status().consumers[0].lost;
        assert!(lost > 300, "{policy:?}: {lost}");
        assert_eq!(figures.counter("producer.items.dropped"), lost);
        drop(consumer);
        producer.when().unsubscribed().await;
        assert_eq!(figures.counter("producer.items.dropped"), lost);
    }
}
