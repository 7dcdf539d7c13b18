//! Who may start a handshake, and who may stay after one.
//!
//! Pure: addresses, ids and the time in, verdicts out. Knows nothing of sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{primitives::PeerId, runtime::time::Instant};

/// Sources remembered at a time. A full table forgets those whose bucket has refilled, then refuses newcomers' bursts.
const SOURCES_MAX: usize = 4096;

/// What is known of the origin of a handshake before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Direct(SocketAddr),
    Relayed(PeerId),
}

/// The unit that a rate is held against: an IPv4 address, the /56 of an IPv6 address, or a relayed id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    V4([u8; 4]),
    V6([u8; 7]),
    Relayed(PeerId),
}

impl From<Origin> for Source {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Relayed(peer) => Self::Relayed(peer),
            Origin::Direct(addr) => match addr.ip().to_canonical() {
                IpAddr::V4(ip) => Self::V4(ip.octets()),
                IpAddr::V6(ip) => {
                    let [a, b, c, d, e, f, g, ..] = ip.octets();
                    Self::V6([a, b, c, d, e, f, g])
                }
            },
        }
    }
}

/// What to do with a handshake that wants to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    /// Ask for proof of the address first; costs us no state.
    Retry,
    Refuse,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Holds each source to a rate of handshakes.
#[derive(Debug)]
pub(crate) struct HandshakeRate {
    burst: f64,
    per_second: f64,
    sources: BTreeMap<Source, Bucket>,
}

impl HandshakeRate {
    /// `burst` at once, then `per_second`. A source that has proved its address may overdraw by another `burst`.
    pub(crate) fn new(burst: u32, per_second: u32) -> Self {
        Self {
            burst: f64::from(burst),
            per_second: f64::from(per_second),
            sources: BTreeMap::new(),
        }
    }

    /// Decides about one handshake, and charges its source for it.
    pub(crate) fn decide(&mut self, now: Instant, origin: Origin, validated: bool) -> Verdict {
        let source = Source::from(origin);
        if !self.sources.contains_key(&source) && self.sources.len() >= SOURCES_MAX {
            self.forget_idle(now);
            if self.sources.len() >= SOURCES_MAX {
                // Only a forger has that many addresses at once: make it prove this one.
                return if validated {
                    Verdict::Accept
                } else {
                    Verdict::Retry
                };
            }
        }
        let bucket = self.sources.entry(source).or_insert(Bucket {
            tokens: self.burst,
            at: now,
        });
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * self.per_second).min(self.burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Verdict::Accept;
        }
        // A retry is free of state and of signatures, so it is not charged.
        if !validated {
            return Verdict::Retry;
        }
        if bucket.tokens > -self.burst {
            bucket.tokens -= 1.0;
            return Verdict::Accept;
        }
        Verdict::Refuse
    }

    fn forget_idle(&mut self, now: Instant) {
        let full_after = Duration::from_secs_f64(self.burst / self.per_second.max(1.0));
        self.sources
            .retain(|_, bucket| now.saturating_duration_since(bucket.at) < full_after);
    }
}

/// Which peers may be connected, by id. Acts on incoming and outgoing connections alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerFilter {
    allowed: Option<BTreeSet<PeerId>>,
    denied: BTreeSet<PeerId>,
}

impl PeerFilter {
    /// Lets in these peers only.
    #[must_use]
    pub(crate) fn only(mut self, peers: impl IntoIterator<Item = PeerId>) -> Self {
        self.allowed = Some(peers.into_iter().collect());
        self
    }

    /// Keeps this peer out, even if it is on the allow list.
    pub(crate) fn deny(&mut self, peer: PeerId) {
        self.denied.insert(peer);
    }

    /// Takes a peer off the deny list, and onto the allow list if there is one.
    pub(crate) fn allow(&mut self, peer: PeerId) {
        self.denied.remove(&peer);
        if let Some(allowed) = &mut self.allowed {
            allowed.insert(peer);
        }
    }

    /// Whether the peer may be connected.
    pub(crate) fn admits(&self, peer: &PeerId) -> bool {
        !self.denied.contains(peer)
            && self
                .allowed
                .as_ref()
                .is_none_or(|allowed| allowed.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{primitives::SecretKey, runtime::Clock};

    const BURST: u32 = 256;

    fn peer(seed: u8) -> PeerId {
        SecretKey::from_bytes(&[seed; 32]).public()
    }

    fn direct(addr: &str) -> Origin {
        Origin::Direct(addr.parse().unwrap())
    }

    #[test]
    fn a_burst_passes_then_the_address_must_be_proved_then_it_is_refused() {
        let now = Clock::system().now();
        let mut rate = HandshakeRate::new(BURST, 64);
        let from = direct("10.0.0.1:1");
        for _ in 0..BURST {
            assert_eq!(rate.decide(now, from, false), Verdict::Accept);
        }
        assert_eq!(rate.decide(now, from, false), Verdict::Retry);
        for _ in 0..BURST {
            assert_eq!(
                rate.decide(now, direct("10.0.0.1:9"), true),
                Verdict::Accept
            );
        }
        assert_eq!(rate.decide(now, from, true), Verdict::Refuse);
        assert_eq!(rate.decide(now, from, false), Verdict::Retry);
        assert_eq!(
            rate.decide(now, direct("10.0.0.2:1"), false),
            Verdict::Accept
        );
        let later = now + Duration::from_secs(60);
        assert_eq!(rate.decide(later, from, false), Verdict::Accept);
    }

    #[test]
    fn one_ipv6_site_is_one_source() {
        let site = |last: &str| Source::from(direct(&format!("[2001:db8:1:2{last}]:7")));
        assert_eq!(site("00::1"), site("ff::2"));
        assert_ne!(site("00::1"), Source::from(direct("[2001:db8:1:300::1]:7")));
        let mapped = direct("[::ffff:10.0.0.1]:7");
        assert_eq!(Source::from(mapped), Source::from(direct("10.0.0.1:8")));
    }

    #[test]
    fn the_table_of_sources_is_bounded() {
        let now = Clock::system().now();
        let mut rate = HandshakeRate::new(BURST, 64);
        for n in 0..10_000u32 {
            let ip = IpAddr::V4(n.into());
            rate.decide(now, Origin::Direct((ip, 1).into()), false);
        }
        assert_eq!(rate.sources.len(), SOURCES_MAX);
        assert_eq!(
            rate.decide(now, direct("200.0.0.1:1"), false),
            Verdict::Retry
        );
        assert_eq!(
            rate.decide(now, direct("200.0.0.1:1"), true),
            Verdict::Accept
        );
        let later = now + Duration::from_secs(60);
        assert_eq!(
            rate.decide(later, direct("200.0.0.1:1"), false),
            Verdict::Accept
        );
        assert_eq!(rate.sources.len(), 1);
    }

    #[test]
    fn lists_of_ids() {
        let mut filter = PeerFilter::default();
        assert!(filter.admits(&peer(1)));
        filter.deny(peer(1));
        assert!(!filter.admits(&peer(1)));
        filter.allow(peer(1));
        assert!(filter.admits(&peer(1)));
        let mut filter = PeerFilter::default().only([peer(1)]);
        assert!(filter.admits(&peer(1)) && !filter.admits(&peer(2)));
        filter.allow(peer(2));
        filter.deny(peer(1));
        assert!(filter.admits(&peer(2)) && !filter.admits(&peer(1)));
    }
}
