//! How a consumer is configured.

use {
    super::handle::Consumer,
    crate::{
        primitives::{BackoffFactory, Datum, NetworkId, PeerEntry, StreamId, backoff::Backoff},
        streams::{
            Streams,
            admission::Requirements,
            config::factory,
            credit::Credit,
            criteria::{Criteria, Filter},
            status::ChannelConditions,
        },
        tickets::{Gate, TicketValidator},
    },
    std::{fmt, sync::Arc},
};

/// The configuration of a consumer.
pub struct ConsumerConfig {
    /// The stream.
    pub stream_id: StreamId,
    /// What is asked of every datum.
    pub criteria: Criteria,
    /// What a producer's entry must satisfy.
    pub require: Box<dyn Fn(&PeerEntry) -> bool + Send + Sync>,
    /// Makes the policy by which attempts to reach a producer are repeated.
    pub backoff: BackoffFactory,
    /// When the consumer is online.
    pub online_when: Box<dyn Fn(ChannelConditions) -> ChannelConditions + Send + Sync>,
    /// Tickets that a producer must have.
    pub ticket_validators: Vec<Arc<dyn TicketValidator>>,
    /// The same, with their last answers.
    pub(crate) gate: Gate,
    /// The network.
    pub network_id: NetworkId,
    /// Which datums the producer is to send.
    pub filter: Option<Filter>,
    /// What one producer may send before the application has taken it.
    pub(crate) window: Credit,
}

impl fmt::Debug for ConsumerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerConfig")
            .field("stream_id", &self.stream_id)
            .field("criteria", &self.criteria)
            .field("filter", &self.filter)
            .field("ticket_validators", &self.ticket_validators.len())
            .finish_non_exhaustive()
    }
}

/// Configures and opens a consumer.
pub struct Builder<'s, D: Datum> {
    streams: &'s Streams,
    stream_id: Option<StreamId>,
    criteria: Criteria,
    filter: Option<Filter>,
    requirements: Requirements,
    backoff: Option<BackoffFactory>,
    online_when: Option<Box<dyn Fn(ChannelConditions) -> ChannelConditions + Send + Sync>>,
    window: Credit,
    datum: std::marker::PhantomData<fn() -> D>,
}

impl<'s, D: Datum> Builder<'s, D> {
    pub(crate) const fn new(streams: &'s Streams, stream_id: Option<StreamId>) -> Self {
        Self {
            streams,
            stream_id,
            criteria: Criteria {},
            filter: None,
            requirements: Requirements::none(),
            backoff: None,
            online_when: None,
            window: Credit::new(WINDOW_DATUMS, WINDOW_BYTES),
            datum: std::marker::PhantomData,
        }
    }

    /// What to ask of every datum.
    #[must_use]
    pub const fn with_criteria(mut self, criteria: Criteria) -> Self {
        self.criteria = criteria;
        self
    }

    /// Receives only the datums that the filter lets through; the producer must have an index.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Connects only to producers with a ticket that the validator accepts, while it accepts it.
    ///
    /// Given more than once, each must be satisfied.
    #[must_use]
    pub fn require_ticket(mut self, validator: impl TicketValidator) -> Self {
        self.requirements.require_ticket(validator);
        self
    }

    /// Connects only to producers whose entry satisfies the predicate, while it does.
    ///
    /// Given more than once, the earlier ones are asked first and all must hold.
    #[must_use]
    pub fn require<F>(mut self, predicate: F) -> Self
    where
        F: Fn(&PeerEntry) -> bool + Send + Sync + 'static,
    {
        self.requirements.require(predicate);
        self
    }

    /// The policy by which attempts to reach a producer are repeated; each producer gets a fresh copy.
    #[must_use]
    pub fn with_backoff<B: Backoff + Clone + Send + Sync + 'static>(mut self, backoff: B) -> Self {
        self.backoff = Some(factory(backoff));
        self
    }

    /// The stream's id; derived from the type of the datum by default.
    #[must_use]
    pub fn with_stream_id(mut self, stream_id: impl Into<StreamId>) -> Self {
        self.stream_id = Some(stream_id.into());
        self
    }

    /// When the consumer is online; always, by default.
    #[must_use]
    pub fn online_when<F>(mut self, condition: F) -> Self
    where
        F: Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static,
    {
        self.online_when = Some(Box::new(condition));
        self
    }

    /// How many datums of one producer may be on their way or wait for the application; 65,536 by default.
    ///
    /// Beyond it the producer's back-pressure policy applies. Their encoded bytes are bounded by 4 MiB.
    #[must_use]
    pub const fn with_queue_size(mut self, datums: usize) -> Self {
        self.window.datums = if datums == 0 { 1 } else { datums as u64 };
        self
    }

    /// Opens the consumer; it connects to every eligible producer that it hears of.
    pub fn build(self) -> Consumer<D> {
        let streams = self.streams;
        let (require, ticket_validators) = self.requirements.into_parts();
        let config = ConsumerConfig {
            stream_id: self.stream_id.unwrap_or_else(D::derived_stream_id),
            criteria: self.criteria,
            require,
            backoff: self
                .backoff
                .unwrap_or_else(|| streams.config().backoff.clone()),
            online_when: self
                .online_when
                .unwrap_or_else(|| Box::new(|online| online.minimum_of(0))),
            gate: Gate::new(ticket_validators.clone()),
            ticket_validators,
            network_id: *streams.network_id(),
            filter: self.filter,
            window: self.window,
        };
        streams.open_consumer(config)
    }
}

/// Datums outstanding from one producer: a window for millions a second over a millisecond or two.
const WINDOW_DATUMS: u64 = 64 * 1024;

/// Bytes outstanding from one producer: 400 MB/s over ten milliseconds.
const WINDOW_BYTES: u64 = 4 * 1024 * 1024;
