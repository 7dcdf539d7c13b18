//! The handle that sends.

use {
    super::{
        builder::{Index, ProducerConfig},
        core::{Core, End, NotTaken},
        error::Error,
        undelivered::UndeliveredSink,
    },
    crate::{
        primitives::{BytesMut, Datum, Short, StreamId, encoding::EncodeError},
        streams::{
            segment::{ENCODED_PREFIX_BYTES, Encoded},
            status::{ChannelInfo, ChannelStatus, ProducerStatus, When},
            wire::DATUM_BYTES_MAX,
        },
    },
    futures::Sink,
    std::{
        any::Any,
        cell::RefCell,
        fmt,
        pin::Pin,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering::Relaxed},
        },
        task::{Context, Poll, ready},
    },
    tokio::task::coop,
};

/// Sends datums to every consumer of a stream.
///
/// Clones send on the same stream. The producer lives as long as its handles: dropping the last one sends what was
/// accepted, takes the advertisement back and closes the channels.
///
/// It is a [`Sink`]: `send` waits while the producer is offline or a consumer's queue is full (see
/// [`BackPressure`](crate::streams::BackPressure)), and completes when the datum is queued for every consumer.
pub struct Producer<D: Datum> {
    when: When,
    owner: Arc<Owner<D>>,
    /// Names this handle among those that wait.
    number: u64,
    /// Places that the fan-out has promised to this handle.
    promised: u64,
    closed: bool,
}

/// What the handles of a producer own together; the producer ends when it is dropped.
pub(crate) struct Owner<D> {
    core: Arc<Core>,
    index: Option<Index<D>>,
    undelivered: Option<Box<dyn UndeliveredSink<D>>>,
    handles: AtomicU64,
    /// Takes the stream off the node.
    retire: Box<dyn Fn() + Send + Sync>,
}

impl<D> Owner<D> {
    pub(crate) fn new(
        core: Arc<Core>,
        index: Option<Index<D>>,
        undelivered: Option<Box<dyn UndeliveredSink<D>>>,
        retire: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            core,
            index,
            undelivered,
            handles: AtomicU64::new(0),
            retire: Box::new(retire),
        }
    }
}

impl<D> Drop for Owner<D> {
    fn drop(&mut self) {
        (self.retire)();
        self.core.end(End::Dropped);
    }
}

impl<D: Datum> Producer<D> {
    pub(crate) fn new(owner: Arc<Owner<D>>) -> Self {
        Self {
            when: When::new(owner.core.board.clone()),
            number: owner.handles.fetch_add(1, Relaxed),
            owner,
            promised: 0,
            closed: false,
        }
    }

    /// The stream.
    pub fn stream_id(&self) -> &StreamId {
        &self.owner.core.config.stream_id
    }

    /// Waits for the producer to be online, or for consumers.
    pub const fn when(&self) -> &When {
        &self.when
    }

    /// The configuration with which the producer was opened.
    pub fn config(&self) -> &ProducerConfig {
        &self.owner.core.config
    }

    /// Whether datums are taken, if there is room.
    pub fn is_online(&self) -> bool {
        self.when.is_online()
    }

    /// Sends a datum without waiting.
    ///
    /// # Errors
    /// The datum is given back: the producer is offline or closed, a consumer's queue is full, or the datum cannot be
    /// encoded.
    pub fn try_send(&self, item: D) -> Result<(), Error<D>> {
        self.push(item, false)
    }

    /// The channels to consumers, also those that are not confirmed yet.
    pub fn consumers(&self) -> impl Iterator<Item = ChannelInfo> + use<D> {
        let channels: Vec<_> = self.owner.core.board.snapshot().values().cloned().collect();
        channels.into_iter()
    }

    /// What the producer is doing, and why nothing flows if nothing does.
    pub fn status(&self) -> ProducerStatus {
        let core = &self.owner.core;
        let channel = |info: ChannelInfo| {
            let backlog = core.backlog_of(info.consumer_id());
            ChannelStatus {
                peer: *info.consumer_id(),
                state: info.state(),
                datums: info.stats().datums(),
                queued: backlog.as_ref().map_or(0, |backlog| backlog.queued.datums),
                lost: backlog.as_ref().map_or(0, |backlog| backlog.lost),
                waits_for_consumer: backlog
                    .as_ref()
                    .is_some_and(|backlog| backlog.waits_for_credit),
            }
        };
        ProducerStatus {
            stream_id: *self.stream_id(),
            online: self.is_online(),
            ended: core.why_ended().map(|end| end.to_string()),
            has_room: core.has_room(),
            back_pressure: core.config.back_pressure,
            consumers: self.consumers().map(channel).collect(),
            refused: core.refusals.list(core.clock.now()),
            unheard: core.unheard(),
            undelivered_dropped: core.undelivered_dropped(),
        }
    }

    fn push(&self, item: D, reserved: bool) -> Result<(), Error<D>> {
        if self.closed {
            return Err(Error::Closed(Some(item)));
        }
        let core = &self.owner.core;
        let wants_unheard = self.owner.undelivered.is_some();
        let pushed = with_encoded(&item, |datum| {
            let key = self.owner.index.as_ref().map(|index| index(&item));
            core.push(datum, key, reserved, wants_unheard)
        });
        match pushed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(NotTaken::Closed)) => Err(Error::Closed(Some(item))),
            Ok(Err(NotTaken::Offline)) => Err(Error::Offline(item)),
            Ok(Err(NotTaken::Full)) => Err(Error::Full(item)),
            Ok(Err(NotTaken::Unheard)) => {
                let sink = self.owner.undelivered.as_ref();
                core.skip(sink.is_some_and(|sink| sink.put(item)));
                Ok(())
            }
            Err(error) => {
                if reserved {
                    core.forget(self.number, 1);
                }
                Err(Error::Encoding(item, error))
            }
        }
    }
}

impl<D: Datum> Producer<D> {
    /// Nothing is sent for now: others may have the places.
    fn give_back(&mut self) {
        if self.promised > 0 {
            self.owner.core.forget(self.number, self.promised);
            self.promised = 0;
        }
    }
}

impl<D: Datum> Sink<D> for Producer<D> {
    type Error = Error<D>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error<D>>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Ready(Err(Error::Closed(None)));
        }
        if this.promised > 0 && this.owner.core.takes() {
            return Poll::Ready(Ok(()));
        }
        this.give_back();
        // A loop of sends that never waits must let other tasks run.
        let coop = ready!(coop::poll_proceed(cx));
        let promised = ready!(this.owner.core.poll_reserve(cx, this.number));
        coop.made_progress();
        this.promised = promised.unwrap_or(0);
        Poll::Ready(promised.map(drop).map_err(|()| Error::Closed(None)))
    }

    fn start_send(self: Pin<&mut Self>, item: D) -> Result<(), Error<D>> {
        let this = self.get_mut();
        let reserved = this.promised > 0;
        this.promised -= u64::from(reserved);
        this.push(item, reserved)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Error<D>>> {
        // What is accepted is on its way: channels take it as fast as they can.
        self.get_mut().give_back();
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Error<D>>> {
        let this = self.get_mut();
        this.give_back();
        this.closed = true;
        Poll::Ready(Ok(()))
    }
}

impl<D: Datum> Clone for Producer<D> {
    fn clone(&self) -> Self {
        let mut clone = Self::new(self.owner.clone());
        clone.closed = self.closed;
        clone
    }
}

impl<D: Datum> Drop for Producer<D> {
    fn drop(&mut self) {
        self.owner.core.forget(self.number, self.promised);
    }
}

impl<D: Datum> fmt::Debug for Producer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Producer<{}>({})",
            Short(self.stream_id()),
            std::any::type_name::<D>()
        )
    }
}

/// Encodes into a buffer that the thread keeps; a large datum takes its memory along.
fn with_encoded<D: Datum, T>(
    item: &D,
    with: impl FnOnce(Encoded<'_>) -> T,
) -> Result<T, EncodeError> {
    thread_local! {
        static SCRATCH: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(SCRATCH_BYTES));
    }
    let encode = |buffer: &mut BytesMut| {
        let datum = Encoded::write(buffer, |buffer| {
            item.encode_into(buffer).map_err(encode_error)
        })?;
        let bytes = datum.len();
        if bytes > DATUM_BYTES_MAX {
            let text = format!("{bytes} bytes encoded, more than {DATUM_BYTES_MAX}");
            return Err(EncodeError::Unsupported(text));
        }
        let result = with(datum);
        if buffer.is_empty() {
            // It was taken along; the next one is often as large.
            buffer.reserve(bytes.min(SCRATCH_BYTES_MAX / 2) + ENCODED_PREFIX_BYTES);
        }
        Ok(result)
    };
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut buffer) => {
            let result = encode(&mut buffer);
            if buffer.capacity() > SCRATCH_BYTES_MAX {
                *buffer = BytesMut::with_capacity(SCRATCH_BYTES);
            }
            result
        }
        // An encoder that sends: the thread's buffer is taken.
        Err(_) => encode(&mut BytesMut::new()),
    })
}

/// The error of any encoder as the one that the interface names.
fn encode_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> EncodeError {
    let boxed: Box<dyn Any> = Box::new(error);
    match boxed.downcast::<EncodeError>() {
        Ok(error) => *error,
        Err(boxed) => {
            let text = boxed
                .downcast_ref::<E>()
                .map(E::to_string)
                .unwrap_or_default();
            EncodeError::Unsupported(text)
        }
    }
}

const SCRATCH_BYTES: usize = 4 * 1024;

/// A thread does not keep a buffer larger than this.
const SCRATCH_BYTES_MAX: usize = 1024 * 1024;
