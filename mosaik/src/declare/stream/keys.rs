//! The functions behind the keys of `stream!`. Written from the table in
//! `mosaik-derive/src/stream/keys.rs`; a test there says how.

use crate::discovery::PeerEntry;
use crate::primitives::Datum;
use crate::streams::backoff::backoff::Backoff;
use crate::streams::status::ChannelConditions;
use crate::streams::{BackPressure, Criteria, Filter, IndexKey, consumer, producer};
use crate::tickets::TicketValidator;
/// The options that both builders have.
pub trait Shared: Sized {
    /// Which peers to exchange datums with. Repeat it to ask for more.
    fn require(self, value: impl Fn(&PeerEntry) -> bool + Send + Sync + 'static) -> Self;
    /// The ticket that a peer must hold. Repeat it to ask for several.
    fn require_ticket(self, value: impl TicketValidator) -> Self;
    /// The guest image that a peer must run, proven by Intel TDX. See below.
    fn require_tdx(self, value: impl TicketValidator) -> Self;
    /// When this side counts as online. Default: a producer with 1 consumer, a consumer at once.
    fn online_when(
        self,
        value: impl Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static,
    ) -> Self;
}
impl<D: Datum> Shared for producer::Builder<'_, D> {
    fn require(
        self,
        value: impl Fn(&PeerEntry) -> bool + Send + Sync + 'static,
    ) -> Self {
        producer::Builder::<'_, D>::require(self, value)
    }
    fn require_ticket(self, value: impl TicketValidator) -> Self {
        producer::Builder::<'_, D>::require_ticket(self, value)
    }
    fn require_tdx(self, value: impl TicketValidator) -> Self {
        producer::Builder::<'_, D>::require_ticket(self, value)
    }
    fn online_when(
        self,
        value: impl Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static,
    ) -> Self {
        producer::Builder::<'_, D>::online_when(self, value)
    }
}
impl<D: Datum> Shared for consumer::Builder<'_, D> {
    fn require(
        self,
        value: impl Fn(&PeerEntry) -> bool + Send + Sync + 'static,
    ) -> Self {
        consumer::Builder::<'_, D>::require(self, value)
    }
    fn require_ticket(self, value: impl TicketValidator) -> Self {
        consumer::Builder::<'_, D>::require_ticket(self, value)
    }
    fn require_tdx(self, value: impl TicketValidator) -> Self {
        consumer::Builder::<'_, D>::require_ticket(self, value)
    }
    fn online_when(
        self,
        value: impl Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static,
    ) -> Self {
        consumer::Builder::<'_, D>::online_when(self, value)
    }
}
/// Which peers to exchange datums with. Repeat it to ask for more.
#[inline]
pub fn require<B: Shared>(
    builder: B,
    value: impl Fn(&PeerEntry) -> bool + Send + Sync + 'static,
) -> B {
    Shared::require(builder, value)
}
/// The ticket that a peer must hold. Repeat it to ask for several.
#[inline]
pub fn require_ticket<B: Shared>(builder: B, value: impl TicketValidator) -> B {
    Shared::require_ticket(builder, value)
}
/// The guest image that a peer must run, proven by Intel TDX. See below.
#[inline]
pub fn require_tdx<B: Shared>(builder: B, value: impl TicketValidator) -> B {
    Shared::require_tdx(builder, value)
}
/// When this side counts as online. Default: a producer with 1 consumer, a consumer at once.
#[inline]
pub fn online_when<B: Shared>(
    builder: B,
    value: impl Fn(ChannelConditions) -> ChannelConditions + Send + Sync + 'static,
) -> B {
    Shared::online_when(builder, value)
}
/// How many consumers the producer serves at once. Default: no limit.
#[inline]
pub fn max_consumers<'s, D: Datum>(
    builder: producer::Builder<'s, D>,
    value: usize,
) -> producer::Builder<'s, D> {
    builder.with_max_consumers(value)
}
/// How many datums the producer holds for each consumer. Default: 1024.
#[inline]
pub fn buffer_size<'s, D: Datum>(
    builder: producer::Builder<'s, D>,
    value: usize,
) -> producer::Builder<'s, D> {
    builder.with_buffer_size(value)
}
/// What the producer does when a consumer's buffer is full. Default: wait for it.
#[inline]
pub fn back_pressure<'s, D: Datum>(
    builder: producer::Builder<'s, D>,
    value: BackPressure,
) -> producer::Builder<'s, D> {
    builder.with_back_pressure(value)
}
/// Whether a consumer whose buffer is full is disconnected. See also `back_pressure`.
#[inline]
pub fn disconnect_lagging<'s, D: Datum>(
    builder: producer::Builder<'s, D>,
    value: bool,
) -> producer::Builder<'s, D> {
    builder.disconnect_lagging(value)
}
/// How many past datums a late consumer receives first. Default: none.
#[inline]
pub fn history<'s, D: Datum>(
    builder: producer::Builder<'s, D>,
    value: usize,
) -> producer::Builder<'s, D> {
    builder.with_history(value)
}
/// The key of each datum, so that consumers can ask for a part of the stream.
#[inline]
pub fn index_by<'s, D: Datum, K: IndexKey>(
    builder: producer::Builder<'s, D>,
    value: impl Fn(&D) -> K + Send + Sync + 'static,
) -> producer::Builder<'s, D> {
    builder.index_by(value)
}
/// What the consumer asks of every datum. See also `filter`.
#[inline]
pub fn criteria<'s, D: Datum>(
    builder: consumer::Builder<'s, D>,
    value: Criteria,
) -> consumer::Builder<'s, D> {
    builder.with_criteria(value)
}
/// The part of the stream that the consumer asks for, by the keys of `index_by`.
#[inline]
pub fn filter<'s, D: Datum>(
    builder: consumer::Builder<'s, D>,
    value: Filter,
) -> consumer::Builder<'s, D> {
    builder.with_filter(value)
}
/// How long the consumer waits between attempts to connect.
#[inline]
pub fn backoff<'s, D: Datum>(
    builder: consumer::Builder<'s, D>,
    value: impl Backoff + Clone + Send + Sync + 'static,
) -> consumer::Builder<'s, D> {
    builder.with_backoff(value)
}
/// How many received datums wait for the application before the producer is held back.
#[inline]
pub fn queue_size<'s, D: Datum>(
    builder: consumer::Builder<'s, D>,
    value: usize,
) -> consumer::Builder<'s, D> {
    builder.with_queue_size(value)
}
