//! Clocks and figures.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

use crate::control::Order;

/// What a throughput run came to.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    /// Datums per second that each consumer got.
    pub(crate) datums_per_s: f64,
    /// Payload per second that each consumer got, in units of 10^6 bytes.
    pub(crate) megabytes_per_s: f64,
    /// CPU time of the producing process.
    pub(crate) cpu_s: f64,
}

/// What a latency run came to.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// Runs from the first send to the last arrival.
pub(crate) struct Stopwatch {
    begin: Instant,
    cpu_begin: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            begin: Instant::now(),
            cpu_begin: process_cpu(),
        }
    }

    pub(crate) fn stop(self, order: &Order) -> Rate {
        let elapsed_s = self.begin.elapsed().as_secs_f64();
        let datums_per_s = order.count as f64 / elapsed_s;
        Rate {
            datums_per_s,
            megabytes_per_s: datums_per_s * order.size as f64 / 1e6,
            cpu_s: (process_cpu() - self.cpu_begin).as_secs_f64(),
        }
    }
}

/// Nanoseconds on a clock that both processes share.
pub(crate) fn shared_clock_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

/// User and system time of this process: fields 14 and 15 of `/proc/self/stat`, in ticks of 10 ms.
fn process_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// The quantiles of samples in nanoseconds.
pub(crate) fn quantiles(mut samples_ns: Vec<u64>) -> Latency {
    samples_ns.sort_unstable();
    let at = |share: f64| {
        let index = (samples_ns.len() as f64 * share) as usize;
        samples_ns
            .get(index.min(samples_ns.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0) as f64
            / 1e3
    };
    Latency {
        p50_us: at(0.5),
        p99_us: at(0.99),
    }
}

/// Says how many datums are due, so that `rate` per second go out evenly.
///
/// A thread of its own keeps the time, in steps of 100 us: the runtime's timer has steps of a millisecond, whose bursts
/// would be measured, and a task that yields until the time has come takes a core from what is measured.
pub(crate) struct Pace {
    begin: Instant,
    rate: f64,
    sent: u64,
    tick: Arc<Notify>,
}

impl Pace {
    pub(crate) fn at(rate: f64) -> Self {
        let tick = Arc::new(Notify::new());
        let told = Arc::downgrade(&tick);
        std::thread::spawn(move || {
            wake_promptly();
            while let Some(tick) = told.upgrade() {
                tick.notify_one();
                drop(tick);
                std::thread::sleep(PACE_STEP);
            }
        });
        Self {
            begin: Instant::now(),
            rate,
            sent: 0,
            tick,
        }
    }

    /// Waits until at least one datum is due, and answers how many are.
    pub(crate) async fn due(&mut self) -> u64 {
        loop {
            let due = (self.begin.elapsed().as_secs_f64() * self.rate) as u64;
            if due > self.sent {
                let burst = due - self.sent;
                self.sent = due;
                return burst;
            }
            self.tick.notified().await;
        }
    }
}

/// Asks the kernel not to round this thread's sleeps: by default it adds up to 50 us to each, and as much to every burst.
fn wake_promptly() {
    let task = std::fs::read_link("/proc/thread-self").ok();
    if let Some(id) = task.as_deref().and_then(Path::file_name) {
        // Where that is not possible, bursts are larger, on both sides.
        let _ = std::fs::write(Path::new("/proc").join(id).join("timerslack_ns"), "1000");
    }
}

/// How often datums are sent that are due.
const PACE_STEP: Duration = Duration::from_micros(100);
