//! How much one peer may ask of us: token buckets, in bounded number.

use std::collections::BTreeMap;

use crate::primitives::PeerId;
use crate::runtime::time::{Duration, Instant};

/// Peers whose use is remembered. Those not seen for [`IDLE`] go first.
const SENDERS_MAX: usize = 8192;

/// After this long every bucket is full again, so nothing is lost by forgetting it.
const IDLE: Duration = Duration::from_secs(120);

/// A right that fills up with time and is used up by asking.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    tokens: f64,
    filled_at: Instant,
    burst: f64,
    per_second: f64,
}

impl Bucket {
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            tokens: f64::from(burst),
            filled_at: now,
            burst: f64::from(burst),
            per_second: f64::from(per_second),
        }
    }

    /// Takes so many tokens, or none when there are too few.
    pub(crate) fn take(&mut self, now: Instant, count: usize) -> bool {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        self.filled_at = now;
        let enough = self.tokens >= count as f64;
        if enough {
            self.tokens -= count as f64;
        }
        enough
    }
}

/// What one peer still may do.
#[derive(Debug)]
pub(crate) struct Share {
    /// Signatures to verify: a whole catalog at once, then 2.5 % of a core.
    pub(crate) verifications: Bucket,
    /// Peers that we did not know: a large network at once, then as fast as a network grows.
    pub(crate) new_peers: Bucket,
    /// Claims of death: half of a large network at once.
    pub(crate) obituaries: Bucket,
    /// Comparisons of the whole catalog, each about 100 µs of our time at its cap.
    pub(crate) comparisons: Bucket,
    /// Bytes of entries that we send on request.
    pub(crate) answer_bytes: Bucket,
    /// Peers that we try to reach for it.
    pub(crate) probes: Bucket,
    /// Signs of life that it asks for: one a second is usual, and what it asks for without need is cheap.
    pub(crate) pings: Bucket,
    /// Proofs of misbehaviour so far.
    pub(crate) strikes: u32,
    /// Nothing is taken from it before that.
    pub(crate) banned_until: Option<Instant>,
    used_at: Instant,
}

impl Share {
    fn new(now: Instant) -> Self {
        Self {
            verifications: Bucket::new(4096, 512, now),
            new_peers: Bucket::new(2048, 256, now),
            obituaries: Bucket::new(2048, 64, now),
            comparisons: Bucket::new(64, 16, now),
            answer_bytes: Bucket::new(8 << 20, 2 << 20, now),
            probes: Bucket::new(16, 1, now),
            pings: Bucket::new(256, 64, now),
            strikes: 0,
            banned_until: None,
            used_at: now,
        }
    }

    pub(crate) fn is_banned(&self, now: Instant) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }
}

/// The shares of all peers that ever asked.
#[derive(Debug, Default)]
pub(crate) struct Shares(BTreeMap<PeerId, Share>);

impl Shares {
    pub(crate) fn of(&mut self, peer: PeerId, now: Instant) -> &mut Share {
        if self.0.len() >= SENDERS_MAX && !self.0.contains_key(&peer) {
            self.forget(now);
        }
        let share = self.0.entry(peer).or_insert_with(|| Share::new(now));
        share.used_at = now;
        share
    }

    /// Forgets idle peers; when all are busy, whoever was quiet longest.
    fn forget(&mut self, now: Instant) {
        self.0
            .retain(|_, share| now < share.used_at + IDLE || share.is_banned(now));
        if self.0.len() >= SENDERS_MAX
            && let Some((peer, _)) = self.0.iter().min_by_key(|(_, share)| share.used_at)
        {
            let peer = *peer;
            self.0.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;
    use crate::runtime::Clock;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let now = Clock::system().now();
        let mut bucket = Bucket::new(10, 2, now);
        assert!(bucket.take(now, 10) && !bucket.take(now, 1));
        let later = now + Duration::from_secs(1);
        assert!(bucket.take(later, 2) && !bucket.take(later, 1));
        let much_later = now + Duration::from_secs(1000);
        assert!(bucket.take(much_later, 10) && !bucket.take(much_later, 1));
    }

    #[test]
    fn shares_are_bounded_and_used_up_ones_are_not_renewed_by_a_flood() {
        let now = Clock::system().now();
        let peer = |n: u16| {
            let mut bytes = [1; 32];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            SecretKey::from_bytes(&bytes).public()
        };
        let mut shares = Shares::default();
        assert!(shares.of(peer(0), now).probes.take(now, 16));
        assert!(!shares.of(peer(0), now).probes.take(now, 1));
        for n in 1..300 {
            shares.of(peer(n), now);
        }
        assert_eq!(shares.0.len(), 300);
        shares.forget(now + IDLE);
        assert_eq!(shares.0.len(), 0);
    }
}
