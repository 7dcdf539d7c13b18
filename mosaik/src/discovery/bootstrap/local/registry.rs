//! The networks of this process that want to be found by others of the same id.
//!
//! Only ids: the transport resolves any id of its own process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::primitives::{NetworkId, PeerId};

/// One network's place in the process. Dropping it removes the network.
#[derive(Debug)]
pub(super) struct Registration {
    network: NetworkId,
    peer: PeerId,
}

impl Registration {
    pub(super) fn enter(network: NetworkId, peer: PeerId) -> Self {
        *lock().entry((network, peer)).or_default() += 1;
        Self { network, peer }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut members = lock();
        let key = (self.network, self.peer);
        if let Some(count) = members.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                members.remove(&key);
            }
        }
    }
}

/// The members of `network` in this process except `me`, in order.
pub(super) fn siblings(network: &NetworkId, me: &PeerId) -> Vec<PeerId> {
    let members = lock();
    let of_network = members
        .keys()
        .filter(|(other, peer)| other == network && peer != me);
    of_network.map(|(_, peer)| *peer).collect()
}

/// How often each member was entered: a key is entered twice for a moment when a node restarts.
type Members = BTreeMap<(NetworkId, PeerId), usize>;

static MEMBERS: Mutex<Members> = Mutex::new(BTreeMap::new());

fn lock() -> MutexGuard<'static, Members> {
    // Every change is one step, so a panic leaves the table whole.
    MEMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    #[test]
    fn siblings_share_a_network_id() {
        let (ours, theirs) = (
            NetworkId::from("registry.ours"),
            NetworkId::from("registry.theirs"),
        );
        let [one, two, three] = [1, 2, 3].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        let _me = Registration::enter(ours, one);
        let first = Registration::enter(ours, two);
        let second = Registration::enter(ours, two);
        let _foreign = Registration::enter(theirs, three);
        assert_eq!(siblings(&ours, &one), [two]);
        drop(first);
        assert_eq!(siblings(&ours, &one), [two]);
        drop(second);
        assert_eq!(siblings(&ours, &one), []);
    }
}
