//! Is a silent peer dead? Nobody decides that alone, if anybody else can be asked.
//!
//! After SWIM (Das, Gupta, Motivala 2002): a peer that one monitor does not hear is suspected; others
//! are asked to reach it; only when they cannot either it is declared dead, and then it still has a
//! moment to refute that. Does not know how anybody is asked.

use std::collections::BTreeSet;

use crate::primitives::PeerId;
use crate::runtime::time::{Duration, Instant};

/// How many others are asked, each time.
pub(crate) const HELPERS: usize = 3;

/// How long helpers and our own dial have before the first verdict.
const VERDICT_AFTER: Duration = Duration::from_millis(4500);

/// When none of them answered, others are asked, and have this long.
const SECOND_ROUND: Duration = Duration::from_millis(3500);

/// A peer that was declared dead has this long to refute it.
pub(crate) const REFUTE_WITHIN: Duration = Duration::from_secs(2);

/// How long a helper tries to reach a peer before it says that it cannot. Shorter than
/// [`VERDICT_AFTER`] by more than a round trip.
pub(crate) const HELP_WITHIN: Duration = Duration::from_secs(3);

/// What to do about a suspected peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is too early to say.
    Wait,
    /// Nobody answered: ask others.
    AskOthers,
    /// Nobody reaches it.
    Dead,
}

/// What is known about a silent peer.
#[derive(Debug)]
pub(crate) struct Suspicion {
    since: Instant,
    rounds: u8,
    asked: BTreeSet<PeerId>,
    unreachable_for: BTreeSet<PeerId>,
}

impl Suspicion {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            rounds: 1,
            asked: BTreeSet::new(),
            unreachable_for: BTreeSet::new(),
        }
    }

    /// Notes who is asked.
    pub(crate) fn ask(&mut self, helpers: impl IntoIterator<Item = PeerId>) {
        self.asked.extend(helpers);
    }

    /// Whether this peer was asked.
    pub(crate) fn was_asked(&self, helper: &PeerId) -> bool {
        self.asked.contains(helper)
    }

    /// A helper cannot reach the peer. Only those who were asked have a say.
    pub(crate) fn unreachable_for(&mut self, helper: PeerId) {
        if self.asked.contains(&helper) {
            self.unreachable_for.insert(helper);
        }
    }

    pub(crate) fn verdict(&mut self, now: Instant) -> Verdict {
        let first_at = self.since + VERDICT_AFTER;
        if now < first_at {
            return Verdict::Wait;
        }
        // Nobody to ask: our own failure to reach it has to do.
        if self.asked.is_empty() || !self.unreachable_for.is_empty() {
            return Verdict::Dead;
        }
        if self.rounds == 1 {
            self.rounds = 2;
            return Verdict::AskOthers;
        }
        if now < first_at + SECOND_ROUND {
            Verdict::Wait
        } else {
            Verdict::Dead
        }
    }
}

/// A peer that we try to reach because somebody suspects it.
#[derive(Debug)]
pub(crate) struct Assist {
    pub(crate) nonce: u32,
    pub(crate) until: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;
    use crate::runtime::Clock;

    fn peer(n: u8) -> PeerId {
        SecretKey::from_bytes(&[n; 32]).public()
    }

    #[test]
    fn verdicts() {
        let start = Clock::system().now();
        let (first, second) = (start + VERDICT_AFTER, start + VERDICT_AFTER + SECOND_ROUND);

        // Nobody to ask.
        let mut alone = Suspicion::new(start);
        assert_eq!(alone.verdict(start), Verdict::Wait);
        assert_eq!(alone.verdict(first), Verdict::Dead);

        // A helper cannot reach it either.
        let mut confirmed = Suspicion::new(start);
        confirmed.ask([peer(1), peer(2)]);
        confirmed.unreachable_for(peer(1));
        assert_eq!(confirmed.verdict(start), Verdict::Wait);
        assert_eq!(confirmed.verdict(first), Verdict::Dead);

        // Somebody who was not asked has no say; nobody else answers.
        let mut silent = Suspicion::new(start);
        silent.ask([peer(1)]);
        silent.unreachable_for(peer(9));
        assert_eq!(silent.verdict(first), Verdict::AskOthers);
        silent.ask([peer(2)]);
        assert_eq!(silent.verdict(first), Verdict::Wait);
        assert_eq!(silent.verdict(second), Verdict::Dead);
    }

    #[test]
    fn dead_within_fifteen_seconds() {
        // Silence, the second round, the time to refute, and the beats between.
        let pings = Duration::from_secs(4);
        let beats = Duration::from_secs(1);
        let total = pings + VERDICT_AFTER + SECOND_ROUND + REFUTE_WITHIN + beats;
        assert!(total <= Duration::from_secs(15), "{total:?}");
        assert!(HELP_WITHIN + Duration::from_secs(1) <= VERDICT_AFTER);
    }
}
