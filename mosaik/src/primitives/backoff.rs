//! How long to wait before the next attempt.
//!
//! The names and fields follow the `backoff` crate (0.4), which is no longer maintained, so that
//! code written with it works.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use super::digest::Digest;
use tokio::time::Instant;

/// Makes a fresh policy for every attempt that may have to be repeated.
pub type BackoffFactory =
    Arc<dyn Fn() -> Box<dyn Backoff + Send + Sync + 'static> + Send + Sync + 'static>;

/// A policy: how long to wait after each failure.
pub trait Backoff {
    /// Starts from the beginning.
    fn reset(&mut self) {}

    /// How long to wait before the next attempt; `None` means that there should be none.
    fn next_backoff(&mut self) -> Option<Duration>;
}

impl<B: Backoff + ?Sized> Backoff for Box<B> {
    fn reset(&mut self) {
        (**self).reset();
    }

    fn next_backoff(&mut self) -> Option<Duration> {
        (**self).next_backoff()
    }
}

/// The policies that need no state.
#[expect(
    clippy::module_inception,
    reason = "the path `backoff::backoff::Constant` is the crate's"
)]
pub mod backoff {
    pub use super::Backoff;
    use core::time::Duration;

    /// No wait at all.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Zero {}

    impl Backoff for Zero {
        fn next_backoff(&mut self) -> Option<Duration> {
            Some(Duration::ZERO)
        }
    }

    /// No second attempt.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Stop {}

    impl Backoff for Stop {
        fn next_backoff(&mut self) -> Option<Duration> {
            None
        }
    }

    /// Always the same wait.
    #[derive(Debug, Clone, Copy)]
    pub struct Constant {
        /// The wait.
        pub interval: Duration,
    }

    impl Constant {
        /// Always waits for `interval`.
        pub const fn new(interval: Duration) -> Self {
            Self { interval }
        }
    }

    impl Backoff for Constant {
        fn next_backoff(&mut self) -> Option<Duration> {
            Some(self.interval)
        }
    }
}

/// The defaults of [`ExponentialBackoff`].
pub mod default {
    /// The first wait.
    pub const INITIAL_INTERVAL_MILLIS: u64 = 500;
    /// How far a wait may be from the planned one, as a share of it, in both directions.
    pub const RANDOMIZATION_FACTOR: f64 = 0.5;
    /// How much longer each planned wait is.
    pub const MULTIPLIER: f64 = 1.5;
    /// The longest planned wait.
    pub const MAX_INTERVAL_MILLIS: u64 = 60_000;
    /// After this long there is no further attempt.
    pub const MAX_ELAPSED_TIME_MILLIS: u64 = 900_000;
}

/// The longer policy, under the path it has in the crate.
pub mod exponential {
    pub use super::{ExponentialBackoff, ExponentialBackoffBuilder};
}

/// Waits that grow by a factor, each drawn at random around its plan, up to a total time.
///
/// The total counts from the first wait that is asked for, or from the last `reset`; a policy that
/// was made long before it is used loses nothing.
#[derive(Clone)]
pub struct ExponentialBackoff {
    /// The planned next wait.
    pub current_interval: Duration,
    /// The first planned wait.
    pub initial_interval: Duration,
    /// A wait is drawn from its plan ± this share of it; 0 for exact waits.
    pub randomization_factor: f64,
    /// How much longer each planned wait is.
    pub multiplier: f64,
    /// The longest planned wait.
    pub max_interval: Duration,
    /// When the total time began; `None` until the first wait is asked for.
    pub start_time: Option<Instant>,
    /// No further attempt once this has passed since `start_time`; `None` for no end.
    pub max_elapsed_time: Option<Duration>,
    /// What the next random draw depends on; `None` draws a seed at first use.
    #[doc(hidden)]
    pub draw: Option<u64>,
}

impl Default for ExponentialBackoff {
    fn default() -> Self {
        let initial = Duration::from_millis(default::INITIAL_INTERVAL_MILLIS);
        Self {
            current_interval: initial,
            initial_interval: initial,
            randomization_factor: default::RANDOMIZATION_FACTOR,
            multiplier: default::MULTIPLIER,
            max_interval: Duration::from_millis(default::MAX_INTERVAL_MILLIS),
            start_time: None,
            max_elapsed_time: Some(Duration::from_millis(default::MAX_ELAPSED_TIME_MILLIS)),
            draw: None,
        }
    }
}

impl ExponentialBackoff {
    /// How long this policy has been in use.
    pub fn get_elapsed_time(&self) -> Duration {
        self.start_time
            .map_or(Duration::ZERO, |start| start.elapsed())
    }

    /// The plan, moved by a random share; `draw` is in `0.0..1.0`.
    fn randomized(&self, draw: f64) -> Duration {
        let factor = 1.0 + self.randomization_factor * (2.0 * draw - 1.0);
        scale(self.current_interval, factor)
    }

    /// A number in `0.0..1.0`, by a step of SplitMix64.
    fn unit(&mut self) -> f64 {
        let state = self.draw.get_or_insert_with(|| {
            let seed = Digest::random();
            seed.as_bytes()[..8]
                .iter()
                .fold(0, |seed, byte| seed << 8 | u64::from(*byte))
        });
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Backoff for ExponentialBackoff {
    fn reset(&mut self) {
        self.current_interval = self.initial_interval;
        self.start_time = Some(Instant::now());
    }

    fn next_backoff(&mut self) -> Option<Duration> {
        if self.start_time.is_none() {
            self.reset();
        }
        let elapsed = self.get_elapsed_time();
        let draw = self.unit();
        let wait = self.randomized(draw);
        self.current_interval =
            scale(self.current_interval, self.multiplier).min(self.max_interval);
        match self.max_elapsed_time {
            Some(limit) if elapsed.saturating_add(wait) > limit => None,
            _ => Some(wait),
        }
    }
}

impl fmt::Debug for ExponentialBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExponentialBackoff")
            .field("current_interval", &self.current_interval)
            .field("initial_interval", &self.initial_interval)
            .field("randomization_factor", &self.randomization_factor)
            .field("multiplier", &self.multiplier)
            .field("max_interval", &self.max_interval)
            .field("max_elapsed_time", &self.max_elapsed_time)
            .finish_non_exhaustive()
    }
}

/// Like `Duration::mul_f64`, but neither negative nor overflowing factors panic.
fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor.max(0.0)).unwrap_or(Duration::MAX)
}

/// Makes an [`ExponentialBackoff`], from its defaults.
#[derive(Debug, Clone, Default)]
pub struct ExponentialBackoffBuilder {
    policy: ExponentialBackoff,
}

impl ExponentialBackoffBuilder {
    /// The defaults of [`ExponentialBackoff`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The first wait.
    pub fn with_initial_interval(&mut self, interval: Duration) -> &mut Self {
        self.policy.initial_interval = interval;
        self
    }

    /// How far a wait may be from the planned one, as a share of it.
    pub fn with_randomization_factor(&mut self, factor: f64) -> &mut Self {
        self.policy.randomization_factor = factor;
        self
    }

    /// How much longer each planned wait is.
    pub fn with_multiplier(&mut self, multiplier: f64) -> &mut Self {
        self.policy.multiplier = multiplier;
        self
    }

    /// The longest planned wait.
    pub fn with_max_interval(&mut self, interval: Duration) -> &mut Self {
        self.policy.max_interval = interval;
        self
    }

    /// When to give up; `None` for never.
    pub fn with_max_elapsed_time(&mut self, limit: Option<Duration>) -> &mut Self {
        self.policy.max_elapsed_time = limit;
        self
    }

    /// The policy.
    pub fn build(&self) -> ExponentialBackoff {
        ExponentialBackoff {
            current_interval: self.policy.initial_interval,
            ..self.policy.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::backoff::{Constant, Stop, Zero};
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn simple_policies() {
        assert_eq!(Zero {}.next_backoff(), Some(Duration::ZERO));
        assert_eq!(Stop {}.next_backoff(), None);
        assert_eq!(Constant::new(MS).next_backoff(), Some(MS));
        let mut boxed: Box<dyn Backoff + Send + Sync> = Box::new(Constant::new(MS));
        boxed.reset();
        assert_eq!(boxed.next_backoff(), Some(MS));
        let factory: BackoffFactory = Arc::new(|| Box::new(Stop {}));
        assert_eq!(factory().next_backoff(), None);
    }

    #[test]
    fn waits_grow_up_to_the_limit() {
        let mut policy = ExponentialBackoffBuilder::new()
            .with_initial_interval(100 * MS)
            .with_randomization_factor(0.0)
            .with_multiplier(2.0)
            .with_max_interval(350 * MS)
            .with_max_elapsed_time(None)
            .build();
        let waits: Vec<_> = (0..4).filter_map(|_| policy.next_backoff()).collect();
        assert_eq!(waits, [100 * MS, 200 * MS, 350 * MS, 350 * MS]);
        policy.reset();
        assert_eq!(policy.next_backoff(), Some(100 * MS));
    }

    #[tokio::test(start_paused = true)]
    async fn total_time_counts_from_first_use() {
        let mut policy = ExponentialBackoff {
            max_elapsed_time: Some(Duration::from_secs(10)),
            ..ExponentialBackoff::default()
        };
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(policy.next_backoff().is_some());
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(policy.next_backoff(), None);
        policy.reset();
        assert!(policy.next_backoff().is_some());
    }

    proptest! {
        #[test]
        fn waits_stay_in_their_range(seed: u64, factor in 0.0..1.0, initial_ms in 0u64..100_000) {
            let mut policy = ExponentialBackoff {
                initial_interval: Duration::from_millis(initial_ms),
                current_interval: Duration::from_millis(initial_ms),
                randomization_factor: factor,
                draw: Some(seed),
                max_elapsed_time: None,
                ..ExponentialBackoff::default()
            };
            for _ in 0..40 {
                let plan = policy.current_interval.as_secs_f64();
                let wait = policy.next_backoff().unwrap().as_secs_f64();
                prop_assert!(wait >= plan * (1.0 - factor) - 1e-6);
                prop_assert!(wait <= plan * (1.0 + factor) + 1e-6);
            }
        }

        #[test]
        fn no_field_makes_it_panic(factor: f64, multiplier: f64, seed: u64) {
            let mut policy = ExponentialBackoff {
                randomization_factor: factor,
                multiplier,
                draw: Some(seed),
                ..ExponentialBackoff::default()
            };
            for _ in 0..10 {
                policy.next_backoff();
            }
        }
    }
}
