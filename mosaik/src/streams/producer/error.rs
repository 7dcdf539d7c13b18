//! Why a datum was not taken.

use {crate::primitives::encoding::EncodeError, std::fmt};

/// Why a producer did not take a datum; the datum is given back.
#[non_exhaustive]
pub enum Error<D> {
    /// The handle was closed, or the producer has ended; see `Producer::status`.
    Closed(Option<D>),
    /// The slowest consumer's queue is full, and the policy is to wait for it.
    Full(D),
    /// The condition for being online is not met.
    Offline(D),
    /// The datum cannot be encoded, or is too large.
    Encoding(D, EncodeError),
}

impl<D> Error<D> {
    /// Whether the same datum may be taken later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Offline(_))
    }

    /// Whether it is certain that no consumer gets the datum: always.
    pub const fn is_definite(&self) -> bool {
        true
    }

    /// The datum.
    pub fn into_inner(self) -> Option<D> {
        match self {
            Self::Closed(datum) => datum,
            Self::Full(datum) | Self::Offline(datum) | Self::Encoding(datum, _) => Some(datum),
        }
    }
}

impl<D> fmt::Display for Error<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Producer is closed",
            Self::Full(_) => "Producer is busy",
            Self::Offline(_) => "Producer is temporarily offline",
            Self::Encoding(..) => "Datum serialization error",
        })
    }
}

impl<D: fmt::Debug> fmt::Debug for Error<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(datum) => f.debug_tuple("Closed").field(datum).finish(),
            Self::Full(datum) => f.debug_tuple("Full").field(datum).finish(),
            Self::Offline(datum) => f.debug_tuple("Offline").field(datum).finish(),
            Self::Encoding(datum, error) => {
                f.debug_tuple("Encoding").field(datum).field(error).finish()
            }
        }
    }
}

impl<D: fmt::Debug> std::error::Error for Error<D> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encoding(_, error) => Some(error),
            _ => None,
        }
    }
}

impl<D: PartialEq> PartialEq for Error<D> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Closed(a), Self::Closed(b)) => a == b,
            (Self::Full(a), Self::Full(b)) | (Self::Offline(a), Self::Offline(b)) => a == b,
            // Encoding errors do not compare.
            _ => false,
        }
    }
}

impl<D: Clone> Clone for Error<D> {
    fn clone(&self) -> Self {
        match self {
            Self::Closed(datum) => Self::Closed(datum.clone()),
            Self::Full(datum) => Self::Full(datum.clone()),
            Self::Offline(datum) => Self::Offline(datum.clone()),
            Self::Encoding(datum, error) => {
                Self::Encoding(datum.clone(), EncodeError::Unsupported(error.to_string()))
            }
        }
    }
}
