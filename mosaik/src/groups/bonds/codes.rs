//! What a refusal on the wire means to the one who was refused.

use crate::{groups::Error, transport::CloseCode};

/// The error that a code stands for.
pub(super) fn error(code: CloseCode) -> Error {
    match code {
        CloseCode::MEMBER_NOT_ALLOWED => Error::Unauthorized,
        CloseCode::INVALID_PROOF => Error::InvalidGroupKeyProof,
        CloseCode::ALREADY_BONDED => Error::AlreadyBonded,
        CloseCode::GROUP_NOT_FOUND => Error::GroupTerminated,
        CloseCode::UNKNOWN_PEER => Error::Discovery("it does not know this node yet".to_owned()),
        other => Error::Link(other.to_string()),
    }
}

/// Whether there is no point in asking again soon.
pub(super) const fn is_lasting(error: &Error) -> bool {
    matches!(error, Error::Unauthorized | Error::InvalidGroupKeyProof)
}
