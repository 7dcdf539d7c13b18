//! Who may found now, and with whom. Pure questions about the state; nothing here changes it.

use std::collections::BTreeSet;

use super::state::Founding;
use super::{AUTO_FOUNDERS_MAX, Facts};
use crate::groups::identity::{Founders, ReplicaId, Rule};
use crate::groups::lineage::{History, Standing, precedence};

/// What a blank replica that founds may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nomination {
    /// Propose to found with these, which may be this replica alone.
    Propose(Founders),
    /// Wait until discovery has settled, and so many known candidates are bonded.
    Unsettled {
        /// Candidates in the catalog that are not bonded.
        unbonded_count: usize,
    },
    /// Wait for a history that this one is about to become part of.
    Busy(ReplicaId),
    /// Wait for a candidate that ranks lower.
    Better(ReplicaId),
    /// Wait for more candidates.
    TooFew {
        /// Candidates, with this replica.
        present: usize,
        /// How many there must be.
        wanted: usize,
    },
}

impl Founding {
    /// Whether this replica founds at all.
    pub(super) fn founds(&self) -> bool {
        self.settings.founds && self.settings.rule.allows(&self.me.key())
    }

    /// The history to join: of those that bonded peers report and that this replica can live with, the one that stays.
    pub(super) fn reported(&self) -> Option<(&History, ReplicaId)> {
        self.peers
            .values()
            .filter_map(|facts| match &facts.standing {
                Standing::Member(history) => Some((history, facts.replica)),
                _ => None,
            })
            .filter(|(history, _)| self.settings.rule.accepts(&history.origin.rule))
            .filter(|(history, _)| !self.is_sealed(history))
            .max_by(|a, b| precedence(a.0, b.0).then_with(|| b.1.cmp(&a.1)))
    }

    /// Whether a history has ended by its own seal: whoever still reports it has not heard.
    pub(super) fn is_sealed(&self, history: &History) -> bool {
        let lineage = Some(history.origin.lineage);
        self.sealed == lineage || self.peers.values().any(|facts| facts.sealed == lineage)
    }

    /// Decides what a blank replica that founds may do now.
    pub(super) fn nominate(&self) -> Nomination {
        if self.settings.at_once {
            return Nomination::Propose(Founders::alone(self.me));
        }
        if let Some(unbonded_count) = self.unsettled() {
            return Nomination::Unsettled { unbonded_count };
        }
        if self.settings.rule == Rule::Auto
            && let Some(busy) = self.peers.values().find(|facts| is_busy(facts))
        {
            return Nomination::Busy(busy.replica);
        }
        let better = self.best_candidate();
        if let Some(better) = better.filter(|better| self.ranks_before(better, &self.me)) {
            return Nomination::Better(better);
        }
        self.founders()
    }

    /// The lowest candidate that is expected to propose.
    pub(super) fn best_candidate(&self) -> Option<ReplicaId> {
        self.candidates()
            .filter(|candidate| !self.skipped.contains(candidate))
            .min_by_key(|candidate| candidate.rank(&self.settings.group))
    }

    /// Whether `a` comes before `b` in the queue of those who found.
    pub(super) fn ranks_before(&self, a: &ReplicaId, b: &ReplicaId) -> bool {
        a.rank(&self.settings.group) < b.rank(&self.settings.group)
    }

    /// Bonded replicas that could found with this one.
    fn candidates(&self) -> impl Iterator<Item = ReplicaId> {
        let rule = &self.settings.rule;
        self.peers
            .values()
            .filter(|facts| facts.founds && facts.standing == Standing::Blank)
            .filter(|facts| facts.rule == *rule && rule.allows(&facts.replica.key()))
            .map(|facts| facts.replica)
    }

    fn unsettled(&self) -> Option<usize> {
        if self.delay_is_over {
            return None;
        }
        let is_bonded = |key: &_| self.peers.contains_key(key);
        let unbonded_count = self.known.iter().filter(|key| !is_bonded(key)).count();
        (!self.discovery_is_settled || unbonded_count > 0).then_some(unbonded_count)
    }

    fn founders(&self) -> Nomination {
        let mut others: Vec<ReplicaId> = self.candidates().collect();
        // Those that do not answer come last: under a strict rule they are still needed.
        others.sort_by_cached_key(|other| {
            let is_skipped = self.skipped.contains(other);
            (is_skipped, other.rank(&self.settings.group))
        });
        match self.settings.rule.founder_count() {
            Some(wanted) if others.len() + 1 < wanted => {
                let present = others.len() + 1;
                return Nomination::TooFew { present, wanted };
            }
            Some(wanted) => others.truncate(wanted - 1),
            None => {
                others.retain(|other| !self.skipped.contains(other));
                others.truncate(AUTO_FOUNDERS_MAX - 1);
                // Two both vote; beyond that, one more to an even number makes no majority safer.
                if others.len() > 1 && others.len() % 2 == 1 {
                    others.pop();
                }
            }
        }
        let founders: BTreeSet<_> = others.into_iter().chain([self.me]).collect();
        let founders = Founders::try_from(founders)
            .expect("invariant: peers are kept by key, never ours, and rules bound their number");
        Nomination::Propose(founders)
    }
}

fn is_busy(facts: &Facts) -> bool {
    matches!(facts.standing, Standing::Pledged(_) | Standing::Joining(_))
}
