//! Whom to dial, and when: pure.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    groups::Error,
    primitives::{PeerEntryVersion, PeerId},
    runtime::{Rng, time::Instant},
};

use super::codes;

/// The peers that offer the group, as the dialler sees them.
#[derive(Debug)]
pub(super) struct Roster {
    local: PeerId,
    peers: BTreeMap<PeerId, Known>,
}

#[derive(Debug)]
struct Known {
    version: PeerEntryVersion,
    failures_count: u32,
    next_at: Instant,
    is_dialling: bool,
    error: Option<Error>,
}

impl Roster {
    pub(super) const fn new(local: PeerId) -> Self {
        Self {
            local,
            peers: BTreeMap::new(),
        }
    }

    /// These peers offer the group, and no others. A changed entry ends the wait for the next attempt.
    pub(super) fn offers(&mut self, offers: &[(PeerId, PeerEntryVersion)], now: Instant) {
        let offered = |peer: &PeerId| offers.iter().any(|(offer, _)| offer == peer);
        self.peers
            .retain(|peer, known| known.is_dialling || offered(peer));
        for (peer, version) in offers.iter().take(PEERS_MAX) {
            if peer == &self.local {
                continue;
            }
            // The lower key's dial wins anyway: the other one waits for it a little.
            let first = if self.local < *peer {
                Duration::ZERO
            } else {
                DEFER
            };
            let known = self.peers.entry(*peer).or_insert(Known {
                version: *version,
                failures_count: 0,
                next_at: now + first,
                is_dialling: false,
                error: None,
            });
            if known.version != *version {
                known.version = *version;
                // It may have a ticket now, or be back.
                if known.failures_count > 0 {
                    known.failures_count = 0;
                    known.next_at = now + first;
                }
            }
        }
    }

    /// Those to dial now, which are marked as being dialled.
    pub(super) fn due(&mut self, now: Instant, is_bonded: impl Fn(&PeerId) -> bool) -> Vec<PeerId> {
        let dialling = self
            .peers
            .values()
            .filter(|known| known.is_dialling)
            .count();
        let mut due = Vec::new();
        for (peer, known) in &mut self.peers {
            if dialling + due.len() >= DIALS_MAX {
                break;
            }
            if !known.is_dialling && known.next_at <= now && !is_bonded(peer) {
                known.is_dialling = true;
                due.push(*peer);
            }
        }
        due
    }

    /// When there may be somebody to dial next.
    pub(super) fn next_at(&self, is_bonded: impl Fn(&PeerId) -> bool) -> Option<Instant> {
        let waiting = |(peer, known): &(&PeerId, &Known)| !known.is_dialling && !is_bonded(peer);
        self.peers
            .iter()
            .filter(waiting)
            .map(|(_, known)| known.next_at)
            .min()
    }

    /// The peers that offer the group.
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerId> + use<'_> {
        self.peers.keys().copied()
    }

    /// A peer that was refused here is no longer: it is dialled at once.
    pub(super) fn allowed(&mut self, peer: &PeerId, now: Instant) {
        if let Some(known) = self.peers.get_mut(peer) {
            known.failures_count = 0;
            known.next_at = now;
        }
    }

    /// A dial has ended.
    pub(super) fn dialled(
        &mut self,
        peer: &PeerId,
        outcome: Result<(), Error>,
        now: Instant,
        rng: &mut Rng,
    ) {
        let Some(known) = self.peers.get_mut(peer) else {
            return;
        };
        known.is_dialling = false;
        match outcome {
            Ok(()) => {
                known.failures_count = 0;
                known.error = None;
                // Should the bond end, it is made again, but not at once for ever.
                known.next_at = now + rng.jitter(RETRY_MIN, 0.3);
            }
            Err(error) => {
                let exponent = known.failures_count.min(RETRY_DOUBLINGS_MAX);
                let wait = if codes::is_lasting(&error) {
                    RETRY_MAX
                } else {
                    (RETRY_MIN * 2u32.pow(exponent)).min(RETRY_MAX)
                };
                known.failures_count = known.failures_count.saturating_add(1);
                known.next_at = now + rng.jitter(wait, 0.3);
                known.error = Some(error);
            }
        }
    }

    /// Why there is no bond with peers that there should be one with.
    #[cfg(test)]
    pub(super) fn errors(&self) -> Vec<(PeerId, Error)> {
        let error = |(peer, known): (&PeerId, &Known)| Some((*peer, known.error.clone()?));
        self.peers.iter().filter_map(error).collect()
    }
}

/// As many as a roster holds: more than a group has members.
const PEERS_MAX: usize = 1024;

/// Dials that may be under way for one group.
const DIALS_MAX: usize = 16;

/// How long the higher key waits for the lower one's dial.
const DEFER: Duration = Duration::from_millis(120);

/// The shortest and the longest wait between two attempts, whatever the catalog does.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
const RETRY_DOUBLINGS_MAX: u32 = 6;

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{primitives::SecretKey, runtime::Clock};

    fn peers() -> [PeerId; 3] {
        let mut peers = [1, 2, 3].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        peers.sort();
        peers
    }

    fn version(seconds: i64) -> PeerEntryVersion {
        PeerEntryVersion::starting_at(DateTime::from_timestamp(seconds, 0).unwrap())
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn nobody(_: &PeerId) -> bool {
        false
    }

    #[test]
    fn the_lower_key_dials_first() {
        let [low, local, high] = peers();
        let start = Clock::system().now();
        let mut roster = Roster::new(local);
        roster.offers(
            &[(low, version(1)), (local, version(1)), (high, version(1))],
            start,
        );
        assert_eq!(roster.due(start, nobody), [high]);
        assert_eq!(roster.due(start, nobody), [], "once");
        assert_eq!(roster.next_at(nobody), Some(start + DEFER));
        assert_eq!(roster.due(start + DEFER, |peer| *peer == low), []);
        assert_eq!(roster.due(start + DEFER, nobody), [low]);
        assert_eq!(roster.next_at(nobody), None);
    }

    #[test]
    fn failures_wait_longer_but_never_for_ever() {
        let [local, peer, _] = peers();
        let mut rng = Rng::seeded(1);
        let mut now = Clock::system().now();
        let mut roster = Roster::new(local);
        roster.offers(&[(peer, version(1))], now);
        for attempt in 0..20u32 {
            assert_eq!(roster.due(now, nobody), [peer], "attempt {attempt}");
            roster.dialled(&peer, Err(Error::Link("lost".into())), now, &mut rng);
            let next = roster.next_at(nobody).unwrap();
            assert!(next > now && next - now <= RETRY_MAX.mul_f32(1.3));
            assert_eq!(roster.due(now, nobody), []);
            now = next;
        }
        assert_eq!(roster.errors().len(), 1);
        roster.due(now, nobody);
        roster.dialled(&peer, Ok(()), now, &mut rng);
        assert!(roster.errors().is_empty());
        assert!(roster.next_at(nobody).unwrap() - now < ms(200));
    }

    #[test]
    fn a_changed_entry_ends_the_wait() {
        let [local, peer, _] = peers();
        let mut rng = Rng::seeded(1);
        let now = Clock::system().now();
        let mut roster = Roster::new(local);
        roster.offers(&[(peer, version(1))], now);
        assert_eq!(roster.due(now, nobody), [peer]);
        roster.dialled(&peer, Err(Error::Unauthorized), now, &mut rng);
        roster.offers(&[(peer, version(1))], now);
        assert_eq!(roster.due(now + ms(1000), nobody), []);
        roster.offers(&[(peer, version(2))], now);
        assert_eq!(roster.due(now, nobody), [peer]);
        roster.dialled(&peer, Err(Error::Unauthorized), now, &mut rng);
        assert_eq!(roster.due(now, nobody), []);
        roster.allowed(&peer, now);
        assert_eq!(roster.due(now, nobody), [peer]);
        roster.dialled(&peer, Err(Error::Unauthorized), now, &mut rng);
        roster.offers(&[], now);
        assert_eq!(roster.next_at(nobody), None);
    }
}
