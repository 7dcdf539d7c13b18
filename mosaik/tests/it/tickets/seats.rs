//! What a ticket is asked for: one end that guards, and one that carries the ticket.

use mosaik::{
    streams::{Consumer, Producer},
    tickets::Jwt,
    *,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Datum1(u64);

/// Two ends of something, of which the first asks a ticket of the second.
pub(super) trait Seat {
    const NAME: &'static str;

    fn open(guard: &Network, bearer: &Network, rules: Vec<Jwt>) -> Self;

    /// Whether the guard has the bearer connected.
    fn is_admitted(&self) -> bool;

    /// What the guard's node can read about the bearer.
    fn at_the_guard(&self) -> String;

    /// What the bearer's node can read.
    fn at_the_bearer(&self) -> String;
}

/// A producer that asks its consumers.
pub(super) struct StreamProducer {
    producer: Producer<Datum1>,
    consumer: Consumer<Datum1>,
}

impl Seat for StreamProducer {
    const NAME: &'static str = "stream producer";

    fn open(guard: &Network, bearer: &Network, rules: Vec<Jwt>) -> Self {
        let mut builder = guard.streams().producer::<Datum1>();
        for rule in rules {
            builder = builder.require_ticket(rule);
        }
        Self {
            producer: builder.build().unwrap(),
            consumer: bearer.streams().consume(),
        }
    }

    fn is_admitted(&self) -> bool {
        self.producer
            .consumers()
            .any(|channel| channel.is_connected())
    }

    fn at_the_guard(&self) -> String {
        self.producer.status().to_string()
    }

    fn at_the_bearer(&self) -> String {
        self.consumer.status().to_string()
    }
}

/// A consumer that asks its producers.
pub(super) struct StreamConsumer {
    producer: Producer<Datum1>,
    consumer: Consumer<Datum1>,
}

impl Seat for StreamConsumer {
    const NAME: &'static str = "stream consumer";

    fn open(guard: &Network, bearer: &Network, rules: Vec<Jwt>) -> Self {
        let mut builder = guard.streams().consumer::<Datum1>();
        for rule in rules {
            builder = builder.require_ticket(rule);
        }
        Self {
            producer: bearer.streams().produce(),
            consumer: builder.build(),
        }
    }

    fn is_admitted(&self) -> bool {
        self.consumer
            .producers()
            .any(|channel| channel.is_connected())
    }

    fn at_the_guard(&self) -> String {
        self.consumer.status().to_string()
    }

    fn at_the_bearer(&self) -> String {
        self.producer.status().to_string()
    }
}
