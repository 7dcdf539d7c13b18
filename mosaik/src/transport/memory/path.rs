//! One direction between two nodes: how long it takes, and whether it is cut.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::runtime::{Rng, time::Instant};

/// What a link is like in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Time from one end to the other.
    pub delay: Duration,
    /// Up to this much more, at random, for each write; different streams overtake each other by it.
    pub jitter: Duration,
    /// The share of writes that are lost once and arrive by a retransmission, 0 to 1. A retransmission may be lost too.
    pub loss: f64,
}

impl Default for Conditions {
    /// A quiet local network: a millisecond, nothing lost.
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            loss: 0.0,
        }
    }
}

impl Conditions {
    /// A link with this delay, without jitter and loss.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }
}

/// The least time until a retransmission, as QUIC's probe time-out on a fast link.
const RETRANSMISSION_MIN: Duration = Duration::from_millis(20);

/// Losses of one write in a row; beyond, the connection would be about to time out anyhow.
const LOSSES_MAX: u32 = 6;

/// What everybody on a path sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathView {
    pub(super) cut_since: Option<Instant>,
    conditions: Conditions,
}

/// One direction between two nodes.
pub(super) struct Path {
    rng: Mutex<Rng>,
    view: watch::Sender<PathView>,
}

impl Path {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng: Mutex::new(rng),
            view: watch::Sender::new(PathView {
                cut_since: None,
                conditions: Conditions::default(),
            }),
        }
    }

    /// Sets the state; a cut that lasts keeps the time when it began.
    pub(super) fn set(&self, cut_at: Option<Instant>, conditions: Conditions) {
        self.view.send_if_modified(|view| {
            let cut_since = cut_at.map(|now| view.cut_since.unwrap_or(now));
            let is_new = view.cut_since != cut_since || view.conditions != conditions;
            *view = PathView {
                cut_since,
                conditions,
            };
            is_new
        });
    }

    pub(super) fn view(&self) -> PathView {
        *self.view.borrow()
    }

    pub(super) fn changes(&self) -> watch::Receiver<PathView> {
        self.view.subscribe()
    }

    /// How long the next write takes.
    pub(super) fn latency(&self) -> Duration {
        let Conditions {
            delay,
            jitter,
            loss,
        } = self.view().conditions;
        if jitter.is_zero() && loss <= 0.0 {
            return delay;
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latency = delay + jitter.mul_f64(rng.unit_f64());
        let mut wait = (delay * 3).max(RETRANSMISSION_MIN);
        for _ in 0..LOSSES_MAX {
            if rng.unit_f64() >= loss {
                break;
            }
            latency += wait;
            wait *= 2;
        }
        latency
    }

    /// The delay without chance, for estimates.
    pub(super) fn delay(&self) -> Duration {
        self.view().conditions.delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_latencies() {
        let draw = |seed| {
            let path = Path::new(Rng::seeded(seed));
            path.set(
                None,
                Conditions {
                    delay: Duration::from_millis(5),
                    jitter: Duration::from_millis(10),
                    loss: 0.3,
                },
            );
            (0..50).map(|_| path.latency()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(
            draw(1)
                .iter()
                .all(|latency| *latency >= Duration::from_millis(5))
        );
        assert!(
            draw(1)
                .iter()
                .any(|latency| *latency >= Duration::from_millis(25))
        );
    }
}
