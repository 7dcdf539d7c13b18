//! What a ticket is asked for: one end that guards, and one that carries the ticket.

use mosaik::{
    collections::{CollectionConfig, Map},
    groups::{Group, NoOp},
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

/// A member of a group that asks another one. Both ask, for members have the same rules.
pub(super) struct GroupMember {
    guard: Group<NoOp>,
    bearer: Group<NoOp>,
    id: PeerId,
}

impl Seat for GroupMember {
    const NAME: &'static str = "group";

    fn open(guard: &Network, bearer: &Network, rules: Vec<Jwt>) -> Self {
        let join = |network: &Network| {
            let builder = network.groups().with_key("tickets");
            let builder = rules
                .iter()
                .cloned()
                .fold(builder, |builder, rule| builder.require_ticket(rule));
            builder.join()
        };
        Self {
            guard: join(guard),
            bearer: join(bearer),
            id: bearer.local().id(),
        }
    }

    fn is_admitted(&self) -> bool {
        self.guard.bonds().contains_peer(&self.id)
    }

    fn at_the_guard(&self) -> String {
        told(&self.guard.status())
    }

    fn at_the_bearer(&self) -> String {
        told(&self.bearer.status())
    }
}

type Writer = Map<u64, u64>;
type Reader = Map<u64, u64, false>;

fn config(rules: Vec<Jwt>) -> CollectionConfig {
    let config = CollectionConfig::default();
    rules
        .into_iter()
        .fold(config, |config, rule| config.require_ticket(rule))
}

/// A writer of a collection that asks one who reads.
pub(super) struct CollectionReader {
    guard: Writer,
    bearer: Reader,
}

impl Seat for CollectionReader {
    const NAME: &'static str = "collection reader";

    fn open(guard: &Network, bearer: &Network, rules: Vec<Jwt>) -> Self {
        Self {
            guard: Writer::writer_with_config(guard, "tickets", config(rules.clone())),
            bearer: Reader::reader_with_config(bearer, "tickets", config(rules)),
        }
    }

    fn is_admitted(&self) -> bool {
        self.guard.status().group.bonds_count > 0
    }

    fn at_the_guard(&self) -> String {
        told(&self.guard.status().group)
    }

    fn at_the_bearer(&self) -> String {
        told(&self.bearer.status().group)
    }
}

/// A writer of a collection that asks another writer.
pub(super) struct CollectionWriter {
    guard: Writer,
    bearer: Writer,
}

impl Seat for CollectionWriter {
    const NAME: &'static str = "collection writer";

    fn open(guard: &Network, bearer: &Network, rules: Vec<Jwt>) -> Self {
        let open = |network| Writer::writer_with_config(network, "tickets", config(rules.clone()));
        Self {
            guard: open(guard),
            bearer: open(bearer),
        }
    }

    fn is_admitted(&self) -> bool {
        self.guard.status().group.bonds_count > 0
    }

    fn at_the_guard(&self) -> String {
        told(&self.guard.status().group)
    }

    fn at_the_bearer(&self) -> String {
        told(&self.bearer.status().group)
    }
}

/// What a member says of the others, in words.
fn told(status: &groups::Status) -> String {
    let refused = status.refused.iter();
    let mut told: Vec<String> = refused.map(|refused| refused.reason.clone()).collect();
    told.extend(status.why_offline.clone());
    told.join("; ")
}
