//! How a producer is configured.

use {
    super::{handle::Producer, undelivered::UndeliveredSink},
    crate::{
        primitives::{Datum, NetworkId, PeerEntry, StreamId},
        streams::{
            Streams,
            admission::{Predicate, Requirements},
            back_pressure::BackPressure,
            criteria::{IndexKey, Key},
            status::ChannelConditions,
        },
        tickets::{Gate, TicketValidator},
    },
    std::{fmt, sync::Arc},
};

/// The rule by which a stream end is online.
pub(crate) type OnlineWhen = Box<dyn Fn(ChannelConditions) -> ChannelConditions + Send + Sync>;

/// The key of a datum in the producer's index.
pub(crate) type Index<D> = Box<dyn Fn(&D) -> Key + Send + Sync>;

/// The configuration of a producer.
pub struct ProducerConfig {
    /// The stream.
    pub stream_id: StreamId,
    /// Datums that may wait for one consumer.
    pub buffer_size: usize,
    /// Whether a consumer whose queue is full is disconnected.
    pub disconnect_lagging: bool,
    /// What is done about a consumer whose queue is full.
    pub back_pressure: BackPressure,
    /// What a consumer's entry must satisfy.
    pub require: Box<dyn Fn(&PeerEntry) -> bool + Send + Sync>,
    /// When the producer is online.
    pub online_when: Box<dyn Fn(ChannelConditions) -> ChannelConditions + Send + Sync>,
    /// The network.
    pub network_id: NetworkId,
    /// How many consumers it serves at a time.
    pub max_consumers: usize,
    /// Tickets that a consumer must have.
    pub ticket_validators: Vec<Arc<dyn TicketValidator>>,
    /// The same, with their last answers.
    pub(crate) gate: Gate,
    /// Whether `require` or tickets were given at all.
    pub(crate) restricted: bool,
}

impl ProducerConfig {
    pub(crate) const fn is_restricted(&self) -> bool {
        self.restricted
    }
}

impl fmt::Debug for ProducerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerConfig")
            .field("stream_id", &self.stream_id)
            .field("buffer_size", &self.buffer_size)
            .field("back_pressure", &self.back_pressure)
            .field("max_consumers", &self.max_consumers)
            .field("ticket_validators", &self.ticket_validators.len())
            .finish_non_exhaustive()
    }
}

/// Configures and opens a producer.
///
/// ```no_run
/// # fn f(network: &mosaik::Network) -> Result<(), Box<dyn std::error::Error>> {
/// use mosaik::streams::BackPressure;
///
/// let prices = network
///     .streams()
///     .producer::<u64>()
///     .with_stream_id("prices")
///     .with_back_pressure(BackPressure::DropOldest)
///     .build()?;
/// # let _ = prices;
/// # Ok(())
/// # }
/// ```
pub struct Builder<'s, D: Datum> {
    streams: &'s Streams,
    stream_id: Option<StreamId>,
    requirements: Requirements,
    restricted: bool,
    online_when: Option<OnlineWhen>,
    back_pressure: BackPressure,
    buffer_size: usize,
    max_consumers: usize,
    history: usize,
    index: Option<Index<D>>,
    undelivered: Option<Box<dyn UndeliveredSink<D>>>,
}

/// What the builder hands to [`Streams`].
pub(crate) struct ProducerParts<D> {
    pub(crate) config: ProducerConfig,
    pub(crate) history: usize,
    pub(crate) index: Option<Index<D>>,
    pub(crate) undelivered: Option<Box<dyn UndeliveredSink<D>>>,
}

impl<'s, D: Datum> Builder<'s, D> {
    pub(crate) const fn new(streams: &'s Streams, stream_id: Option<StreamId>) -> Self {
        Self {
            streams,
            stream_id,
            requirements: Requirements::none(),
            restricted: false,
            online_when: None,
            back_pressure: BackPressure::Block,
            buffer_size: DEFAULT_BUFFER_SIZE,
            max_consumers: usize::MAX,
            history: 0,
            index: None,
            undelivered: None,
        }
    }

    /// Serves only consumers with a ticket that the validator accepts, while it accepts it.
    ///
    /// Given more than once, each must be satisfied.
    #[must_use]
    pub fn require_ticket(mut self, validator: impl TicketValidator) -> Self {
        self.requirements.require_ticket(validator);
        self.restricted = true;
        self
    }

    /// Serves only consumers whose entry satisfies the predicate, while it does.
    ///
    /// Given more than once, the earlier ones are asked first and all must hold.
    #[must_use]
    pub fn require<F>(mut self, predicate: F) -> Self
    where
        F: Fn(&PeerEntry) -> bool + Send + Sync + 'static,
    {
        self.requirements.require(predicate);
        self.restricted = true;
        self
    }

    /// When the producer is online and takes datums; with at least one consumer by default.
    #[must_use]
    pub fn online_when<F>(mut self, condition: F) -> Self
    where
        F: Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static,
    {
        self.online_when = Some(Box::new(condition));
        self
    }

    /// Disconnects a consumer whose queue is full (`true`), or drops new datums for it (`false`).
    ///
    /// The same as [`Builder::with_back_pressure`] with `Disconnect` or `DropNewest`; the last call counts.
    #[must_use]
    pub const fn disconnect_lagging(mut self, disconnect: bool) -> Self {
        self.back_pressure = if disconnect {
            BackPressure::Disconnect
        } else {
            BackPressure::DropNewest
        };
        self
    }

    /// What to do about a consumer whose queue is full; by default `send` waits for it.
    #[must_use]
    pub const fn with_back_pressure(mut self, policy: BackPressure) -> Self {
        self.back_pressure = policy;
        self
    }

    /// Datums that may wait for one consumer; 1024 by default, at least 1.
    #[must_use]
    pub const fn with_buffer_size(mut self, datums: usize) -> Self {
        self.buffer_size = datums;
        self
    }

    /// How many consumers are served at a time; unlimited by default.
    #[must_use]
    pub const fn with_max_consumers(mut self, consumers: usize) -> Self {
        self.max_consumers = consumers;
        self
    }

    /// The stream's id; derived from the type of the datum by default.
    #[must_use]
    pub fn with_stream_id(mut self, stream_id: impl Into<StreamId>) -> Self {
        self.stream_id = Some(stream_id.into());
        self
    }

    /// Where datums go that no consumer was there to receive: the sender of a channel, best a bounded one.
    #[must_use]
    pub fn with_undelivered_sink(mut self, sink: impl UndeliveredSink<D>) -> Self {
        self.undelivered = Some(Box::new(sink));
        self
    }

    /// Keeps the last datums: a consumer that comes late first gets these.
    ///
    /// At most 64 MiB are kept, whatever the number.
    #[must_use]
    pub const fn with_history(mut self, datums: usize) -> Self {
        self.history = datums;
        self
    }

    /// Indexes every datum by a key, so that consumers can ask for a part with a
    /// [`Filter`](crate::streams::Filter).
    ///
    /// ```no_run
    /// # use {mosaik::{Network, streams::Filter}, serde::{Deserialize, Serialize}};
    /// #[derive(Serialize, Deserialize)]
    /// struct Trade { symbol: String, price: u64 }
    ///
    /// # fn f(network: &Network) {
    /// let trades = network.streams().producer::<Trade>().index_by(|trade| trade.price).build();
    /// let cheap = network.streams().consumer::<Trade>().with_filter(Filter::key_range(..100u64)).build();
    /// # let _ = (trades, cheap);
    /// # }
    /// ```
    #[must_use]
    pub fn index_by<K, F>(mut self, key: F) -> Self
    where
        K: IndexKey,
        F: Fn(&D) -> K + Send + Sync + 'static,
    {
        self.index = Some(Box::new(move |datum| key(datum).into_key()));
        self
    }

    /// Opens the producer and advertises its stream.
    ///
    /// # Errors
    /// The stream has a producer on this node already (the error holds it if the type is the same), or the
    /// configuration makes no sense.
    pub fn build(self) -> Result<Producer<D>, BuilderError<D>> {
        let streams = self.streams;
        let parts = self.into_parts();
        streams.open_producer(parts)
    }

    /// Opens the producer, or returns the one that this node has already.
    ///
    /// Where [`Builder::build`] has another error, the producer is closed from the start, and its status says why.
    pub fn build_or_existing(self) -> Producer<D> {
        let streams = self.streams;
        let stream_id = self.stream_id.unwrap_or_else(D::derived_stream_id);
        match self.build() {
            Ok(producer) | Err(BuilderError::AlreadyExists(producer)) => producer,
            Err(error) => streams.closed_producer(stream_id, &error.to_string()),
        }
    }

    pub(crate) fn into_parts(self) -> ProducerParts<D> {
        let (require, ticket_validators): (Predicate, _) = self.requirements.into_parts();
        let config = ProducerConfig {
            stream_id: self.stream_id.unwrap_or_else(D::derived_stream_id),
            buffer_size: self.buffer_size,
            disconnect_lagging: self.back_pressure == BackPressure::Disconnect,
            back_pressure: self.back_pressure,
            require,
            online_when: self
                .online_when
                .unwrap_or_else(|| Box::new(|online| online.minimum_of(1))),
            network_id: *self.streams.network_id(),
            max_consumers: self.max_consumers,
            gate: Gate::new(ticket_validators.clone()),
            ticket_validators,
            restricted: self.restricted,
        };
        ProducerParts {
            config,
            history: self.history,
            index: self.index,
            undelivered: self.undelivered,
        }
    }
}

/// Why a producer could not be opened.
#[non_exhaustive]
pub enum BuilderError<D: Datum> {
    /// This node produces the stream already; this is its producer.
    AlreadyExists(Producer<D>),
    /// A buffer of no datums can hold none.
    ZeroBufferSize,
    /// This node produces a stream of this id with another type of datum.
    OtherDatumType {
        /// The stream.
        stream_id: StreamId,
        /// The type asked for.
        asked: String,
        /// The type of the producer that exists.
        exists: String,
    },
    /// The stream could not be put into this node's entry, so nobody would find it.
    NotAdvertised {
        /// Why, in words.
        reason: String,
    },
    /// The network has shut down.
    Closed,
}

impl<D: Datum> BuilderError<D> {
    /// Whether the same call may succeed later: once the existing producer's last handle is dropped.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::AlreadyExists(_) | Self::OtherDatumType { .. })
    }

    /// Whether it is certain that no producer was opened: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl<D: Datum> fmt::Display for BuilderError<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists(_) => f.write_str("Producer for this stream id already exists"),
            Self::ZeroBufferSize => f.write_str("buffer size is 0, and must be at least 1"),
            Self::OtherDatumType {
                stream_id,
                asked,
                exists,
            } => {
                let stream_id = crate::primitives::Short(stream_id);
                write!(
                    f,
                    "stream {stream_id} carries {exists} on this node, not {asked}"
                )
            }
            Self::NotAdvertised { reason } => write!(f, "stream cannot be advertised: {reason}"),
            Self::Closed => f.write_str("the network has shut down"),
        }
    }
}

impl<D: Datum + fmt::Debug> fmt::Debug for BuilderError<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists(producer) => {
                f.debug_tuple("AlreadyExists").field(producer).finish()
            }
            other => write!(f, "BuilderError({other})"),
        }
    }
}

impl<D: Datum + fmt::Debug> std::error::Error for BuilderError<D> {}

/// Datums that may wait for one consumer, unless the builder says otherwise.
const DEFAULT_BUFFER_SIZE: usize = 1024;
