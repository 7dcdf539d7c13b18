//! Where in the history of a collection something is.

use core::fmt;
use core::ops::Deref;

use crate::groups::Index;

/// How many writes a collection has seen: every write has its own version, also one that changed nothing.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub Index);

impl Deref for Version {
    type Target = Index;

    fn deref(&self) -> &Index {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a write found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned<T> {
    /// What was there before, as every replica sees it.
    pub value: T,
    /// The version of the write.
    pub version: Version,
}

/// What became of an exchange that depends on what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an exchange may not have taken place"]
pub enum Exchange<V> {
    /// The expected value was there, and made way.
    Done {
        /// The version of the exchange.
        version: Version,
    },
    /// Something else was there, and nothing changed.
    Differs {
        /// What was there; `None` if nothing was.
        current: Option<V>,
        /// The version at which it was compared.
        version: Version,
    },
}

impl<V> Exchange<V> {
    /// Whether the exchange took place.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// The version at which the values were compared.
    pub const fn version(&self) -> Version {
        match self {
            Self::Done { version } | Self::Differs { version, .. } => *version,
        }
    }
}
