//! What bonds ask of the member that they connect: the seam between the two.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::tied::Tied;
use crate::primitives::PeerId;

/// The member behind the bonds of one group.
///
/// Called from the tasks of bonds: nothing here may wait, but the futures that [`request`](Self::request) returns.
pub(in crate::groups) trait Member: Send + Sync + 'static {
    /// What it says of itself when a bond begins.
    fn facts(&self) -> Bytes;

    /// What it says with each sign of life.
    fn pulse(&self) -> Bytes;

    /// What a peer says with its signs of life.
    fn hear_pulse(&self, from: &Arc<Tied>, pulse: &Bytes);

    /// A peer says something that needs no answer.
    fn hear(&self, from: &Arc<Tied>, kind: u8, body: Bytes);

    /// A peer asks. The futures are polled in the order of the requests, so that what they do at first stays in order.
    fn request(
        &self,
        from: &Arc<Tied>,
        kind: u8,
        head: Bytes,
        body: Bytes,
    ) -> BoxFuture<'static, Bytes>;

    /// A peer asks for much, on the way that is for that: see [`Tied::call_bulk`].
    fn request_bulk(
        &self,
        from: &Arc<Tied>,
        kind: u8,
        head: Bytes,
        body: Bytes,
    ) -> BoxFuture<'static, Bytes>;

    /// A peer may not be bonded, or no longer: why, for this node only.
    fn refused(&self, peer: PeerId, reason: &str);

    /// A bond has begun.
    fn bonded(&self, tied: &Arc<Tied>);

    /// A bond has ended.
    fn unbonded(&self, tied: &Arc<Tied>);
}
