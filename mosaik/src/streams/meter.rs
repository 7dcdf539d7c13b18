//! The figures that streams report through the `metrics` facade; without a recorder they cost next to nothing.

use {
    super::credit::Credit,
    crate::primitives::{NetworkId, Short, StreamId},
    metrics::{Counter, Gauge, counter, gauge},
};

/// What the figures of one stream are labelled with.
struct Labels {
    network: String,
    stream: String,
}

impl Labels {
    fn new(network: &NetworkId, stream: &StreamId) -> Self {
        Self {
            network: Short(network).to_string(),
            stream: Short(stream).to_string(),
        }
    }

    fn counter(&self, name: &'static str) -> Counter {
        let Self { network, stream } = self;
        counter!(name, "network" => network.clone(), "stream" => stream.clone())
    }

    fn gauge(&self, name: &'static str) -> Gauge {
        let Self { network, stream } = self;
        gauge!(name, "network" => network.clone(), "stream" => stream.clone())
    }
}

/// Figures of one producer.
pub(crate) struct ProducerMeter {
    consumers: Gauge,
    accepted: Counter,
    rejected: Counter,
    items_sent: Counter,
    items_dropped: Counter,
    bytes_sent: Counter,
    items_total: Counter,
    bytes_total: Counter,
}

impl ProducerMeter {
    pub(crate) fn new(network: &NetworkId, stream: &StreamId) -> Self {
        let labels = Labels::new(network, stream);
        Self {
            consumers: labels.gauge("mosaik.streams.producer.consumers"),
            accepted: labels.counter("mosaik.streams.producer.consumers.accepted"),
            rejected: labels.counter("mosaik.streams.producer.consumers.rejected"),
            items_sent: labels.counter("mosaik.streams.producer.items.sent"),
            items_dropped: labels.counter("mosaik.streams.producer.items.dropped"),
            bytes_sent: labels.counter("mosaik.streams.producer.bytes.sent"),
            items_total: labels.counter("mosaik.streams.datums.total"),
            bytes_total: labels.counter("mosaik.streams.bytes.total"),
        }
    }

    pub(crate) fn sent(&self, taken: Credit) {
        self.items_sent.increment(taken.datums);
        self.bytes_sent.increment(taken.bytes);
        self.items_total.increment(taken.datums);
        self.bytes_total.increment(taken.bytes);
    }

    pub(crate) fn dropped(&self, datums: u64) {
        if datums > 0 {
            self.items_dropped.increment(datums);
        }
    }

    pub(crate) fn consumers(&self, count: usize) {
        self.consumers.set(as_gauge(count));
    }

    pub(crate) fn accepted(&self) {
        self.accepted.increment(1);
    }

    pub(crate) fn rejected(&self) {
        self.rejected.increment(1);
    }
}

/// Figures of one consumer.
pub(crate) struct ConsumerMeter {
    producers: Gauge,
    active: Gauge,
    items_received: Counter,
    bytes_received: Counter,
    items_total: Counter,
    bytes_total: Counter,
}

impl ConsumerMeter {
    pub(crate) fn new(network: &NetworkId, stream: &StreamId) -> Self {
        let labels = Labels::new(network, stream);
        let meter = Self {
            producers: labels.gauge("mosaik.streams.consumer.producers"),
            active: labels.gauge("mosaik.streams.consumers.active"),
            items_received: labels.counter("mosaik.streams.consumer.items.received"),
            bytes_received: labels.counter("mosaik.streams.consumer.bytes.received"),
            items_total: labels.counter("mosaik.streams.datums.total"),
            bytes_total: labels.counter("mosaik.streams.bytes.total"),
        };
        meter.active.increment(1);
        meter
    }

    pub(crate) fn received(&self, datums: u64, bytes: u64) {
        self.items_received.increment(datums);
        self.bytes_received.increment(bytes);
        self.items_total.increment(datums);
        self.bytes_total.increment(bytes);
    }

    pub(crate) fn producers(&self, count: usize) {
        self.producers.set(as_gauge(count));
    }
}

impl Drop for ConsumerMeter {
    fn drop(&mut self) {
        self.active.decrement(1);
    }
}

/// Figures of all streams of a network.
pub(crate) struct StreamsMeter {
    producers: Gauge,
    accepted: Counter,
    rejected: Counter,
}

impl StreamsMeter {
    pub(crate) fn new(network: &NetworkId) -> Self {
        let network = Short(network).to_string();
        Self {
            producers: gauge!("mosaik.streams.producers.active", "network" => network.clone()),
            accepted: counter!("mosaik.streams.connections.accepted", "network" => network.clone()),
            rejected: counter!("mosaik.streams.connections.rejected", "network" => network),
        }
    }

    pub(crate) fn producers(&self, count: usize) {
        self.producers.set(as_gauge(count));
    }

    pub(crate) fn accepted(&self) {
        self.accepted.increment(1);
    }

    pub(crate) fn rejected(&self) {
        self.rejected.increment(1);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
fn as_gauge(count: usize) -> f64 {
    count as f64
}
