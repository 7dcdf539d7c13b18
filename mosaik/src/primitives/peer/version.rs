//! Which of two entries of a peer is newer.

use core::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::primitives::Short;

const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// When a peer started and when it last changed its entry, in milliseconds of its clock.
///
/// A later start is newer than any update before it. Each change moves the update past both the
/// previous one and the clock, so it never goes back, and may run ahead of the clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerEntryVersion(i64, i64);

impl PeerEntryVersion {
    pub(crate) fn starting_at(now: DateTime<Utc>) -> Self {
        Self(now.timestamp_millis(), now.timestamp_millis())
    }

    /// The version of a peer that started and changed at these times, in milliseconds since 1970.
    pub(crate) const fn from_ms(start_ms: i64, update_ms: i64) -> Self {
        Self(start_ms, update_ms)
    }

    #[must_use]
    pub(crate) fn bumped_at(self, now: DateTime<Utc>) -> Self {
        Self(self.0, self.1.max(now.timestamp_millis()).saturating_add(1))
    }

    /// When the peer started, in milliseconds since 1970.
    pub(crate) const fn start_ms(self) -> i64 {
        self.0
    }

    /// When the entry changed, in milliseconds since 1970.
    pub(crate) const fn update_ms(self) -> i64 {
        self.1
    }

    /// When the entry changed; 1970 if that is no time at all.
    pub fn updated_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.1).unwrap_or_default()
    }

    /// When the peer started; 1970 if that is no time at all.
    pub fn started_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

/// Started and updated now.
impl Default for PeerEntryVersion {
    fn default() -> Self {
        Self::starting_at(super::wall_clock())
    }
}

impl fmt::Display for PeerEntryVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl fmt::Debug for PeerEntryVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The update within its week: enough to tell the versions of a log apart.
impl fmt::Display for Short<PeerEntryVersion> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.1.rem_euclid(WEEK_MS))
    }
}
