//! What a declared stream is: something that opens a producer or a consumer on a network.

use core::future::Future;
use core::marker::PhantomData;

use crate::network::Network;
use crate::primitives::{Datum, StreamId};
use crate::streams::{consumer, producer};

/// The producing side of a declared stream.
///
/// [`stream!`](crate::stream!) implements it, unless the declaration names the consumer only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares no producer",
    label = "no producer side",
    note = "`consumer` before the name of a stream declares only that side: remove it to declare both"
)]
pub trait StreamProducer {
    /// The handle.
    type Producer;

    /// The producer, or the one that this node already has under the stream's id.
    fn producer(network: &Network) -> Self::Producer;

    /// The producer, once it is online. It is opened by this call, not by the first poll.
    fn online_producer(
        network: &Network,
    ) -> impl Future<Output = Self::Producer> + Send + Sync + 'static;
}

/// The consuming side of a declared stream.
///
/// [`stream!`](crate::stream!) implements it, unless the declaration names the producer only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares no consumer",
    label = "no consumer side",
    note = "`producer` before the name of a stream declares only that side: remove it to declare both"
)]
pub trait StreamConsumer {
    /// The handle.
    type Consumer;

    /// A new consumer.
    fn consumer(network: &Network) -> Self::Consumer;

    /// A new consumer, once it is online. It is opened by this call, not by the first poll.
    fn online_consumer(
        network: &Network,
    ) -> impl Future<Output = Self::Consumer> + Send + Sync + 'static;
}

/// The producer of a declared stream.
pub type ProducerOf<S> = <S as StreamProducer>::Producer;

/// The consumer of a declared stream.
pub type ConsumerOf<S> = <S as StreamConsumer>::Consumer;

/// A producer to be opened: a type and an id, which may be a constant.
///
/// ```
/// use mosaik::streams::ProducerDef;
///
/// const NAMES: ProducerDef<String> = ProducerDef::new(Some(mosaik::id!("names")));
///
/// # fn example(network: &mosaik::Network) {
/// let builder = NAMES.open(network).with_max_consumers(3);
/// # }
/// ```
pub struct ProducerDef<T> {
    /// The id; without one, that of the type.
    pub stream_id: Option<StreamId>,
    datum: PhantomData<fn() -> T>,
}

impl<T: Datum> ProducerDef<T> {
    /// A producer under this id, or under that of the type.
    pub const fn new(stream_id: Option<StreamId>) -> Self {
        Self {
            stream_id,
            datum: PhantomData,
        }
    }

    /// Configures the producer on a network.
    pub fn open<'s>(&self, network: &'s Network) -> producer::Builder<'s, T> {
        let builder = network.streams().producer();
        match self.stream_id {
            Some(id) => builder.with_stream_id(id),
            None => builder,
        }
    }
}

/// A consumer to be opened: a type and an id, which may be a constant.
pub struct ConsumerDef<T> {
    /// The id; without one, that of the type.
    pub stream_id: Option<StreamId>,
    datum: PhantomData<fn() -> T>,
}

impl<T: Datum> ConsumerDef<T> {
    /// A consumer under this id, or under that of the type.
    pub const fn new(stream_id: Option<StreamId>) -> Self {
        Self {
            stream_id,
            datum: PhantomData,
        }
    }

    /// Configures the consumer on a network.
    pub fn open<'s>(&self, network: &'s Network) -> consumer::Builder<'s, T> {
        let builder = network.streams().consumer();
        match self.stream_id {
            Some(id) => builder.with_stream_id(id),
            None => builder,
        }
    }
}
