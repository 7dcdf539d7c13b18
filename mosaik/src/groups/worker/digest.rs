//! The digests of what members have applied, compared.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::batch::{parse_lineage, put_lineage};
use crate::{
    groups::{Index, identity::Lineage},
    primitives::Digest,
};

/// What a member says with each sign of life: how far it is, and what its state is by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    pub(super) lineage: Lineage,
    /// The last log entry that is applied.
    pub(super) applied: u64,
    /// The last one that changed the state; 0 for none.
    pub(super) log_index: u64,
    /// The state after it.
    pub(super) digest: Digest,
}

impl Pulse {
    /// Numbers in big-endian order, without a version: it is the bond's.
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(PULSE_BYTES);
        put_lineage(&mut bytes, self.lineage);
        bytes.put_u64(self.applied);
        bytes.put_u64(self.log_index);
        bytes.put_slice(self.digest.as_bytes());
        bytes.freeze()
    }

    /// `None` for anything else, and for what a member says that has nothing to say.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (lineage, mut rest) = bytes.split_at_checked(20)?;
        if bytes.len() != PULSE_BYTES {
            return None;
        }
        Some(Self {
            lineage: parse_lineage(lineage).ok()?,
            applied: rest.get_u64(),
            log_index: rest.get_u64(),
            digest: Digest::from_bytes(rest.try_into().ok()?),
        })
    }
}

/// Lineage, two indices and a digest.
const PULSE_BYTES: usize = 20 + 8 + 8 + 32;

/// The state after one log entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::groups) struct StateAt {
    pub(in crate::groups) log_index: u64,
    /// The last command by then.
    pub(in crate::groups) index: Index,
    pub(in crate::groups) digest: Digest,
}

/// The digests after the last log entries.
#[derive(Debug, Default)]
pub(super) struct Digests {
    /// Oldest first.
    recent: VecDeque<StateAt>,
}

impl Digests {
    pub(super) fn push(&mut self, state: StateAt) {
        let last = self.recent.back();
        if last.is_some_and(|last| last.log_index >= state.log_index) {
            self.recent.clear();
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(state);
    }

    pub(super) fn last(&self) -> Option<StateAt> {
        self.recent.back().copied()
    }

    pub(super) fn clear(&mut self) {
        self.recent.clear();
    }

    /// This member's state after the entry, if it is known, and another one.
    pub(super) fn other_than(&self, log_index: u64, digest: Digest) -> Option<StateAt> {
        let found = self
            .recent
            .binary_search_by_key(&log_index, |state| state.log_index);
        let state = *self.recent.get(found.ok()?)?;
        (state.digest != digest).then_some(state)
    }
}

/// Entries whose digests are kept: what a member may be behind or ahead of another when they compare.
const RECENT_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_survives() {
        let pulse = Pulse {
            lineage: Lineage {
                id: crate::groups::identity::LineageId::from([1; 16]),
                epoch: 2,
            },
            applied: 5,
            log_index: 3,
            digest: Digest::from_u8(4),
        };
        let bytes = pulse.encode();
        assert_eq!((bytes.len(), bytes[0], bytes[19]), (68, 1, 2));
        assert_eq!((bytes[27], bytes[35]), (5, 3));
        assert_eq!(Pulse::decode(&bytes), Some(pulse));
        assert_eq!(Pulse::decode(&bytes[1..]), None);
        assert_eq!(Pulse::decode(&[]), None);
    }

    fn state(log_index: u64, digest: Digest) -> StateAt {
        StateAt {
            log_index,
            index: Index(log_index + 1),
            digest,
        }
    }

    #[test]
    fn only_known_entries_are_compared() {
        let mut digests = Digests::default();
        for index in 1..=5000 {
            digests.push(state(index, Digest::from_u64(index)));
        }
        let differs =
            |digests: &Digests, index, digest| digests.other_than(index, digest).is_some();
        assert_eq!(digests.last(), Some(state(5000, Digest::from_u64(5000))));
        assert!(!differs(&digests, 5000, Digest::from_u64(5000)));
        assert_eq!(
            digests.other_than(4999, Digest::from_u64(1)),
            Some(state(4999, Digest::from_u64(4999)))
        );
        assert!(!differs(&digests, 1, Digest::from_u64(0)), "forgotten");
        assert!(
            !differs(&digests, 9999, Digest::from_u64(0)),
            "not there yet"
        );
        digests.push(state(3, Digest::from_u64(9)));
        assert!(
            !differs(&digests, 4999, Digest::from_u64(1)),
            "another history"
        );
    }
}
