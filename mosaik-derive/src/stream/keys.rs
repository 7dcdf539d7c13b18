//! The table of everything that can stand in the list of a `stream!` declaration. The parser, the
//! checker, the documentation of the macro and the functions behind completion all read it: a new
//! key is a new row, and a builder method of the same meaning.

use std::fmt;

/// One of the two ends of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Producer,
    Consumer,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Producer, Self::Consumer];

    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|side| side.name() == word)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which builders a key goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Routing {
    /// A rule about the peer. A prefix names who must satisfy it, so the other side checks it;
    /// without a prefix both sides check each other.
    Requirement,
    /// An option that both sides have. A prefix picks one.
    Both,
    /// An option of one side.
    Only(Side),
}

impl Routing {
    /// The sides whose builder takes the key when it is written with `prefix`, or the one side that
    /// knows this key when the prefix names the other.
    pub(crate) fn builders(self, prefix: Option<Side>) -> Result<Vec<Side>, Side> {
        match (self, prefix) {
            (Self::Requirement | Self::Both, None) => Ok(Side::BOTH.to_vec()),
            (Self::Requirement, Some(named)) => Ok(vec![named.other()]),
            (Self::Both, Some(named)) => Ok(vec![named]),
            (Self::Only(side), None) => Ok(vec![side]),
            (Self::Only(side), Some(named)) if side == named => Ok(vec![side]),
            (Self::Only(side), Some(_)) => Err(side),
        }
    }

    /// Whether more than one side has the key.
    #[cfg(test)]
    pub(crate) fn is_shared(self) -> bool {
        !matches!(self, Self::Only(_))
    }

    fn words(self) -> &'static str {
        match self {
            Self::Requirement => "who must satisfy it",
            Self::Both => "both",
            Self::Only(Side::Producer) => "producer",
            Self::Only(Side::Consumer) => "consumer",
        }
    }
}

/// What kind of value a key takes, as far as it shows in the source text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// A function of one argument.
    Function,
    /// A number, at least one.
    Count,
    /// `true` or `false`.
    Flag,
    /// Anything that is not a literal or a closure.
    Object,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) routing: Routing,
    /// All of them count, in order. Otherwise the last one does.
    pub(crate) repeatable: bool,
    pub(crate) value: Value,
    /// The value in words, with its article.
    pub(crate) words: &'static str,
    /// A value that a user could write.
    pub(crate) example: &'static str,
    /// The builder's method.
    pub(crate) method: &'static str,
    /// The type of the method's argument.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the functions of `interface.rs`")
    )]
    pub(crate) argument: &'static str,
    /// The parameters of the method, other than the datum `D`.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the functions of `interface.rs`")
    )]
    pub(crate) parameters: &'static str,
    /// One line for completion and for the documentation.
    pub(crate) doc: &'static str,
}

pub(crate) const KEYS: &[Key] = &[
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
        value: Value::Count,
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
        value: Value::Count,
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
        value: Value::Count,
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
        value: Value::Count,
        words: "a number of datums",
        example: "1024",
        method: "with_queue_size",
        argument: "usize",
        parameters: "",
        doc: "How many received datums wait for the application before the producer is held back.",
    },
];

/// Words that are written as if they were keys, and what to write instead.
pub(crate) const NOT_KEYS: &[(&str, &str)] = &[
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

/// Keys that decide the same thing, so that only one of them may be written.
pub(crate) const EXCLUSIVE: &[[&str; 2]] = &[["back_pressure", "disconnect_lagging"]];

/// The row for a name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The table as the documentation of `stream!` shows it.
pub(crate) fn documentation() -> String {
    let mut doc = String::from("| key | side | value | meaning |\n|---|---|---|---|\n");
    for key in KEYS {
        let Key {
            name,
            example,
            words,
            doc: meaning,
            ..
        } = key;
        let example = example.replace('|', "\\|");
        let side = key.routing.words();
        doc += &format!("| `{name}` | {side} | {words}: `{example}` | {meaning} |\n");
    }
    doc
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("disconnect_lagging", c, Err(Producer)),
            ("back_pressure", c, Err(Producer)),
            ("history", None, Ok(vec![Producer])),
            ("criteria", None, Ok(vec![Consumer])),
            ("criteria", p, Err(Consumer)),
            ("backoff", c, Ok(vec![Consumer])),
            ("queue_size", p, Err(Consumer)),
        ] {
            let key = key(name).expect("a row");
            assert_eq!(key.routing.builders(prefix), expected, "{prefix:?} {name}");
        }
    }

    #[test]
    fn the_table_is_consistent() {
        for (index, row) in KEYS.iter().enumerate() {
            assert!(
                KEYS[..index].iter().all(|earlier| earlier.name != row.name),
                "{}",
                row.name
            );
            assert!(
                syn::parse_str::<syn::Ident>(row.name).is_ok(),
                "{}",
                row.name
            );
            assert!(
                syn::parse_str::<syn::Type>(row.argument).is_ok(),
                "{}",
                row.argument
            );
            assert!(
                syn::parse_str::<syn::Expr>(row.example).is_ok(),
                "{}",
                row.example
            );
            assert!(row.doc.ends_with('.') && row.doc.len() <= 90, "{}", row.doc);
            assert!(Side::named(row.name).is_none());
            assert!(documentation().contains(row.doc));
        }
        for (word, _) in NOT_KEYS {
            assert!(key(word).is_none(), "{word}");
        }
        for name in EXCLUSIVE.iter().flatten() {
            assert!(key(name).is_some(), "{name}");
        }
    }
}
