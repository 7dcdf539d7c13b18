//! What a producer does about a consumer that does not keep up.

/// What a producer does when a consumer has a full queue.
///
/// Every consumer has a queue of the producer's buffer size, beyond what is on its way to it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackPressure {
    /// `send` waits for the slowest consumer, `try_send` gives the datum back. Nothing is lost.
    #[default]
    Block,
    /// The consumer's oldest queued datums are dropped, counted, and reported to it as a gap.
    DropOldest,
    /// New datums are dropped for that consumer, counted, and reported to it as a gap.
    DropNewest,
    /// The consumer is disconnected (code `TooSlow`); it comes back by itself, with a gap.
    Disconnect,
}
