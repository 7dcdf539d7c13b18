//! Time, chance and tasks: the one door through which they enter.
//!
//! Whoever needs the time takes a [`Clock`], whoever needs chance takes an [`Rng`], so that a test
//! owns both; whoever spawns does so on a [`Tasks`] tree, so that nothing outlives its owner.

#[cfg_attr(
    not(feature = "test-util"),
    expect(
        unreachable_pub,
        reason = "tests of users hold clocks, with the feature `test-util`"
    )
)]
mod clock;
#[cfg_attr(
    not(feature = "test-util"),
    expect(
        unreachable_pub,
        reason = "tests of users hold clocks, with the feature `test-util`"
    )
)]
pub use clock::Clock;

mod rng;
pub(crate) use rng::Rng;

mod shutdown;
pub(crate) use shutdown::Shutdown;

mod tasks;
pub(crate) use tasks::Tasks;

mod condition;
pub(crate) use condition::{Condition, Observable};

/// Waiting, on the clock of tokio: tests pause and move it.
pub(crate) mod time {
    pub(crate) use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
}
