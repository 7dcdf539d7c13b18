//! Chance.

use core::fmt;
use core::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::primitives::Digest;

/// A source of chance. From one seed, one sequence: a run with a seed can be repeated.
///
/// Deliberately not `Clone`: two users of one sequence would draw the same "random" values. Give
/// each its own with [`fork`](Rng::fork).
pub(crate) struct Rng(StdRng);

impl Rng {
    /// Seeded by the operating system.
    pub(crate) fn from_os() -> Self {
        Self(StdRng::from_seed(Digest::random().into()))
    }

    /// The sequence of this seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// An independent sequence for `label`; forks of one label in a row differ as well.
    #[must_use]
    pub(crate) fn fork(&mut self, label: &str) -> Self {
        let mut drawn = [0; 32];
        self.fill(&mut drawn);
        Self(StdRng::from_seed(
            Digest::from_bytes(drawn).derive(label).into(),
        ))
    }

    /// Any number.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit_f64(&mut self) -> f64 {
        self.0.random()
    }

    /// Fills `bytes`.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A duration around `duration`: off by at most the share `spread` of it, in both directions.
    pub(crate) fn jitter(&mut self, duration: Duration, spread: f32) -> Duration {
        let factor = 1.0 + f64::from(spread) * (2.0 * self.unit_f64() - 1.0);
        Duration::try_from_secs_f64(duration.as_secs_f64() * factor.max(0.0)).unwrap_or(duration)
    }

    /// One of the items, each equally likely.
    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below_len(items.len()))
    }

    /// The items in random order, each order equally likely.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below_len(last + 1));
        }
    }

    fn below_len(&mut self, length: usize) -> usize {
        if length == 0 {
            0
        } else {
            self.0.random_range(0..length)
        }
    }
}

/// Says nothing of the state: what comes next is nobody's business.
impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats() {
        let draw = |seed| {
            let mut rng = Rng::seeded(seed);
            (rng.next_u64(), rng.fork("x").next_u64(), rng.unit_f64())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn forks_are_independent() {
        let mut rng = Rng::seeded(1);
        let (mut a, mut b) = (rng.fork("a"), rng.fork("a"));
        assert_ne!(a.next_u64(), b.next_u64());
        let (mut a, mut b) = (Rng::seeded(1).fork("a"), Rng::seeded(1).fork("b"));
        assert_ne!(a.next_u64(), b.next_u64());
    }

    #[test]
    fn ranges() {
        let mut rng = Rng::seeded(7);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[*rng.choose(&[0, 1, 2, 3, 4]).unwrap()] = true;
            let wait = rng.jitter(Duration::from_millis(100), 0.2).as_millis();
            assert!((79..=120).contains(&wait), "{wait}");
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(rng.choose::<u8>(&[]), None);
        assert_eq!(rng.choose(&[3]), Some(&3));
        assert_eq!(
            rng.jitter(Duration::from_secs(1), 0.0),
            Duration::from_secs(1)
        );
        assert!(rng.jitter(Duration::from_secs(1), 50.0) < Duration::from_secs(52));
        assert_eq!(rng.jitter(Duration::MAX, 0.0), Duration::MAX);
    }

    #[test]
    fn shuffling_keeps_the_items() {
        let mut items: Vec<u8> = (0..100).collect();
        Rng::from_os().shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<u8>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<u8>>());
    }
}
