//! Calls in a closed loop, and what they took.

use std::{
    fmt,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};

/// What one case came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    p99: Duration,
}

impl Figures {
    pub(crate) const fn new(per_second: f64, p50: Duration, p99: Duration) -> Self {
        Self {
            per_second,
            p50,
            p99,
        }
    }

    /// Of samples that took `elapsed` together.
    pub(crate) fn of(mut samples: Vec<Duration>, elapsed: Duration) -> Self {
        samples.sort_unstable();
        let at = |share: f64| {
            let index = (samples.len() as f64 * share) as usize;
            samples
                .get(index.min(samples.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        Self {
            per_second: samples.len() as f64 / elapsed.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        write!(
            f,
            "{:>11.0} {:>8.1} {:>8.1}",
            self.per_second,
            us(self.p50),
            us(self.p99)
        )
    }
}

/// Keeps `in_flight` calls under way for as long as `run`.
pub(crate) async fn closed_loop<F: Future<Output = ()>>(
    in_flight: usize,
    run: Duration,
    call: impl Fn() -> F,
) -> Figures {
    let begin = Instant::now();
    let samples = sample(in_flight, run, call).await;
    Figures::of(samples, begin.elapsed())
}

/// As [`closed_loop`]: what each call took.
pub(crate) async fn sample<F: Future<Output = ()>>(
    in_flight: usize,
    run: Duration,
    call: impl Fn() -> F,
) -> Vec<Duration> {
    let timed = || {
        let begin = Instant::now();
        let pending = call();
        async move {
            pending.await;
            begin.elapsed()
        }
    };
    let begin = Instant::now();
    let mut pending: FuturesUnordered<_> = (0..in_flight).map(|_| timed()).collect();
    let mut samples = Vec::new();
    while let Some(took) = pending.next().await {
        samples.push(took);
        if begin.elapsed() < run {
            pending.push(timed());
        }
    }
    samples
}
