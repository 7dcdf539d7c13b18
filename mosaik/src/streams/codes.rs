//! Close codes of channels: what a refusal is called on the wire, and what a code means to a consumer.

use {
    super::{admission::Refusal, consumer::Outcome},
    crate::transport::CloseCode,
};

/// The code by which a refusal travels.
pub(crate) const fn of(refusal: &Refusal) -> CloseCode {
    match refusal {
        Refusal::UnknownPeer => CloseCode::UNKNOWN_PEER,
        Refusal::StreamNotFound => CloseCode::STREAM_NOT_FOUND,
        Refusal::SchemaMismatch => CloseCode::SCHEMA_MISMATCH,
        Refusal::NoIndex | Refusal::OtherKeys { .. } | Refusal::FilterTooLarge => {
            CloseCode::FILTER_UNSUPPORTED
        }
        Refusal::NoCapacity { .. } => CloseCode::NO_CAPACITY,
        Refusal::Requirement | Refusal::Ticket(_) | Refusal::RulePanicked => CloseCode::NOT_ALLOWED,
    }
}

/// What a code from the producer means; `None` for one that says no more than that the link is gone.
pub(crate) const fn outcome(code: CloseCode) -> Option<Outcome> {
    Some(match code.value() {
        value if value == CloseCode::UNKNOWN_PEER.value() => Outcome::UnknownPeer,
        value if value == CloseCode::NOT_ALLOWED.value() => Outcome::Refused,
        value if value == CloseCode::NO_CAPACITY.value() => Outcome::NoCapacity,
        value if value == CloseCode::STREAM_NOT_FOUND.value() => Outcome::Gone,
        value if value == CloseCode::GRACEFUL_SHUTDOWN.value() => Outcome::Gone,
        value if value == CloseCode::SCHEMA_MISMATCH.value() => Outcome::Incompatible,
        value if value == CloseCode::FILTER_UNSUPPORTED.value() => Outcome::Incompatible,
        value if value == CloseCode::DIFFERENT_NETWORK.value() => Outcome::Incompatible,
        value if value == CloseCode::UNSUPPORTED_VERSION.value() => Outcome::Incompatible,
        _ => return None,
    })
}
