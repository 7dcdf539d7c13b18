//! Which peers to be connected to: a function of the ids that are known.
//!
//! In a small network, everybody. Else the next few ids on the ring, which makes the graph connected
//! by construction and gives every node known monitors, and a few random peers, which make it
//! shallow. Does not know whether a connection is up.

use std::collections::BTreeSet;

use crate::primitives::PeerId;
use crate::runtime::Rng;
use crate::runtime::time::{Duration, Instant};

/// With at most this many known peers everybody is connected to everybody.
pub(crate) const FULL_MESH_PEERS: usize = 8;

/// Next ids on the ring: two may die at once and the ring still holds.
pub(crate) const SUCCESSORS: usize = 3;

/// Random peers: three make a graph of any size connected, almost surely, without the ring.
pub(crate) const RANDOM_PEERS: usize = 3;

/// One random peer is drawn anew this often, so that no bad draw lasts.
const REDRAW_EVERY: Duration = Duration::from_secs(120);

/// Draws before a random peer is left out for now.
const DRAWS_MAX: usize = 16;

/// The ids that can be neighbours, in order, without the local one.
pub(crate) trait Ring {
    /// How many.
    fn count(&self) -> usize;
    /// Ids after this point, then from the beginning up to it.
    fn after(&self, point: &[u8; 32]) -> impl Iterator<Item = PeerId>;
}

/// The choice of neighbours.
#[derive(Debug)]
pub(crate) struct Overlay {
    local: PeerId,
    random: Vec<PeerId>,
    redraw_at: Instant,
    targets: BTreeSet<PeerId>,
}

impl Overlay {
    pub(crate) fn new(local: PeerId, now: Instant) -> Self {
        Self {
            local,
            random: Vec::new(),
            redraw_at: now + REDRAW_EVERY,
            targets: BTreeSet::new(),
        }
    }

    /// The peers to be connected to.
    pub(crate) const fn targets(&self) -> &BTreeSet<PeerId> {
        &self.targets
    }

    /// Chooses again, keeping as much as possible; true when the choice changed.
    pub(crate) fn choose(
        &mut self,
        ring: &impl Ring,
        mut usable: impl FnMut(&PeerId) -> bool,
        rng: &mut Rng,
        now: Instant,
    ) -> bool {
        let local = *self.local.as_bytes();
        let targets: BTreeSet<PeerId> = if ring.count() <= FULL_MESH_PEERS {
            self.random.clear();
            ring.after(&local).filter(|peer| usable(peer)).collect()
        } else {
            let successors = ring
                .after(&local)
                .filter(|peer| usable(peer))
                .take(SUCCESSORS);
            let mut targets: BTreeSet<PeerId> = successors.collect();
            self.random
                .retain(|peer| usable(peer) && !targets.contains(peer));
            if now >= self.redraw_at {
                self.redraw_at = now + rng.jitter(REDRAW_EVERY, 0.2);
                if !self.random.is_empty() {
                    self.random.remove(0);
                }
            }
            for _ in 0..DRAWS_MAX {
                if self.random.len() >= RANDOM_PEERS {
                    break;
                }
                if let Some(peer) = random_peer(ring, rng)
                    && !targets.contains(&peer)
                    && !self.random.contains(&peer)
                    && usable(&peer)
                {
                    self.random.push(peer);
                }
            }
            targets.extend(&self.random);
            targets
        };
        let changed = targets != self.targets;
        self.targets = targets;
        changed
    }

    /// Whether it is time to draw a random peer anew.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.redraw_at
    }
}

/// The peer after a random point: nearly uniform, since ids are.
pub(crate) fn random_peer(ring: &impl Ring, rng: &mut Rng) -> Option<PeerId> {
    let mut point = [0; 32];
    rng.fill(&mut point);
    ring.after(&point).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;
    use crate::runtime::Clock;
    use std::collections::BTreeMap;

    struct Ids(BTreeSet<PeerId>);

    impl Ring for Ids {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn after(&self, point: &[u8; 32]) -> impl Iterator<Item = PeerId> {
            let (before, after): (Vec<_>, Vec<_>) =
                self.0.iter().partition(|id| id.as_bytes() <= point);
            after.into_iter().chain(before)
        }
    }

    fn peer(n: u16) -> PeerId {
        let mut bytes = [1; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        SecretKey::from_bytes(&bytes).public()
    }

    fn ring(ids: &BTreeSet<PeerId>, local: PeerId) -> Ids {
        Ids(ids.iter().copied().filter(|id| *id != local).collect())
    }

    #[test]
    fn a_small_network_is_a_full_mesh() {
        let ids: BTreeSet<_> = (0..=FULL_MESH_PEERS as u16).map(peer).collect();
        let local = *ids.first().unwrap();
        let now = Clock::system().now();
        let mut overlay = Overlay::new(local, now);
        let ring = ring(&ids, local);
        assert!(overlay.choose(&ring, |_| true, &mut Rng::seeded(1), now));
        assert_eq!(overlay.targets(), &ring.0);
        assert!(!overlay.choose(&ring, |_| true, &mut Rng::seeded(2), now));
    }

    #[test]
    fn a_large_network_is_sparse_stable_and_connected() {
        let ids: BTreeSet<_> = (0..60).map(peer).collect();
        let now = Clock::system().now();
        let mut rng = Rng::seeded(7);
        let mut edges: BTreeMap<PeerId, BTreeSet<PeerId>> = BTreeMap::new();
        for local in &ids {
            let ring = ring(&ids, *local);
            let mut overlay = Overlay::new(*local, now);
            overlay.choose(&ring, |_| true, &mut rng, now);
            assert_eq!(overlay.targets().len(), SUCCESSORS + RANDOM_PEERS);
            assert!(
                !overlay.choose(&ring, |_| true, &mut rng, now),
                "the choice is stable"
            );
            for peer in overlay.targets() {
                edges.entry(*local).or_default().insert(*peer);
                edges.entry(*peer).or_default().insert(*local);
            }
        }
        let mut reached = BTreeSet::new();
        let mut next = vec![*ids.first().unwrap()];
        while let Some(id) = next.pop() {
            if reached.insert(id) {
                next.extend(&edges[&id]);
            }
        }
        assert_eq!(reached, ids);
    }

    #[test]
    fn unusable_peers_are_replaced_and_one_random_peer_is_redrawn() {
        let ids: BTreeSet<_> = (0..60).map(peer).collect();
        let local = *ids.first().unwrap();
        let ring = ring(&ids, local);
        let now = Clock::system().now();
        let mut rng = Rng::seeded(3);
        let mut overlay = Overlay::new(local, now);
        overlay.choose(&ring, |_| true, &mut rng, now);
        let before = overlay.targets().clone();
        let dead = *before.first().unwrap();
        assert!(overlay.choose(&ring, |peer| *peer != dead, &mut rng, now));
        assert!(!overlay.targets().contains(&dead));
        assert_eq!(overlay.targets().len(), before.len());

        let before = overlay.targets().clone();
        let later = now + REDRAW_EVERY;
        assert!(overlay.is_due(later) && !overlay.is_due(now));
        overlay.choose(&ring, |peer| *peer != dead, &mut rng, later);
        assert_eq!(overlay.targets().difference(&before).count(), 1);
    }
}
