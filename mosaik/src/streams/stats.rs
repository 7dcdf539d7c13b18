//! Counters of a channel or a consumer.

use {
    crate::runtime::{Clock, time::Instant},
    std::{
        fmt,
        sync::{
            Arc, Mutex, PoisonError,
            atomic::{AtomicU64, Ordering::Relaxed},
        },
        time::Duration,
    },
};

/// What went through a channel, or was taken from a consumer.
///
/// Clones share the same counters.
#[derive(Default, Clone)]
pub struct Stats {
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    datums: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    gaps: AtomicU64,
    undecodable: AtomicU64,
    duplicates: AtomicU64,
    since: Mutex<Option<Instant>>,
}

impl Stats {
    /// Datums.
    pub fn datums(&self) -> usize {
        saturating(self.counters.datums.load(Relaxed))
    }

    /// Bytes of the encoded datums.
    pub fn bytes(&self) -> usize {
        saturating(self.counters.bytes.load(Relaxed))
    }

    /// How long it has been connected; `None` while it is not.
    pub fn uptime(&self) -> Option<Duration> {
        let since = *self
            .counters
            .since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        since.map(|since| Clock::system().now().saturating_duration_since(since))
    }

    /// Datums that were sent on the stream and are lost to this consumer; each is part of a gap.
    pub fn lost(&self) -> u64 {
        self.counters.lost.load(Relaxed)
    }

    /// Gaps: ranges of the stream in which datums are lost.
    pub fn gaps(&self) -> u64 {
        self.counters.gaps.load(Relaxed)
    }

    /// Datums that arrived and could not be decoded; they count among [`Stats::datums`] of their channel.
    pub fn undecodable(&self) -> u64 {
        self.counters.undecodable.load(Relaxed)
    }

    /// Datums that arrived a second time and were not delivered again.
    pub fn duplicates(&self) -> u64 {
        self.counters.duplicates.load(Relaxed)
    }

    pub(crate) fn add(&self, datums: u64, bytes: u64) {
        self.counters.datums.fetch_add(datums, Relaxed);
        self.counters.bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn add_gap(&self, lost: u64) {
        self.counters.lost.fetch_add(lost, Relaxed);
        self.counters.gaps.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_undecodable(&self) {
        self.counters.undecodable.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_duplicates(&self, datums: u64) {
        self.counters.duplicates.fetch_add(datums, Relaxed);
    }

    pub(crate) fn connected(&self, connected: bool) {
        let mut since = self
            .counters
            .since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *since = connected.then(|| since.unwrap_or_else(|| Clock::system().now()));
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats")
            .field("datums", &self.datums())
            .field("bytes", &self.bytes())
            .field("uptime", &self.uptime())
            .field("lost", &self.lost())
            .field("gaps", &self.gaps())
            .field("undecodable", &self.undecodable())
            .finish()
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uptime: ")?;
        match self.uptime() {
            Some(uptime) => {
                let whole_ms =
                    Duration::from_millis(u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX));
                write!(f, "{}", humantime::format_duration(whole_ms))?;
            }
            None => f.write_str("N/A")?,
        }
        write!(
            f,
            ", datums: {}, bytes: {}",
            self.datums(),
            DecimalSize(self.bytes() as u64)
        )
    }
}

/// A number of bytes in the largest decimal unit of which there is one.
struct DecimalSize(u64);

impl fmt::Display for DecimalSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
        let Some(power) = self.0.checked_ilog(1000).filter(|power| *power > 0) else {
            return write!(f, "{} B", self.0);
        };
        let unit = 1000u64.pow(power);
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let name = UNITS[power as usize - 1];
        if rest == 0 {
            write!(f, "{whole} {name}")
        } else {
            #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
            let size = self.0 as f64 / unit as f64;
            write!(f, "{size:.2} {name}")
        }
    }
}

fn saturating(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1500, "1.50 kB"),
            (2_000_000, "2 MB"),
            (u64::MAX, "18.45 EB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(DecimalSize(bytes).to_string(), text);
        }
    }

    #[test]
    fn figures_are_shown_as_one_line() {
        let stats = Stats::default();
        stats.add(2, 11);
        assert_eq!(stats.to_string(), "uptime: N/A, datums: 2, bytes: 11 B");
        assert_eq!(stats.uptime(), None);
        stats.connected(true);
        assert!(stats.uptime().is_some());
        assert!(stats.to_string().starts_with("uptime: "));
        stats.connected(false);
        assert_eq!(stats.uptime(), None);
    }
}
