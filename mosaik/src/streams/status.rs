//! What a stream's channels are doing, and how to wait for it.

use {
    super::{board::Board, criteria::Criteria},
    crate::{
        primitives::{Digest, IntoIterOrSingle, PeerEntry, PeerId, StreamId, Tag},
        runtime::{Condition, Observable},
    },
    std::{
        collections::BTreeSet,
        fmt,
        pin::Pin,
        sync::Arc,
        task::{Context, Poll},
    },
    tokio::sync::watch,
};

pub use super::{
    explain::{ChannelStatus, ConsumerStatus, ProducerStatus, Refused},
    stats::Stats,
};

/// The channels of a producer or consumer, by an id of their own.
pub type ActiveChannelsMap = imbl::HashMap<Digest, ChannelInfo>;

/// Waits for a producer or consumer to be online, or for peers to be connected.
#[derive(Clone)]
pub struct When {
    board: Board,
}

impl When {
    pub(crate) const fn new(board: Board) -> Self {
        Self { board }
    }

    /// Resolves when it is online; at once if it is. Never, once it has ended.
    pub fn online(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.board
            .online()
            .condition(|state| state.online && !state.ended)
    }

    /// Whether it is online.
    pub fn is_online(&self) -> bool {
        self.board.is_online()
    }

    /// Resolves when it is offline; at once if it is, or if it has ended.
    pub fn offline(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.board
            .online()
            .condition(|state| !state.online || state.ended)
    }

    /// Met while at least one peer is connected; narrow it with the methods of [`ChannelConditions`].
    pub fn subscribed(&self) -> ChannelConditions {
        ChannelConditions::new(self.board.channels().clone())
    }

    /// Met while no peer is connected.
    pub fn unsubscribed(&self) -> ChannelConditions {
        self.subscribed().unmet()
    }
}

/// A condition on the peers that are connected: a future, a test, and a rule for being online.
///
/// As a future it resolves when the condition becomes met, at the first poll also if it already is, and may be
/// awaited again for the next time. A clone starts afresh.
pub struct ChannelConditions {
    channels: Observable<ActiveChannelsMap>,
    need: Need,
    /// The wait, and the need it was built for.
    waiting: Option<(Need, Condition<ActiveChannelsMap>)>,
}

type SharedPredicate = Arc<dyn Fn(&PeerEntry) -> bool + Send + Sync>;

/// What a condition asks of the channels. Pure.
#[derive(Clone)]
pub(crate) struct Need {
    minimum: usize,
    predicates: Vec<SharedPredicate>,
    inverted: bool,
}

impl Need {
    pub(crate) fn is_met(&self, channels: &ActiveChannelsMap) -> bool {
        let satisfies = |peer: &PeerEntry| self.predicates.iter().all(|predicate| predicate(peer));
        let connected = channels
            .values()
            .filter(|channel| channel.is_connected() && satisfies(channel.peer()))
            .take(self.minimum)
            .count();
        (connected >= self.minimum) != self.inverted
    }

    fn is_same(&self, other: &Self) -> bool {
        self.minimum == other.minimum
            && self.inverted == other.inverted
            && self.predicates.len() == other.predicates.len()
    }
}

impl ChannelConditions {
    pub(crate) const fn new(channels: Observable<ActiveChannelsMap>) -> Self {
        Self {
            channels,
            need: Need {
                minimum: 1,
                predicates: Vec::new(),
                inverted: false,
            },
            waiting: None,
        }
    }

    pub(crate) fn into_need(self) -> Need {
        self.need
    }

    /// How many peers it takes.
    #[must_use]
    pub const fn minimum_of(mut self, minimum: usize) -> Self {
        self.need.minimum = minimum;
        self
    }

    /// Counts only peers that have all these tags, and satisfy what was asked before.
    #[must_use]
    pub fn with_tags<V>(self, tags: impl IntoIterOrSingle<Tag, V>) -> Self {
        let tags: BTreeSet<Tag> = tags.iterator().collect();
        self.with_predicate(move |peer| tags.is_subset(peer.tags()))
    }

    /// Counts only peers that satisfy the predicate, and what was asked before.
    ///
    /// It sees the peer's entry as it was when the channel opened.
    #[must_use]
    pub fn with_predicate<F>(mut self, predicate: F) -> Self
    where
        F: Fn(&PeerEntry) -> bool + Send + Sync + 'static,
    {
        self.need.predicates.push(Arc::new(predicate));
        self
    }

    /// Whether it is met now.
    pub fn is_condition_met(&self) -> bool {
        // A copy of the map costs nothing, and predicates are not called under a lock.
        let channels = self.channels.read(Clone::clone);
        self.need.is_met(&channels)
    }

    /// The opposite: met while fewer than the minimum are connected.
    #[must_use]
    pub const fn unmet(mut self) -> Self {
        self.need.inverted = true;
        self
    }
}

impl Future for ChannelConditions {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let stale = this
            .waiting
            .as_ref()
            .is_none_or(|(need, _)| !need.is_same(&this.need));
        if stale {
            let need = this.need.clone();
            let condition = this
                .channels
                .condition(move |channels| need.is_met(channels));
            this.waiting = Some((this.need.clone(), condition));
        }
        match &mut this.waiting {
            Some((_, condition)) => Pin::new(condition).poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Clone for ChannelConditions {
    fn clone(&self) -> Self {
        Self {
            channels: self.channels.clone(),
            need: self.need.clone(),
            waiting: None,
        }
    }
}

impl fmt::Debug for ChannelConditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelConditions")
            .field("minimum", &self.need.minimum)
            .field("predicates", &self.need.predicates.len())
            .field("inverted", &self.need.inverted)
            .field("is_met", &self.is_condition_met())
            .finish()
    }
}

impl PartialEq<bool> for ChannelConditions {
    fn eq(&self, other: &bool) -> bool {
        self.is_condition_met() == *other
    }
}

impl PartialEq<ChannelConditions> for bool {
    fn eq(&self, other: &ChannelConditions) -> bool {
        other == self
    }
}

/// One channel: a producer and a consumer, seen from one of them.
#[derive(Clone)]
pub struct ChannelInfo {
    pub(crate) stream_id: StreamId,
    pub(crate) criteria: Criteria,
    pub(crate) producer_id: PeerId,
    pub(crate) consumer_id: PeerId,
    pub(crate) peer: Arc<PeerEntry>,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) stats: Stats,
}

impl ChannelInfo {
    /// The stream.
    pub const fn stream_id(&self) -> &StreamId {
        &self.stream_id
    }

    /// What the consumer asked for.
    pub const fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// The producing peer.
    pub const fn producer_id(&self) -> &PeerId {
        &self.producer_id
    }

    /// The consuming peer.
    pub const fn consumer_id(&self) -> &PeerId {
        &self.consumer_id
    }

    /// The entry of the remote side, as it was when the channel opened.
    pub fn peer(&self) -> &PeerEntry {
        &self.peer
    }

    /// What the channel is doing.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Follows the state.
    pub const fn state_watcher(&self) -> &watch::Receiver<State> {
        &self.state
    }

    /// What went through it.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether datums can flow.
    pub fn is_connected(&self) -> bool {
        self.state() == State::Connected
    }

    /// Resolves when the channel has ended.
    pub fn disconnected(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        let mut state = self.state.clone();
        async move {
            // An error means that the channel's task is gone, which is the same.
            let _ended = state
                .wait_for(|state| *state == State::Terminated)
                .await
                .is_ok();
        }
    }
}

impl fmt::Debug for ChannelInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelInfo")
            .field("stream_id", &self.stream_id)
            .field("producer_id", &self.producer_id)
            .field("consumer_id", &self.consumer_id)
            .field("state", &self.state())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// What a channel is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being opened, or opened again.
    Connecting,
    /// Datums can flow.
    Connected,
    /// It has ended for good; another attempt is another channel.
    Terminated,
}
