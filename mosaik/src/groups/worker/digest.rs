//! The digests of what members have applied, compared.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::batch::{parse_lineage, put_lineage};
use crate::{groups::identity::Lineage, primitives::Digest};

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

/// The digests after the last log entries.
#[derive(Debug, Default)]
pub(super) struct Digests {
    /// Oldest first.
    recent: VecDeque<(u64, Digest)>,
}

impl Digests {
    pub(super) fn push(&mut self, log_index: u64, digest: Digest) {
        if self
            .recent
            .back()
            .is_some_and(|(last, _)| *last >= log_index)
        {
            self.recent.clear();
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((log_index, digest));
    }

    pub(super) fn last(&self) -> Option<(u64, Digest)> {
        self.recent.back().copied()
    }

    pub(super) fn clear(&mut self) {
        self.recent.clear();
    }

    /// Whether this member's state after the entry is known, and another one.
    pub(super) fn differs(&self, log_index: u64, digest: Digest) -> bool {
        let index = self.recent.binary_search_by_key(&log_index, |(at, _)| *at);
        index.is_ok_and(|index| self.recent[index].1 != digest)
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

    #[test]
    fn only_known_entries_are_compared() {
        let mut digests = Digests::default();
        for index in 1..=5000 {
            digests.push(index, Digest::from_u64(index));
        }
        assert_eq!(digests.last(), Some((5000, Digest::from_u64(5000))));
        assert!(!digests.differs(5000, Digest::from_u64(5000)));
        assert!(digests.differs(4999, Digest::from_u64(1)));
        assert!(!digests.differs(1, Digest::from_u64(0)), "forgotten");
        assert!(!digests.differs(9999, Digest::from_u64(0)), "not there yet");
        digests.push(3, Digest::from_u64(9));
        assert!(
            !digests.differs(4999, Digest::from_u64(1)),
            "another history"
        );
    }
}
