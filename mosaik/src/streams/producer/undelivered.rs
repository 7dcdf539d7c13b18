//! Where datums go that nobody is there to receive.

use tokio::sync::mpsc::{Sender, UnboundedSender, error::TrySendError};

/// Takes the datums that no consumer was there to receive.
///
/// The senders of tokio's channels are sinks. A bounded one that is full does not hold up the producer: the datum is
/// dropped, and counted in [`ProducerStatus::undelivered_dropped`](crate::streams::status::ProducerStatus).
pub trait UndeliveredSink<D>: Send + Sync + 'static {
    /// Takes a datum without waiting; false if there is no room for it.
    fn put(&self, datum: D) -> bool;
}

impl<D: Send + 'static> UndeliveredSink<D> for Sender<D> {
    fn put(&self, datum: D) -> bool {
        // Whoever dropped the receiving end does not want it either.
        !matches!(self.try_send(datum), Err(TrySendError::Full(_)))
    }
}

impl<D: Send + 'static> UndeliveredSink<D> for UnboundedSender<D> {
    fn put(&self, datum: D) -> bool {
        self.send(datum).ok();
        true
    }
}
