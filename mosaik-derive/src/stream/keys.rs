//! The table of everything that can stand in the list of a `stream!` declaration.

use crate::declaration::{Key, Language, Routing, Value};
use crate::owned;
use syn::Type;

/// One of the two ends of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Producer,
    Consumer,
}

impl Language for Side {
    const BOTH: [Self; 2] = [Self::Producer, Self::Consumer];
    const NOUN: &'static str = "stream";
    const OF: &'static str = "the type of its datums";
    const EXAMPLE: &'static str = "Type";
    const ID: &'static str = "StreamId";
    const KIND: &'static [&'static str] = &["Datum"];
    const ASKS: &'static str = "datum";
    const TYPE: &'static str = "Datum";
    const NEEDS_ID: bool = false;
    const BORROWS: (&'static str, &'static str) = (
        "a stream cannot borrow: its datums travel to other processes",
        "remove the lifetime and declare the stream over a type that owns its data",
    );
    const KEYS: &'static [Key<Self>] = KEYS;
    const NOT_KEYS: &'static [(&'static str, &'static str)] = NOT_KEYS;
    const EXCLUSIVE: &'static [[&'static str; 2]] = &[["back_pressure", "disconnect_lagging"]];

    fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    fn check_type(ty: &Type) -> syn::Result<()> {
        owned::check(ty, &DATUM)
    }
}

/// What is said about a type that cannot be a datum.
const DATUM: owned::Words = owned::Words {
    owns: "a datum owns its data",
    stated: "a stream states the type of its datums",
    concrete: "a datum has one concrete type",
    concrete_help: "declare an enum of the types that flow, or a stream for each",
};

const KEYS: &[Key<Side>] = &[
    Key {
        name: "require",
        routing: Routing::Requirement,
        repeatable: true,
        value: Value::Function,
        words: "a predicate of a peer",
        example: "|peer| peer.tags().contains(&TRUSTED)",
        method: "require",
        argument: "impl Fn(&PeerEntry) -> bool + Send + Sync + 'static",
        parameters: "",
        doc: "Which peers to exchange datums with. Repeat it to ask for more.",
    },
    Key {
        name: "require_ticket",
        routing: Routing::Requirement,
        repeatable: true,
        value: Value::Object,
        words: "a ticket validator",
        example: "Jwt::with_key(KEY)",
        method: "require_ticket",
        argument: "impl TicketValidator",
        parameters: "",
        doc: "The ticket that a peer must hold. Repeat it to ask for several.",
    },
    Key {
        name: "require_tdx",
        routing: Routing::Requirement,
        repeatable: true,
        value: Value::Measurements,
        words: "measurements in braces",
        example: "{ own_image }",
        method: "require_ticket",
        argument: "impl TicketValidator",
        parameters: "",
        doc: "The guest image that a peer must run, proven by Intel TDX. See below.",
    },
    Key {
        name: "online_when",
        routing: Routing::Both,
        repeatable: false,
        value: Value::Function,
        words: "a function that states the conditions",
        example: "|c| c.minimum_of(2)",
        method: "online_when",
        argument: "impl Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static",
        parameters: "",
        doc: "When this side counts as online. Default: a producer with 1 consumer, a consumer at once.",
    },
    Key {
        name: "max_consumers",
        routing: Routing::Only(Side::Producer),
        repeatable: false,
        value: Value::Count {
            instead_of_zero: "leave the key out to serve any number of consumers",
        },
        words: "a number of consumers",
        example: "8",
        method: "with_max_consumers",
        argument: "usize",
        parameters: "",
        doc: "How many consumers the producer serves at once. Default: no limit.",
    },
    Key {
        name: "buffer_size",
        routing: Routing::Only(Side::Producer),
        repeatable: false,
        value: Value::Count {
            instead_of_zero: "the smallest is 1",
        },
        words: "a number of datums",
        example: "1024",
        method: "with_buffer_size",
        argument: "usize",
        parameters: "",
        doc: "How many datums the producer holds for each consumer. Default: 1024.",
    },
    Key {
        name: "back_pressure",
        routing: Routing::Only(Side::Producer),
        repeatable: false,
        value: Value::Object,
        words: "a policy for full buffers",
        example: "BackPressure::DropOldest",
        method: "with_back_pressure",
        argument: "BackPressure",
        parameters: "",
        doc: "What the producer does when a consumer's buffer is full. Default: wait for it.",
    },
    Key {
        name: "disconnect_lagging",
        routing: Routing::Only(Side::Producer),
        repeatable: false,
        value: Value::Flag,
        words: "`true` or `false`",
        example: "true",
        method: "disconnect_lagging",
        argument: "bool",
        parameters: "",
        doc: "Whether a consumer whose buffer is full is disconnected. See also `back_pressure`.",
    },
    Key {
        name: "history",
        routing: Routing::Only(Side::Producer),
        repeatable: false,
        value: Value::Count {
            instead_of_zero: "leave the key out to keep no past datums",
        },
        words: "a number of datums",
        example: "100",
        method: "with_history",
        argument: "usize",
        parameters: "",
        doc: "How many past datums a late consumer receives first. Default: none.",
    },
    Key {
        name: "index_by",
        routing: Routing::Only(Side::Producer),
        repeatable: false,
        value: Value::Function,
        words: "a function from a datum to its key",
        example: "|trade| trade.price",
        method: "index_by",
        argument: "impl Fn(&D) -> K + Send + Sync + 'static",
        parameters: "K: IndexKey",
        doc: "The key of each datum, so that consumers can ask for a part of the stream.",
    },
    Key {
        name: "criteria",
        routing: Routing::Only(Side::Consumer),
        repeatable: false,
        value: Value::Object,
        words: "a `Criteria`",
        example: "Criteria::default()",
        method: "with_criteria",
        argument: "Criteria",
        parameters: "",
        doc: "What the consumer asks of every datum. See also `filter`.",
    },
    Key {
        name: "filter",
        routing: Routing::Only(Side::Consumer),
        repeatable: false,
        value: Value::Object,
        words: "a `Filter`",
        example: "Filter::key_range(..100u64)",
        method: "with_filter",
        argument: "Filter",
        parameters: "",
        doc: "The part of the stream that the consumer asks for, by the keys of `index_by`.",
    },
    Key {
        name: "backoff",
        routing: Routing::Only(Side::Consumer),
        repeatable: false,
        value: Value::Object,
        words: "a back-off policy",
        example: "ExponentialBackoff::default()",
        method: "with_backoff",
        argument: "impl Backoff + Clone + Send + Sync + 'static",
        parameters: "",
        doc: "How long the consumer waits between attempts to connect.",
    },
    Key {
        name: "queue_size",
        routing: Routing::Only(Side::Consumer),
        repeatable: false,
        value: Value::Count {
            instead_of_zero: "the smallest is 1",
        },
        words: "a number of datums",
        example: "1024",
        method: "with_queue_size",
        argument: "usize",
        parameters: "",
        doc: "How many received datums wait for the application before the producer is held back.",
    },
];

/// Words that are written as if they were keys, and what to write instead.
const NOT_KEYS: &[(&str, &str)] = &[
    (
        "id",
        "the id follows the type: `stream!(Name = Type, \"my-app.name.v1\")`",
    ),
    (
        "stream_id",
        "the id follows the type: `stream!(Name = Type, \"my-app.name.v1\")`",
    ),
    (
        "name",
        "the id follows the type: `stream!(Name = Type, \"my-app.name.v1\")`",
    ),
    (
        "undelivered_sink",
        "a sink belongs to one producer: `network.streams().producer()` takes it",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::{Misplaced, assert_consistent};

    #[test]
    fn routing_follows_the_prefix() {
        use Side::{Consumer, Producer};
        let (p, c) = (Some(Producer), Some(Consumer));
        let both = || Ok(vec![Producer, Consumer]);
        for (name, prefix, expected) in [
            ("require", None, both()),
            ("require", p, Ok(vec![Consumer])),
            ("require", c, Ok(vec![Producer])),
            ("require_ticket", None, both()),
            ("require_ticket", p, Ok(vec![Consumer])),
            ("require_ticket", c, Ok(vec![Producer])),
            ("online_when", None, both()),
            ("online_when", p, Ok(vec![Producer])),
            ("online_when", c, Ok(vec![Consumer])),
            ("max_consumers", None, Ok(vec![Producer])),
            ("buffer_size", p, Ok(vec![Producer])),
            ("disconnect_lagging", c, Err(Misplaced::OptionOf(Producer))),
            ("back_pressure", c, Err(Misplaced::OptionOf(Producer))),
            ("history", None, Ok(vec![Producer])),
            ("criteria", None, Ok(vec![Consumer])),
            ("criteria", p, Err(Misplaced::OptionOf(Consumer))),
            ("backoff", c, Ok(vec![Consumer])),
            ("queue_size", p, Err(Misplaced::OptionOf(Consumer))),
        ] {
            let key = Side::key(name).expect("a row");
            assert_eq!(key.routing.sides(prefix), expected, "{prefix:?} {name}");
        }
    }

    #[test]
    fn the_table_is_consistent() {
        assert_consistent::<Side>();
    }
}
