//! What happens to a consumer, for whoever wants to follow it.

use {super::sequence::Gap, crate::primitives::PeerId, std::fmt};

/// Something that happened to a consumer's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumerEvent {
    /// A producer accepted; its stream starts (or goes on) at this sequence number.
    Connected {
        /// The producer.
        producer: PeerId,
        /// The sequence number of the first datum.
        next: u64,
    },
    /// The producer is another incarnation than before: its sequence numbers started anew.
    Restarted {
        /// The producer.
        producer: PeerId,
    },
    /// A part of a stream is lost to this consumer.
    Gap(Gap),
    /// A datum could not be decoded, and was left out.
    Undecodable {
        /// The producer.
        producer: PeerId,
        /// The datum's sequence number.
        sequence: u64,
        /// Why.
        error: String,
    },
    /// A channel ended, or could not be opened.
    Disconnected {
        /// The producer.
        producer: PeerId,
        /// Why, in words.
        reason: String,
    },
}

impl fmt::Display for ConsumerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { producer, next } => write!(f, "connected to {producer} at {next}"),
            Self::Restarted { producer } => write!(f, "{producer} has started anew"),
            Self::Gap(gap) => write!(f, "{gap}"),
            Self::Undecodable {
                sequence, error, ..
            } => write!(f, "datum {sequence} is undecodable: {error}"),
            Self::Disconnected { producer, reason } => {
                write!(f, "disconnected from {producer}: {reason}")
            }
        }
    }
}
