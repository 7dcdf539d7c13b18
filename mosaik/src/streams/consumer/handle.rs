//! The handle that receives.

use {
    super::{builder::ConsumerConfig, inbox::Batch, shared::Shared},
    crate::{
        primitives::{Datum, Short, StreamId},
        runtime::Shutdown,
        streams::{
            event::ConsumerEvent,
            sequence::Gap,
            status::{ChannelInfo, ChannelStatus, ConsumerStatus, Stats, When},
        },
    },
    futures::Stream,
    std::{
        collections::VecDeque,
        fmt,
        future::poll_fn,
        pin::Pin,
        sync::{Arc, Mutex, PoisonError},
        task::{Context, Poll, ready},
    },
    tokio::{
        sync::{broadcast, mpsc::error::TryRecvError},
        task::coop,
    },
};

/// Receives the datums of every eligible producer of a stream.
///
/// Datums of one producer come in order and at most once. What is lost is reported, see [`Consumer::gaps`] and
/// [`Consumer::events`]. Dropping it closes its channels.
pub struct Consumer<D: Datum> {
    when: When,
    stats: Stats,
    shared: Arc<Shared<D>>,
    /// Behind a lock only so that a consumer can be shared whatever its datums can; never contended.
    local: Mutex<Local<D>>,
    shutdown: Shutdown,
}

/// Taken from the queue, not yet by the application.
struct Local<D> {
    batches: VecDeque<Batch<D>>,
    /// Datums taken that the queue still counts.
    uncounted: usize,
}

impl<D: Datum> Consumer<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, shutdown: Shutdown) -> Self {
        let stats = shared.stats.clone();
        stats.connected(true);
        Self {
            when: When::new(shared.board.clone()),
            stats,
            shared,
            local: Mutex::new(Local {
                batches: VecDeque::new(),
                uncounted: 0,
            }),
            shutdown,
        }
    }

    /// The stream.
    pub fn stream_id(&self) -> &StreamId {
        &self.shared.config.stream_id
    }

    /// Waits for the consumer to be online, or for producers.
    pub const fn when(&self) -> &When {
        &self.when
    }

    /// Whether the condition for being online is met; without one it always is.
    pub fn is_online(&self) -> bool {
        self.when.is_online()
    }

    /// The configuration with which the consumer was opened.
    pub fn config(&self) -> &ConsumerConfig {
        &self.shared.config
    }

    /// What the application has taken, and what it will not get: lost and undecodable datums of all channels.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The channels to producers, also those that are being opened.
    pub fn producers(&self) -> impl Iterator<Item = ChannelInfo> + use<D> {
        let channels: Vec<_> = self.shared.board.snapshot().values().cloned().collect();
        channels.into_iter()
    }

    /// The last gaps, the oldest first; at most 64. The channels' [`Stats`] count all.
    pub fn gaps(&self) -> Vec<Gap> {
        self.shared.gaps()
    }

    /// Follows what happens to the channels, from now on.
    ///
    /// A listener that is more than 256 events behind is told how many it missed.
    pub fn events(&self) -> broadcast::Receiver<ConsumerEvent> {
        self.shared.events()
    }

    /// What the consumer is doing, and why nothing comes if nothing does.
    pub fn status(&self) -> ConsumerStatus {
        let channel = |info: ChannelInfo| ChannelStatus {
            peer: *info.producer_id(),
            state: info.state(),
            datums: info.stats().datums(),
            queued: 0,
            lost: info.stats().lost(),
            waits_for_consumer: false,
        };
        ConsumerStatus {
            stream_id: *self.stream_id(),
            online: self.is_online(),
            queued: self.shared.inbox.queued(),
            producers: self.producers().map(channel).collect(),
            refused: self.shared.refusals.list(self.shared.clock.now()),
        }
    }

    /// The next datum; `None` once the network has shut down and everything was taken.
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Option<D> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next datum, if there is one now.
    ///
    /// # Errors
    /// There is none, or there will be none any more.
    pub fn try_recv(&mut self) -> Result<D, TryRecvError> {
        loop {
            if let Some(datum) = self.next_local() {
                return Ok(datum);
            }
            let local = self.local.get_mut().unwrap_or_else(PoisonError::into_inner);
            match self.shared.inbox.try_take(&mut local.batches) {
                Some(true) => {}
                Some(false) => return Err(TryRecvError::Disconnected),
                None => return Err(TryRecvError::Empty),
            }
        }
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<D>> {
        loop {
            if let Some(datum) = self.next_local() {
                return Poll::Ready(Some(datum));
            }
            // A loop of receives that never waits must let other tasks run: once a batch is enough.
            let coop = ready!(coop::poll_proceed(cx));
            let local = self.local.get_mut().unwrap_or_else(PoisonError::into_inner);
            if !ready!(self.shared.inbox.poll_take(cx, &mut local.batches)) {
                return Poll::Ready(None);
            }
            coop.made_progress();
        }
    }

    /// The next datum of what was taken from the queue, without a lock.
    fn next_local(&mut self) -> Option<D> {
        let local = self.local.get_mut().unwrap_or_else(PoisonError::into_inner);
        while let Some(batch) = local.batches.front_mut() {
            if let Some((datum, bytes)) = batch.next() {
                self.stats.add(1, u64::from(bytes));
                local.uncounted += 1;
                return Some(datum);
            }
            local.batches.pop_front();
            self.shared
                .inbox
                .taken(std::mem::take(&mut local.uncounted));
        }
        None
    }
}

/// Datums are moved out of the queue, never pinned in it.
impl<D: Datum> Unpin for Consumer<D> {}

impl<D: Datum> Stream for Consumer<D> {
    type Item = D;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<D>> {
        self.get_mut().poll_recv(cx)
    }
}

impl<D: Datum> Drop for Consumer<D> {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.shared.board.end();
    }
}

impl<D: Datum> fmt::Debug for Consumer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let producers = self.shared.board.snapshot().len();
        let name = std::any::type_name::<D>();
        write!(
            f,
            "Consumer<{}>({name}, {producers} producers)",
            Short(self.stream_id())
        )
    }
}
