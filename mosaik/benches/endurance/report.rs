//! What a consumer got, and whether that is what was promised.

use std::fmt;

use mosaik::streams::BackPressure;

use crate::processes::Habit;

/// Memory may grow by this much between a tenth and the end, in KiB.
const GROWTH_KIB_MAX: u64 = 32 * 1024;

/// One consumer's count.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The position of the stream at which it was accepted first.
    pub(crate) joined: u64,
    pub(crate) received: u64,
    /// Datums with a number below the one before: out of order, or twice.
    pub(crate) backwards: u64,
    /// Numbers left out between the first and the last.
    pub(crate) missing: u64,
    /// What the stream itself reported as lost.
    pub(crate) lost: u64,
}

impl Report {
    pub(crate) fn to_line(&self) -> String {
        let Self {
            joined,
            received,
            backwards,
            missing,
            lost,
        } = self;
        format!("{joined} {received} {backwards} {missing} {lost}")
    }

    pub(crate) fn from_line(line: &str) -> Self {
        let figures: Vec<u64> = line
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [joined, received, backwards, missing, lost] = figures[..] else {
            panic!("'{line}' is no report");
        };
        Self {
            joined,
            received,
            backwards,
            missing,
            lost,
        }
    }

    /// What does not hold, if anything.
    pub(crate) fn verdict(&self, habit: Habit, policy: BackPressure, count: u64) -> Option<String> {
        if self.received == 0 {
            return Some("VIOLATED: nothing arrived".to_owned());
        }
        // It also hears of what it lost before its first datum and after its last.
        let owed = count - self.joined.min(count);
        if habit != Habit::Restarted && self.joined != 0 {
            return Some(format!("VIOLATED: it joined at {}", self.joined));
        }
        let kept_everything =
            policy == BackPressure::Block && matches!(habit, Habit::Steady | Habit::Slow);
        if self.backwards > 0 {
            Some(format!(
                "VIOLATED: {} out of order or twice",
                self.backwards
            ))
        } else if kept_everything && self.received != count {
            Some(format!("VIOLATED: {} of {count} arrived", self.received))
        } else if self.received + self.lost != owed {
            let sum = self.received + self.lost;
            Some(format!("VIOLATED: received + lost = {sum}, not {owed}"))
        } else {
            None
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "received {:>8}, reported lost {:>8}, missing inside {:>8}, backwards {}",
            self.received, self.lost, self.missing, self.backwards
        )
    }
}

/// Resident memory of this process over time.
#[derive(Default)]
pub(crate) struct Memory(Vec<(&'static str, u64)>);

impl Memory {
    pub(crate) fn sample(&mut self, when: &'static str) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(0);
        self.0.push((when, resident));
    }

    pub(crate) fn is_flat(&self) -> bool {
        let first = self.0.first().map_or(0, |(_, kib)| *kib);
        self.0.iter().all(|(_, kib)| *kib <= first + GROWTH_KIB_MAX)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (when, kib) in &self.0 {
            write!(f, "{} MiB {when}, ", kib / 1024)?;
        }
        f.write_str(if self.is_flat() { "flat" } else { "NOT FLAT" })
    }
}
