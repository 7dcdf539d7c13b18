//! What `stream!` expands to. The macro only names these functions, so that its expansion stays the
//! same where the builders change. Not public interface.

use crate::network::Network;
use crate::primitives::Datum;
use crate::streams::{self, Consumer, Producer, StreamId};

/// The functions behind the keys of `stream!`, as the table in `mosaik-derive` has them.
#[rustfmt::skip]
pub mod keys;

/// Whether a type is a datum, as a constant that does not compile if it is not.
pub const fn datum<D: Datum>() {}

/// Starts the producer of a declaration.
pub fn producer<D: Datum>(network: &Network) -> streams::producer::Builder<'_, D> {
    network.streams().producer()
}

/// Starts the consumer of a declaration.
pub fn consumer<D: Datum>(network: &Network) -> streams::consumer::Builder<'_, D> {
    network.streams().consumer()
}

/// The producer, or the one that this node already has under the id.
pub fn build_producer<D: Datum>(builder: streams::producer::Builder<'_, D>) -> Producer<D> {
    builder.build_or_existing()
}

/// The consumer.
pub fn build_consumer<D: Datum>(builder: streams::consumer::Builder<'_, D>) -> Consumer<D> {
    builder.build()
}

/// Waits with a producer until it is online.
pub async fn online_producer<D: Datum>(producer: Producer<D>) -> Producer<D> {
    producer.when().online().await;
    producer
}

/// Waits with a consumer until it is online.
pub async fn online_consumer<D: Datum>(consumer: Consumer<D>) -> Consumer<D> {
    consumer.when().online().await;
    consumer
}

/// Gives the stream an id.
pub fn with_id<B: Identified>(builder: B, id: impl NamesStream) -> B {
    builder.identified(id.into())
}

/// What can be written as the id of a stream.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a stream",
    label = "not a stream id",
    note = "an id is a text, as in `stream!(Name = Type, \"my-app.name.v1\")`, or an expression \
            that gives a `StreamId` or a `&str`"
)]
pub trait NamesStream: Into<StreamId> {}

#[diagnostic::do_not_recommend]
impl<T: Into<StreamId>> NamesStream for T {}

/// A builder that takes an id.
pub trait Identified {
    /// Sets the id.
    #[must_use]
    fn identified(self, id: StreamId) -> Self;
}

impl<D: Datum> Identified for streams::producer::Builder<'_, D> {
    fn identified(self, id: StreamId) -> Self {
        self.with_stream_id(id)
    }
}

impl<D: Datum> Identified for streams::consumer::Builder<'_, D> {
    fn identified(self, id: StreamId) -> Self {
        self.with_stream_id(id)
    }
}
