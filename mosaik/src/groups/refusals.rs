//! What a member refuses to take from others, counted by kind.

use core::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;

/// Why something that a peer said was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(in crate::groups) enum Refused {
    /// It is no message, or one that makes no sense.
    Malformed,
    /// It is of another history, for another replica, or from one that was removed.
    Fenced,
    /// Only a voter may say that.
    NoVoter,
    /// Its term is further ahead than elections can take anybody.
    Leap,
    /// It is beyond a limit, or contradicts what is agreed on.
    Limit,
    /// Its commands are in a session of somebody else.
    Session,
}

const KINDS: [(Refused, &str); 6] = [
    (Refused::Malformed, "malformed"),
    (Refused::Fenced, "fenced"),
    (Refused::NoVoter, "no-voter"),
    (Refused::Leap, "leap"),
    (Refused::Limit, "limit"),
    (Refused::Session, "session"),
];

/// How often something was refused.
#[derive(Debug, Default)]
pub(in crate::groups) struct Refusals([AtomicU64; KINDS.len()]);

impl Refusals {
    pub(in crate::groups) fn count(&self, why: Refused) {
        let (_, name) = KINDS[why as usize];
        // Relaxed: a figure for people, it orders nothing.
        self.0[why as usize].fetch_add(1, Ordering::Relaxed);
        counter!("mosaik.groups.refusals", "kind" => name).increment(1);
    }

    /// How often for this reason.
    #[cfg(any(test, feature = "test-util"))]
    pub(in crate::groups) fn of(&self, why: Refused) -> u64 {
        self.0[why as usize].load(Ordering::Relaxed)
    }

    /// Each reason by name, and how often.
    #[cfg(any(test, feature = "test-util"))]
    pub(in crate::groups) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        KINDS.iter().map(|(why, name)| (*name, self.of(*why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_for_itself() {
        let refusals = Refusals::default();
        for (index, (why, _)) in KINDS.iter().enumerate() {
            assert_eq!(*why as usize, index);
            (0..=index).for_each(|_| refusals.count(*why));
        }
        let counts: Vec<u64> = refusals.all().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6]);
    }
}
