//! What the benches of groups are held against.

use core::time::Duration;

use super::consensus::bench::{self, Setup};

/// What bare openraft did.
#[derive(Debug, Clone, Copy)]
pub struct Ceiling {
    /// Writes applied at the leader in a second.
    pub per_second: f64,
    /// Half of them took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

/// Writes 64 bytes at a time through openraft alone: `replicas` of them in this process, calling each other.
pub async fn openraft_alone(replicas: u64, in_flight: usize, run: Duration) -> Ceiling {
    let figures = bench::openraft_alone(Setup::new(replicas, in_flight, run)).await;
    Ceiling {
        per_second: figures.per_second,
        p50: figures.p50,
        p99: figures.p99,
    }
}
