//! Why a ticket was refused.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::InvalidTicket;

/// Why a ticket does not let its bearer in, in words for this node.
///
/// The bearer is never told: it learns that it is not allowed, and no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    reason: Cow<'static, str>,
    acceptable_from: Option<DateTime<Utc>>,
}

impl Rejection {
    /// A rejection for this reason, without a full stop: `it expired 3s ago`.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
            acceptable_from: None,
        }
    }

    /// The same ticket may be acceptable from this time on, so it is judged again then.
    #[must_use]
    pub const fn acceptable_from(mut self, time: DateTime<Utc>) -> Self {
        self.acceptable_from = Some(time);
        self
    }

    /// The rule that says no, in words.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When the same ticket is to be judged again; `None` if time alone does not make it valid.
    pub const fn judge_again_at(&self) -> Option<DateTime<Utc>> {
        self.acceptable_from
    }

    /// Whether the same ticket may be accepted later.
    pub const fn is_retryable(&self) -> bool {
        self.acceptable_from.is_some()
    }

    /// Whether it is certain that nothing was admitted: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl From<InvalidTicket> for Rejection {
    fn from(_: InvalidTicket) -> Self {
        Self::new("its validator refuses it, and does not say why")
    }
}
