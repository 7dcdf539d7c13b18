//! Until when something is valid.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::primitives::wall_clock;

/// Until when a ticket is valid. `Never` is later than every time.
///
/// ```
/// use mosaik::tickets::{ChronoDuration, Expiration, TimeLeft};
///
/// let soon = Expiration::after(ChronoDuration::minutes(5));
/// assert!(soon < Expiration::in_1h() && Expiration::in_1h() < Expiration::Never);
/// // What is over and what never ends both have no time that remains; this tells them apart.
/// assert_eq!(Expiration::already_expired().time_left(), TimeLeft::Over);
/// assert_eq!(Expiration::Never.time_left(), TimeLeft::Unlimited);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
// The order of the variants is the order of the values.
pub enum Expiration {
    /// Up to and including this time.
    At(DateTime<Utc>),
    /// For ever.
    Never,
}

/// How long something is still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLeft {
    /// It is not valid any more.
    Over,
    /// For this long.
    Limited(core::time::Duration),
    /// For ever.
    Unlimited,
}

impl Expiration {
    /// Valid for ever.
    pub const fn never() -> Self {
        Self::Never
    }

    /// An hour ago.
    pub fn already_expired() -> Self {
        Self::after(chrono::Duration::hours(-1))
    }

    /// This long after now, by the system's clock; `Never` if that is beyond the calendar.
    pub fn after(duration: impl Into<chrono::Duration>) -> Self {
        Self::after_at(duration.into(), wall_clock())
    }

    /// This many hours after now.
    pub fn in_n_hours(hours: i64) -> Self {
        chrono::Duration::try_hours(hours).map_or(Self::Never, Self::after)
    }

    /// An hour after now.
    pub fn in_1h() -> Self {
        Self::in_n_hours(1)
    }

    /// 3 hours after now.
    pub fn in_3h() -> Self {
        Self::in_n_hours(3)
    }

    /// 6 hours after now.
    pub fn in_6h() -> Self {
        Self::in_n_hours(6)
    }

    /// A day after now.
    pub fn in_24h() -> Self {
        Self::in_n_hours(24)
    }

    /// Whether it is over, by the system's clock.
    pub fn is_expired(&self) -> bool {
        self.is_expired_at(wall_clock())
    }

    /// How long it is until then; `None` for `Never`, and when it is over: [`time_left`](Self::time_left) tells
    /// the two apart.
    pub fn remaining(&self) -> Option<core::time::Duration> {
        self.remaining_at(wall_clock())
    }

    /// How long it is until then, by the system's clock.
    pub fn time_left(&self) -> TimeLeft {
        self.time_left_at(wall_clock())
    }

    /// The time until which it is valid; `None` for `Never` only.
    pub const fn ends_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(end) => Some(*end),
            Self::Never => None,
        }
    }

    pub(crate) fn time_left_at(&self, now: DateTime<Utc>) -> TimeLeft {
        match (self, self.remaining_at(now)) {
            (Self::Never, _) => TimeLeft::Unlimited,
            (Self::At(_), Some(left)) => TimeLeft::Limited(left),
            (Self::At(_), None) => TimeLeft::Over,
        }
    }

    pub(crate) fn after_at(duration: chrono::Duration, now: DateTime<Utc>) -> Self {
        now.checked_add_signed(duration)
            .map_or(Self::Never, Self::At)
    }

    pub(crate) fn is_expired_at(&self, now: DateTime<Utc>) -> bool {
        matches!(self, Self::At(end) if *end < now)
    }

    pub(crate) fn remaining_at(&self, now: DateTime<Utc>) -> Option<core::time::Duration> {
        match self {
            Self::At(end) => (*end - now).to_std().ok(),
            Self::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn never_is_later_than_every_time() {
        let far = Expiration::At(DateTime::<Utc>::MAX_UTC);
        assert!(Expiration::Never > far);
        assert!(Expiration::At(at(1)) < Expiration::At(at(2)));
    }

    #[test]
    fn expiry_and_remaining_time() {
        let end = Expiration::At(at(100));
        let seconds = core::time::Duration::from_secs;
        let table = [
            (end, 99, false, Some(seconds(1))),
            (end, 100, false, Some(seconds(0))),
            (end, 101, true, None),
            (Expiration::Never, 101, false, None),
        ];
        for (expiration, now, expired, remaining) in table {
            assert_eq!(
                expiration.is_expired_at(at(now)),
                expired,
                "{expiration:?} {now}"
            );
            assert_eq!(
                expiration.remaining_at(at(now)),
                remaining,
                "{expiration:?} {now}"
            );
        }
    }

    /// What never ends and what is over are not the same, though neither has a time that remains.
    #[test]
    fn t6_never_is_not_over() {
        let table = [
            (Expiration::Never, TimeLeft::Unlimited, None),
            (Expiration::At(at(99)), TimeLeft::Over, Some(at(99))),
            (
                Expiration::At(at(103)),
                TimeLeft::Limited(core::time::Duration::from_secs(3)),
                Some(at(103)),
            ),
        ];
        for (expiration, left, end) in table {
            assert_eq!(expiration.time_left_at(at(100)), left, "{expiration:?}");
            assert_eq!(expiration.ends_at(), end, "{expiration:?}");
        }
        assert_eq!(Expiration::never().time_left(), TimeLeft::Unlimited);
        assert_eq!(Expiration::already_expired().time_left(), TimeLeft::Over);
    }

    #[test]
    fn shorthands() {
        assert!(Expiration::already_expired().is_expired());
        assert!(!Expiration::in_1h().is_expired());
        assert!(Expiration::in_3h() < Expiration::in_6h());
        assert!(Expiration::in_24h().remaining().unwrap().as_secs() > 23 * 3600);
        assert_eq!(Expiration::in_n_hours(i64::MAX), Expiration::Never);
        const NEVER: Expiration = Expiration::never();
        assert_eq!(Expiration::after(chrono::Duration::MAX), NEVER);
    }
}
