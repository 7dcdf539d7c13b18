//! What time it is.

use chrono::{DateTime, Utc};

use super::time::Instant;

/// What time it is: for measuring, and by the calendar.
///
/// Under tokio's paused time both follow the test, if the calendar was
/// [started](Clock::starting_at) at a given time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the calendar was set, and to what; `None` for the system's.
    origin: Option<(Instant, DateTime<Utc>)>,
    offset: chrono::Duration,
}

impl Clock {
    /// The clocks of the system.
    pub const fn system() -> Self {
        Self {
            origin: None,
            offset: chrono::Duration::zero(),
        }
    }

    /// A calendar that shows `time` now and goes on with tokio's clock.
    #[cfg(any(test, feature = "test-util", feature = "fuzzing"))]
    pub fn starting_at(time: DateTime<Utc>) -> Self {
        Self {
            origin: Some((Instant::now(), time)),
            offset: chrono::Duration::zero(),
        }
    }

    /// The same clock with a calendar that is off by `offset`, as on a host with a wrong time.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub const fn with_offset(mut self, offset: chrono::Duration) -> Self {
        self.offset = offset;
        self
    }

    /// The time for measuring: never goes back, and means nothing on another host.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time by the calendar, as far as this host knows it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the calendar"
    )]
    pub fn utc(&self) -> DateTime<Utc> {
        let time = match self.origin {
            None => Utc::now(),
            Some((start, time)) => chrono::Duration::from_std(start.elapsed())
                .ok()
                .and_then(|elapsed| time.checked_add_signed(elapsed))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        time.checked_add_signed(self.offset).unwrap_or(time)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::time::{Duration, sleep};

    #[tokio::test(start_paused = true)]
    async fn a_started_calendar_follows_the_paused_clock() {
        let start = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let clock = Clock::starting_at(start);
        let before = clock.now();
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.utc(), start + chrono::Duration::hours(1));
        assert_eq!(clock.now() - before, Duration::from_secs(3600));
        let ahead = clock.with_offset(chrono::Duration::hours(-2));
        assert_eq!(ahead.utc(), start - chrono::Duration::hours(1));
    }

    #[test]
    fn the_end_of_the_calendar_is_no_panic() {
        let clock = Clock::starting_at(DateTime::<Utc>::MAX_UTC);
        assert_eq!(clock.utc(), DateTime::<Utc>::MAX_UTC);
        let ahead = clock.with_offset(chrono::Duration::days(1));
        assert_eq!(ahead.utc(), DateTime::<Utc>::MAX_UTC);
        assert!(Clock::system().utc() > DateTime::UNIX_EPOCH);
    }
}
