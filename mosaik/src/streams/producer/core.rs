//! A producer without the type of its datums: the fan-out, who waits for it, and who is served.

use {
    super::{builder::ProducerConfig, members::Members},
    crate::{
        primitives::{Digest, PeerId, Schema},
        runtime::Clock,
        streams::{
            admission::Refusal,
            board::Board,
            credit::Credit,
            criteria::{Key, KeyKind},
            explain::Refusals,
            fanout::{ChannelId, Fanout, Taken},
            meter::ProducerMeter,
            outbox::{Item, Overrun},
            segment::{Encoded, SEGMENT_BYTES},
        },
    },
    std::{
        collections::BTreeMap,
        fmt, mem,
        sync::{
            Arc, Mutex, MutexGuard, PoisonError,
            atomic::{
                AtomicBool,
                Ordering::{Acquire, Release},
            },
        },
        task::{Context, Poll, Waker},
    },
    tokio::sync::Notify,
};

/// Shared by the handles of a producer and the tasks of its channels.
pub(crate) struct Core {
    pub(crate) config: Arc<ProducerConfig>,
    /// Sequence numbers count within one life of a producer.
    pub(crate) incarnation: u64,
    pub(crate) local: PeerId,
    pub(crate) schema: Schema,
    pub(crate) fingerprint: Digest,
    pub(crate) has_index: bool,
    pub(crate) clock: Clock,
    pub(crate) board: Board,
    pub(crate) meter: ProducerMeter,
    pub(crate) refusals: Refusals,
    members: Mutex<Members>,
    state: Mutex<State>,
    /// Online and not ended, for senders that hold a promise.
    takes: AtomicBool,
    /// Wakes the task that re-checks who is served: a deadline of its changed.
    pub(crate) recheck: Arc<Notify>,
}

/// What [`Core::open`] needs.
pub(crate) struct Opening {
    pub(crate) config: ProducerConfig,
    pub(crate) incarnation: u64,
    pub(crate) local: PeerId,
    pub(crate) schema: Schema,
    pub(crate) has_index: bool,
    pub(crate) history: usize,
    pub(crate) clock: Clock,
    pub(crate) recheck: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    fanout: Fanout,
    online: bool,
    end: Option<End>,
    /// Channels with nothing to send.
    idle: Vec<(ChannelId, Waker)>,
    /// Channels that wait for credit.
    blocked: BTreeMap<ChannelId, Waker>,
    /// Handles that wait for being online or for room.
    senders: BTreeMap<u64, Waker>,
    /// The kind of keys that the index has given so far.
    index: Option<KeyKind>,
    /// Datums that were for the undelivered sink, and those that it had no room for.
    unheard: u64,
    undelivered_dropped: u64,
}

/// What waits for a consumer.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    pub(crate) queued: Credit,
    pub(crate) lost: u64,
    pub(crate) waits_for_credit: bool,
}

/// Why a producer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Its last handle was dropped.
    Dropped,
    /// The network is shutting down.
    Shutdown,
    /// It was never opened: why.
    Refused(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => f.write_str("its last handle was dropped"),
            Self::Shutdown => f.write_str("the network is shutting down"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

/// Why a datum was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    Closed,
    Offline,
    Full,
    /// Nobody is to receive it; it belongs into the undelivered sink.
    Unheard,
}

/// Why a channel has nothing more to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChannelEnd {
    /// The producer ended, and everything was sent.
    Drained,
    /// The back-pressure policy ended it.
    TooSlow,
    /// It was removed.
    Removed,
}

impl Core {
    pub(crate) fn open(opening: Opening) -> Arc<Self> {
        let Opening {
            config,
            incarnation,
            local,
            schema,
            has_index,
            history,
            clock,
            recheck,
        } = opening;
        let config = Arc::new(config);
        let fanout = Fanout::new(config.back_pressure, config.buffer_size, history);
        Arc::new_cyclic(|core: &std::sync::Weak<Self>| {
            let told = core.clone();
            // While the core is being built, nobody is there to tell: the state starts with the same value.
            let board = Board::new(&*config.online_when, move |online| {
                if let Some(core) = told.upgrade() {
                    core.set_online(online);
                }
            });
            let online = board.is_online();
            Self {
                fingerprint: schema.fingerprint(),
                meter: ProducerMeter::new(&config.network_id, &config.stream_id),
                config,
                incarnation,
                local,
                schema,
                has_index,
                clock,
                board,
                refusals: Refusals::default(),
                members: Mutex::default(),
                takes: AtomicBool::new(online),
                state: Mutex::new(State {
                    fanout,
                    online,
                    end: None,
                    idle: Vec::new(),
                    blocked: BTreeMap::new(),
                    senders: BTreeMap::new(),
                    index: None,
                    unheard: 0,
                    undelivered_dropped: 0,
                }),
                recheck,
            }
        })
    }

    /// Takes a datum, and wakes the channels that had nothing to send.
    pub(crate) fn push(
        &self,
        datum: Encoded<'_>,
        key: Option<Key>,
        reserved: bool,
        wants_unheard: bool,
    ) -> Result<(), NotTaken> {
        let mut state = self.state();
        let refused = if state.end.is_some() {
            Some(NotTaken::Closed)
        } else if !state.online {
            Some(NotTaken::Offline)
        } else if wants_unheard && !state.fanout.is_heard(key.as_ref()) {
            Some(NotTaken::Unheard)
        } else {
            None
        };
        if let Some(refused) = refused {
            if reserved {
                state.fanout.release(1);
            }
            return Err(refused);
        }
        if let Some(key) = &key {
            state.index.get_or_insert(key.kind());
        }
        if !state.fanout.push(datum, key, reserved) {
            return Err(NotTaken::Full);
        }
        let dropped = state.fanout.take_dropped();
        let idle = mem::take(&mut state.idle);
        let blocked = state
            .fanout
            .has_overrun()
            .then(|| mem::take(&mut state.blocked));
        drop(state);
        self.meter.dropped(dropped);
        idle.into_iter().for_each(|(_, waker)| waker.wake());
        if let Some(blocked) = blocked {
            blocked.into_values().for_each(Waker::wake);
        }
        Ok(())
    }

    /// Waits until a datum would be taken, and promises places. An error if the producer has ended.
    pub(crate) fn poll_reserve(&self, cx: &mut Context<'_>, handle: u64) -> Poll<Result<u64, ()>> {
        let mut state = self.state();
        if state.end.is_some() {
            return Poll::Ready(Err(()));
        }
        if state.online {
            let promised = state.fanout.reserve();
            if promised > 0 {
                state.senders.remove(&handle);
                return Poll::Ready(Ok(promised));
            }
        }
        state.senders.insert(handle, cx.waker().clone());
        Poll::Pending
    }

    /// Whether promises can be kept, without a lock.
    pub(crate) fn takes(&self) -> bool {
        self.takes.load(Acquire)
    }

    /// A handle goes, or wants no more for now; it may hold promises.
    pub(crate) fn forget(&self, handle: u64, promised: u64) {
        let mut state = self.state();
        state.senders.remove(&handle);
        if promised > 0 {
            state.fanout.release(promised);
            Self::wake_senders(&mut state);
        }
    }

    /// What the channel is to send next.
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        id: ChannelId,
        out: &mut Vec<Item>,
    ) -> Poll<Result<Credit, ChannelEnd>> {
        let mut state = self.state();
        let taken = state.fanout.take(id, TAKE_BYTES_MAX, out);
        self.meter.dropped(state.fanout.take_dropped());
        match taken {
            Taken::Items(taken) => {
                Self::wake_senders(&mut state);
                drop(state);
                self.meter.sent(taken);
                Poll::Ready(Ok(taken))
            }
            Taken::Over(Some(Overrun::TooSlow)) => Poll::Ready(Err(ChannelEnd::TooSlow)),
            Taken::Over(None) => Poll::Ready(Err(ChannelEnd::Removed)),
            Taken::Idle if state.end.is_some() => Poll::Ready(Err(ChannelEnd::Drained)),
            Taken::Idle => {
                match state.idle.iter_mut().find(|(waiting, _)| *waiting == id) {
                    Some((_, waker)) => waker.clone_from(cx.waker()),
                    None => state.idle.push((id, cx.waker().clone())),
                }
                Poll::Pending
            }
            Taken::NoCredit => {
                state.blocked.insert(id, cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The consumer grants more credit and tells what it has received.
    pub(crate) fn acknowledge(&self, id: ChannelId, limit: Credit, received: u64) {
        let mut state = self.state();
        state.fanout.acknowledge(id, limit, received);
        let blocked = state.blocked.remove(&id);
        drop(state);
        if let Some(waker) = blocked {
            waker.wake();
        }
    }

    /// Ends the producer: handles take nothing more, channels send what they have and close.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        state.end = Some(end);
        self.takes.store(false, Release);
        let mut wakers: Vec<_> = mem::take(&mut state.idle)
            .into_iter()
            .map(|(_, waker)| waker)
            .collect();
        wakers.extend(mem::take(&mut state.blocked).into_values());
        wakers.extend(mem::take(&mut state.senders).into_values());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.board.end();
        self.members().end();
        self.recheck.notify_one();
    }

    pub(crate) fn why_ended(&self) -> Option<End> {
        self.state().end.clone()
    }

    /// Whether `send` has a place to put a datum now.
    pub(crate) fn has_room(&self) -> bool {
        self.state().fanout.room() > 0
    }

    /// What waits for the consumers on a node.
    pub(crate) fn backlog_of(&self, peer: &PeerId) -> Option<Backlog> {
        let channels = self.members().channels_of(peer);
        let state = self.state();
        let outboxes = channels
            .into_iter()
            .filter_map(|id| state.fanout.channel(id));
        outboxes.fold(None, |sum: Option<Backlog>, outbox| {
            let mut sum = sum.unwrap_or_default();
            let queued = outbox.queued();
            sum.queued.add(queued.datums, queued.bytes);
            sum.lost += outbox.lost();
            sum.waits_for_credit |= !outbox.may_send();
            Some(sum)
        })
    }

    /// A datum was accepted that nobody is to receive.
    pub(crate) fn skip(&self, put_elsewhere: bool) {
        let mut state = self.state();
        state.unheard += 1;
        state.undelivered_dropped += u64::from(!put_elsewhere);
    }

    /// Datums that the undelivered sink had no room for.
    pub(crate) fn undelivered_dropped(&self) -> u64 {
        self.state().undelivered_dropped
    }

    /// Datums that were accepted while nobody was there.
    pub(crate) fn unheard(&self) -> u64 {
        let state = self.state();
        state.unheard + state.fanout.unheard()
    }

    pub(crate) fn index(&self) -> Option<Option<KeyKind>> {
        self.has_index.then(|| self.state().index)
    }

    /// Runs on the fan-out, and wakes whoever waits for what that changed.
    pub(super) fn with_fanout<T>(&self, change: impl FnOnce(&mut Fanout) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state.fanout);
        // A channel may have come or gone.
        let mut wakers: Vec<_> = mem::take(&mut state.idle)
            .into_iter()
            .map(|(_, waker)| waker)
            .collect();
        wakers.extend(mem::take(&mut state.blocked).into_values());
        Self::wake_senders(&mut state);
        let dropped = state.fanout.take_dropped();
        drop(state);
        self.meter.dropped(dropped);
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    pub(crate) fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refuse(&self, peer: PeerId, refusal: &Refusal) {
        self.meter.rejected();
        self.refusals
            .note(peer, &refusal.to_string(), self.clock.now());
    }

    fn set_online(&self, online: bool) {
        let mut state = self.state();
        state.online = online;
        self.takes.store(online && state.end.is_none(), Release);
        if online {
            Self::wake_senders(&mut state);
        }
    }

    /// Wakes waiting handles once it is worth it: a handle that is woken for every single place never batches.
    fn wake_senders(state: &mut State) {
        if state.senders.is_empty() || !state.online {
            return;
        }
        if state.fanout.room() >= state.fanout.worthwhile_room() {
            mem::take(&mut state.senders)
                .into_values()
                .for_each(Waker::wake);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that a channel takes for one write: four segments, so that a write is worth its wake-up.
const TAKE_BYTES_MAX: u64 = 4 * SEGMENT_BYTES as u64;
