//! A digest of a whole state, for comparing replicas.

use super::structure::Structure;
use crate::primitives::{self, Digest};

/// The digest of a state: equal states have equal digests, in whatever order their items are kept.
///
/// Digests of items are added up, so that no item has to wait for another's. That is no protection against somebody
/// who looks for collisions on purpose, and need not be: replicas that err do not conspire.
pub(super) fn of<S: Structure>(state: &S) -> Digest {
    let mut sum = [0u64; 4];
    for (position, item) in state.items().enumerate() {
        let place = if S::ORDERED { position as u64 } else { 0 };
        // An item without an encoding cannot be compared; it came from bytes, so there is none.
        let Ok(bytes) = primitives::encode(&(place, &item)) else {
            continue;
        };
        let digest = Digest::hash(&bytes);
        for (lane, part) in sum.iter_mut().zip(digest.as_bytes().chunks_exact(8)) {
            let part = part.try_into().map_or(0, u64::from_le_bytes);
            *lane = lane.wrapping_add(part);
        }
    }
    let sum = sum.map(u64::to_le_bytes).concat();
    Digest::from_parts(&[
        S::KIND.as_bytes(),
        &(state.count() as u64).to_le_bytes(),
        &state.counter().to_le_bytes(),
        &sum,
    ])
}
