//! Who is gone: versions that delayed copies must not bring back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::catalog::Stored;
use super::message::{Departure, Obituary};
use super::sync::element;
use crate::primitives::{PeerEntryVersion, PeerId};
use crate::runtime::time::Instant;

/// Peers remembered as gone; the oldest are forgotten first.
const GRAVES_MAX: usize = 4096;

/// Why a peer is gone, in a form that convinces others.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// It said so itself.
    Departed(Departure),
    /// It did not answer anybody. Its last entry, when we had it.
    Dead(Option<Arc<Stored>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Grave {
    /// Entries up to this version are void.
    pub(crate) version: PeerEntryVersion,
    pub(crate) cause: Cause,
    element: u64,
}

/// Everybody who is gone, for a bounded time and in bounded number.
#[derive(Debug, Default)]
pub(crate) struct Graves {
    by_id: BTreeMap<PeerId, Grave>,
    by_element: HashMap<u64, PeerId>,
    order: VecDeque<(PeerId, PeerEntryVersion, Instant)>,
}

impl Graves {
    /// Remembers a peer as gone until then; false when that was known.
    pub(crate) fn dig(
        &mut self,
        id: PeerId,
        version: PeerEntryVersion,
        cause: Cause,
        until: Instant,
    ) -> bool {
        if self
            .by_id
            .get(&id)
            .is_some_and(|grave| grave.version >= version)
        {
            return false;
        }
        self.remove(&id);
        let element = element(id.as_bytes(), version);
        self.by_element.insert(element, id);
        self.by_id.insert(
            id,
            Grave {
                version,
                cause,
                element,
            },
        );
        self.order.push_back((id, version, until));
        while self.order.len() > GRAVES_MAX {
            self.forget_oldest();
        }
        true
    }

    /// The grave of this peer.
    pub(crate) fn get(&self, id: &[u8; 32]) -> Option<&Grave> {
        self.by_id.get(id)
    }

    /// The grave that holds exactly this version.
    pub(crate) fn by_element(&self, element: u64) -> Option<(&PeerId, &Grave)> {
        self.by_id.get_key_value(self.by_element.get(&element)?)
    }

    /// Whether an entry of this version is void.
    pub(crate) fn holds(&self, id: &[u8; 32], version: PeerEntryVersion) -> bool {
        self.get(id).is_some_and(|grave| version <= grave.version)
    }

    /// The peer is back.
    pub(crate) fn remove(&mut self, id: &PeerId) {
        if let Some(grave) = self.by_id.remove(id) {
            self.by_element.remove(&grave.element);
            // Its place in the order stays; it is recognized by its version.
        }
    }

    /// Forgets what is old enough.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(.., until)| now >= *until) {
            self.forget_oldest();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.by_id.len()
    }

    fn forget_oldest(&mut self) {
        let Some((id, version, _)) = self.order.pop_front() else {
            return;
        };
        if self
            .by_id
            .get(&id)
            .is_some_and(|grave| grave.version == version)
        {
            self.remove(&id);
        }
    }
}

impl Grave {
    /// The claim that others can check against what they know.
    pub(crate) fn obituary(&self, id: PeerId) -> Obituary {
        Obituary {
            id: id.into(),
            version: self.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;
    use crate::runtime::Clock;
    use crate::runtime::time::Duration;

    fn peer(n: u16) -> PeerId {
        let mut bytes = [1; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        SecretKey::from_bytes(&bytes).public()
    }

    fn version(update: i64) -> PeerEntryVersion {
        PeerEntryVersion::from_ms(1, update)
    }

    #[test]
    fn versions_up_to_the_last_are_void() {
        let until = Clock::system().now() + Duration::from_secs(1);
        let mut graves = Graves::default();
        assert!(graves.dig(peer(1), version(5), Cause::Dead(None), until));
        assert!(!graves.dig(peer(1), version(5), Cause::Dead(None), until));
        assert!(graves.holds(peer(1).as_bytes(), version(5)));
        assert!(!graves.holds(peer(1).as_bytes(), version(6)));
        assert!(!graves.holds(peer(2).as_bytes(), version(5)));
        assert!(
            graves
                .by_element(element(peer(1).as_bytes(), version(5)))
                .is_some()
        );
        assert!(
            graves
                .by_element(element(peer(1).as_bytes(), version(4)))
                .is_none()
        );
        graves.remove(&peer(1));
        assert!(!graves.holds(peer(1).as_bytes(), version(5)));
        assert!(
            graves
                .by_element(element(peer(1).as_bytes(), version(5)))
                .is_none()
        );
    }

    #[test]
    fn bounded_in_time_and_number() {
        let now = Clock::system().now();
        let second = Duration::from_secs(1);
        let mut graves = Graves::default();
        graves.dig(peer(1), version(1), Cause::Dead(None), now + second);
        graves.dig(peer(1), version(2), Cause::Dead(None), now + 2 * second);
        graves.expire(now + second);
        assert!(
            graves.holds(peer(1).as_bytes(), version(2)),
            "the newer grave stays its own time"
        );
        graves.expire(now + 2 * second);
        assert_eq!(graves.len(), 0);

        let id = peer(2);
        for update in 0..3 * GRAVES_MAX as i64 {
            graves.dig(id, version(update), Cause::Dead(None), now + second);
        }
        assert!(graves.order.len() <= GRAVES_MAX && graves.by_element.len() == 1);
    }
}
