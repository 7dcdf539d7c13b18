//! What a consumer's handle, its worker and its receivers share.

use {
    super::{
        builder::ConsumerConfig,
        inbox::{Inbox, Window},
    },
    crate::{
        primitives::{Datum, Digest, PeerId, Schema},
        runtime::Clock,
        streams::{
            board::Board,
            credit::Credit,
            event::ConsumerEvent,
            explain::Refusals,
            meter::ConsumerMeter,
            sequence::{Gap, Tracker},
            status::Stats,
        },
    },
    std::{
        collections::VecDeque,
        sync::{Arc, Mutex, PoisonError},
    },
    tokio::sync::broadcast,
};

pub(crate) struct Shared<D> {
    pub(crate) config: Arc<ConsumerConfig>,
    /// Names this consumer at the producers.
    pub(crate) number: u64,
    pub(crate) local: PeerId,
    pub(crate) schema: Schema,
    pub(crate) fingerprint: Digest,
    pub(crate) inbox: Inbox<D>,
    pub(crate) board: Board,
    pub(crate) meter: ConsumerMeter,
    pub(crate) refusals: Refusals,
    pub(crate) clock: Clock,
    /// What the application has taken, and what is lost to it over all channels.
    pub(crate) stats: Stats,
    events: broadcast::Sender<ConsumerEvent>,
    gaps: Mutex<VecDeque<Gap>>,
}

impl<D: Datum> Shared<D> {
    pub(crate) fn new(config: ConsumerConfig, number: u64, local: PeerId, clock: Clock) -> Self {
        let schema = D::schema();
        Self {
            board: Board::new(&*config.online_when, |_| {}),
            meter: ConsumerMeter::new(&config.network_id, &config.stream_id),
            config: Arc::new(config),
            number,
            local,
            fingerprint: schema.fingerprint(),
            schema,
            inbox: Inbox::new(),
            refusals: Refusals::default(),
            clock,
            stats: Stats::default(),
            events: broadcast::Sender::new(EVENTS_MAX),
            gaps: Mutex::default(),
        }
    }
}

impl<D> Shared<D> {
    pub(crate) fn events(&self) -> broadcast::Receiver<ConsumerEvent> {
        self.events.subscribe()
    }

    pub(crate) fn tell(&self, event: ConsumerEvent) {
        // An error means that nobody listens.
        self.events.send(event).ok();
    }

    pub(crate) fn note_gap(&self, gap: Gap) {
        // A policy may lose datums thousands of times a second: counters and events tell of each.
        tracing::debug!(producer = %gap.producer, %gap, "datums of a stream are lost");
        self.stats.add_gap(gap.lost);
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        if gaps.len() == GAPS_KEPT {
            gaps.pop_front();
        }
        gaps.push_back(gap.clone());
        drop(gaps);
        self.tell(ConsumerEvent::Gap(gap));
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.gaps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

/// What a consumer remembers of a producer from one link to the next.
pub(crate) struct Memory {
    pub(crate) tracker: Tracker,
    pub(crate) window: Arc<Window>,
    /// Received over all links.
    pub(crate) received: Credit,
    pub(crate) stats: Stats,
}

impl Memory {
    pub(crate) fn new(capacity: Credit) -> Self {
        Self {
            tracker: Tracker::default(),
            window: Arc::new(Window::new(capacity)),
            received: Credit::default(),
            stats: Stats::default(),
        }
    }
}

/// Events that wait for a slow listener, which is then told that it missed some.
const EVENTS_MAX: usize = 256;

/// Gaps that a consumer can list; the counters go on.
const GAPS_KEPT: usize = 64;
