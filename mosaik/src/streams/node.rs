//! The entry: opens producers and consumers, and serves the consumers of other nodes.

use {
    super::{
        config::Config,
        consumer::{self, Consumer, ConsumerActor, ConsumerConfig, Shared},
        directory::Directory,
        meter::StreamsMeter,
        producer::{self, BuilderError, Core, End, Opening, Owner, Producer, ProducerParts, serve},
        registry::{Registered, Registry, Surroundings},
    },
    crate::{
        primitives::{Datum, NetworkId, StreamId},
        runtime::{Clock, Rng, Tasks, time},
        transport::{Protocol, Transport},
    },
    futures::{FutureExt, StreamExt},
    std::{
        any::{Any, TypeId, type_name},
        sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
        time::Duration,
    },
    tokio::sync::Notify,
};

/// Typed publish/subscribe between the nodes of a network.
///
/// ```no_run
/// # async fn f(network: mosaik::Network) -> Option<()> {
/// use futures::SinkExt;
///
/// let mut temperatures = network.streams().produce::<f64>();
/// temperatures.send(21.5).await.ok()?;
///
/// let mut readings = network.streams().consume::<f64>();
/// let celsius = readings.recv().await?;
/// # let _ = celsius;
/// # Some(())
/// # }
/// ```
pub struct Streams {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    network_id: NetworkId,
    surroundings: Arc<Surroundings>,
    tasks: Tasks,
    clock: Clock,
    rng: Mutex<Rng>,
    advertising: Mutex<()>,
    recheck: Arc<Notify>,
    meter: Arc<StreamsMeter>,
}

/// Where [`Streams`] live.
pub(crate) struct StreamsParts {
    pub(crate) config: Config,
    pub(crate) network_id: NetworkId,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) transport: Option<Transport>,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
}

impl Streams {
    /// Starts serving streams.
    pub(crate) fn open(parts: StreamsParts) -> Self {
        let StreamsParts {
            config,
            network_id,
            directory,
            transport,
            tasks,
            clock,
            rng,
        } = parts;
        let surroundings = Arc::new(Surroundings {
            directory,
            transport,
            registry: Registry::new(),
        });
        let meter = Arc::new(StreamsMeter::new(&network_id));
        if let Some(transport) = &surroundings.transport {
            // The handler lives in the transport, which the surroundings own: it must not own them.
            let served = Arc::downgrade(&surroundings);
            let meter = meter.clone();
            transport.serve(Protocol::STREAMS, move |incoming| {
                let (served, meter) = (served.upgrade(), meter.clone());
                async move {
                    if let Some(surroundings) = served {
                        serve(surroundings, meter, incoming).await;
                    }
                }
                .boxed()
            });
        }
        let inner = Arc::new(Inner {
            config,
            network_id,
            surroundings,
            tasks,
            clock,
            rng: Mutex::new(rng),
            advertising: Mutex::default(),
            recheck: Arc::default(),
            meter,
        });
        let rechecks = recheck_members(Arc::downgrade(&inner));
        inner.tasks.spawn("admission", rechecks);
        Self { inner }
    }

    /// A producer of the datum's own stream: the existing one of this node, or a new one with the defaults.
    ///
    /// If this node produces a stream of the same id with another type of datum, the producer is closed from the
    /// start; its status says why. [`Streams::producer`] reports it as an error instead.
    pub fn produce<D: Datum>(&self) -> Producer<D> {
        self.producer::<D>().build_or_existing()
    }

    /// Configures a producer of the datum's own stream, or of another with `with_stream_id`.
    pub fn producer<D: Datum>(&self) -> producer::Builder<'_, D> {
        producer::Builder::new(self, None)
    }

    /// Configures a producer of a defined stream.
    pub fn producer_of<D: Datum>(&self, def: super::StreamDef<D>) -> producer::Builder<'_, D> {
        producer::Builder::new(self, def.stream_id)
    }

    /// A consumer of the datum's own stream, with the defaults.
    pub fn consume<D: Datum>(&self) -> Consumer<D> {
        self.consumer().build()
    }

    /// Configures a consumer of the datum's own stream, or of another with `with_stream_id`.
    pub fn consumer<D: Datum>(&self) -> consumer::Builder<'_, D> {
        consumer::Builder::new(self, None)
    }

    /// Configures a consumer of a defined stream.
    pub fn consumer_of<D: Datum>(&self, def: super::StreamDef<D>) -> consumer::Builder<'_, D> {
        consumer::Builder::new(self, def.stream_id)
    }

    /// Another handle; the streams end with the last.
    pub(crate) fn share(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }

    pub(crate) fn network_id(&self) -> &NetworkId {
        &self.inner.network_id
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn open_producer<D: Datum>(
        &self,
        parts: ProducerParts<D>,
    ) -> Result<Producer<D>, BuilderError<D>> {
        let inner = &self.inner;
        if parts.config.buffer_size == 0 {
            return Err(BuilderError::ZeroBufferSize);
        }
        if inner.tasks.shutdown().is_cancelled() {
            return Err(BuilderError::Closed);
        }
        let stream_id = parts.config.stream_id;
        // Traced before the lock of the registry is taken: it runs the user's `Deserialize`.
        let schema = D::schema();
        let mut opened = None;
        let (inserted, advertised) = {
            let _turn = inner.turn();
            let inserted = inner.surroundings.registry.find_or_insert(stream_id, || {
                let (owner, registered) = inner.new_producer(parts, schema);
                opened = Some(owner);
                registered
            });
            let advertise = || inner.surroundings.directory.advertise(stream_id);
            let advertised = inserted.is_ok().then(advertise).unwrap_or(Ok(()));
            (inserted, advertised)
        };
        if let Some(owner) = opened {
            // On an error the owner is dropped, which takes the producer out again.
            advertised.map_err(|reason| BuilderError::NotAdvertised { reason })?;
            inner.meter.producers(inner.surroundings.registry.len());
            return Ok(Producer::new(owner));
        }
        let Err(existing) = inserted else {
            return Err(BuilderError::Closed);
        };
        if existing.datum == TypeId::of::<D>()
            && let Some(owner) = existing.owner.upgrade()
            && let Ok(owner) = owner.downcast::<Owner<D>>()
        {
            return Err(BuilderError::AlreadyExists(Producer::new(owner)));
        }
        Err(BuilderError::OtherDatumType {
            stream_id,
            asked: type_name::<D>().to_owned(),
            exists: existing.datum_name.to_owned(),
        })
    }

    /// A producer that takes nothing, and says why.
    pub(crate) fn closed_producer<D: Datum>(&self, stream_id: StreamId, why: &str) -> Producer<D> {
        let parts = self.producer::<D>().with_stream_id(stream_id).into_parts();
        let (owner, registered) = self.inner.new_producer(parts, D::schema());
        registered.core.end(End::Refused(why.to_owned()));
        Producer::new(owner)
    }

    pub(crate) fn open_consumer<D: Datum>(&self, config: ConsumerConfig) -> Consumer<D> {
        let inner = &self.inner;
        let (number, rng) = {
            let mut rng = inner.rng.lock().unwrap_or_else(PoisonError::into_inner);
            (rng.next_u64(), rng.fork("consumer"))
        };
        let local = inner.surroundings.directory.local_id();
        let shared = Arc::new(Shared::<D>::new(config, number, local, inner.clock));
        let tasks = inner.tasks.child("consumer");
        let shutdown = tasks.shutdown().clone();
        let actor = ConsumerActor::new(
            shared.clone(),
            inner.surroundings.clone(),
            tasks.clone(),
            rng,
        );
        tasks.spawn("consumer", actor.run());
        Consumer::new(shared, shutdown)
    }

    /// Ends every producer, waits until their consumers have what was accepted, and ends all tasks.
    ///
    /// What is not done by the deadline is cut off.
    pub(crate) async fn close(&self, deadline: Duration) {
        let cores = self.inner.surroundings.registry.all();
        for core in &cores {
            core.end(End::Shutdown);
        }
        let start = self.inner.clock.now();
        let drained = async {
            for core in &cores {
                core.board
                    .channels()
                    .condition(imbl::HashMap::is_empty)
                    .await;
            }
        };
        if time::timeout(deadline, drained).await.is_err() {
            tracing::debug!("some consumers did not take everything before the shutdown");
        }
        let left = (start + deadline).saturating_duration_since(self.inner.clock.now());
        self.inner.tasks.close(left.max(CLOSE_FLOOR)).await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for core in self.surroundings.registry.all() {
            core.end(End::Shutdown);
        }
        self.tasks.shutdown().cancel();
    }
}

impl Inner {
    fn new_producer<D: Datum>(
        self: &Arc<Self>,
        parts: ProducerParts<D>,
        schema: crate::primitives::Schema,
    ) -> (Arc<Owner<D>>, Registered) {
        let stream_id = parts.config.stream_id;
        let incarnation = self
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u64();
        let core = Core::open(Opening {
            config: parts.config,
            incarnation,
            local: self.surroundings.directory.local_id(),
            schema,
            has_index: parts.index.is_some(),
            history: parts.history,
            clock: self.clock,
            recheck: self.recheck.clone(),
        });
        let node = Arc::downgrade(self);
        let retire = move || {
            if let Some(node) = node.upgrade() {
                node.retire(&stream_id, incarnation);
            }
        };
        let owner = Arc::new(Owner::new(
            core.clone(),
            parts.index,
            parts.undelivered,
            retire,
        ));
        let any: Arc<dyn Any + Send + Sync> = owner.clone();
        let registered = Registered {
            core,
            datum: TypeId::of::<D>(),
            datum_name: type_name::<D>(),
            owner: Arc::downgrade(&any),
        };
        (owner, registered)
    }

    /// The node's entry follows the registry: both change in one turn.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.advertising
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The last handle of a producer is gone.
    fn retire(&self, stream_id: &StreamId, incarnation: u64) {
        let _turn = self.turn();
        let registry = &self.surroundings.registry;
        if registry.remove(stream_id, incarnation) {
            self.surroundings.directory.retract(*stream_id);
        }
        self.meter.producers(registry.len());
    }
}

/// Judges the consumers of all producers anew whenever an entry changes or a ticket runs out.
async fn recheck_members(inner: Weak<Inner>) {
    let Some((shutdown, mut entries, recheck)) = inner.upgrade().map(|inner| {
        let changes = inner.surroundings.directory.changes();
        (
            inner.tasks.shutdown().clone(),
            changes,
            inner.recheck.clone(),
        )
    }) else {
        return;
    };
    loop {
        let Some(node) = inner.upgrade() else {
            return;
        };
        let directory = &node.surroundings.directory;
        let cores = node.surroundings.registry.all();
        let entry = |peer: &crate::primitives::PeerId| directory.peer(peer);
        let deadline = cores.iter().filter_map(|core| core.recheck(entry)).min();
        drop((cores, node));
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = recheck.notified() => {}
            Some(()) = entries.next() => {}
            () = time::sleep(deadline.unwrap_or(FAR)) => {}
        }
    }
}

/// Tasks get this long to end, whatever is left of the deadline.
const CLOSE_FLOOR: Duration = Duration::from_millis(50);

/// Nothing is due: a wait that something else will end.
const FAR: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
#[path = "node_tests/mod.rs"]
mod tests;
