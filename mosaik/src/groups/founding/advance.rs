//! What follows from what is known, without another event.

use std::collections::BTreeSet;

use super::nominate::Nomination;
use super::state::{Founding, Phase, Timer, Turn};
use super::{ATTEMPT_TIMEOUT, Action, Message, ORPHAN_AFTER};
use crate::groups::identity::{Lineage, LineageId, Origin, ReplicaId};
use crate::groups::lineage::{Divergence, History, Meeting, Standing, meet, precedence};

impl Founding {
    /// Does what can be done without another event. Whether there may be more of it.
    pub(super) fn advance(&mut self, turn: &mut Turn) -> bool {
        match &self.phase {
            Phase::Blank => self.advance_blank(turn),
            Phase::Joining { .. } => self.advance_joining(turn),
            Phase::Member { .. } => self.advance_member(turn),
            Phase::Proposing { .. } | Phase::Pledged { .. } | Phase::Diverged(_) => false,
        }
    }

    fn advance_blank(&mut self, turn: &mut Turn) -> bool {
        if let Some((history, via)) = self.reported() {
            let origin = history.origin.clone();
            self.join(origin, via, turn);
            return true;
        }
        if !self.founds() || self.timers.contains_key(&Timer::Retry) {
            return false;
        }
        let nomination = self.nominate();
        let is_waiting = matches!(nomination, Nomination::Better(_));
        if !is_waiting {
            self.timers.remove(&Timer::Patience);
        } else if !self.timers.contains_key(&Timer::Patience) {
            self.arm(Timer::Patience, self.settings.bootstrap_delay, turn);
        }
        let Nomination::Propose(founders) = nomination else {
            return false;
        };
        self.minted += 1;
        let origin = Origin {
            lineage: Lineage::first(LineageId::mint(turn.utc_ms, &self.me, self.minted)),
            rule: self.settings.rule.clone(),
        };
        if founders.as_set().len() == 1 {
            self.take_part(origin, founders, turn);
            return true;
        }
        for other in founders.others(self.me) {
            let (origin, founders) = (origin.clone(), founders.clone());
            turn.send(other, Message::Pledge { origin, founders });
        }
        self.enter(Phase::Proposing {
            origin,
            founders,
            granted: BTreeSet::new(),
        });
        self.arm(Timer::Attempt, ATTEMPT_TIMEOUT, turn);
        false
    }

    fn join(&mut self, origin: Origin, via: ReplicaId, turn: &mut Turn) {
        self.enter(Phase::Joining {
            origin: origin.clone(),
            via,
        });
        turn.actions.push(Action::Join { origin, via });
    }

    fn advance_joining(&mut self, turn: &mut Turn) -> bool {
        let Phase::Joining { origin, via } = &self.phase else {
            return false;
        };
        match self.reported() {
            // Another history stays, and nothing has been taken from this one yet.
            Some((best, _)) if best.origin.lineage != origin.lineage => {
                self.renew(turn);
                true
            }
            Some((_, other)) if !self.is_member_of(via, &origin.lineage) => {
                let origin = origin.clone();
                self.join(origin, other, turn);
                false
            }
            Some(_) => {
                self.timers.remove(&Timer::Orphan);
                false
            }
            // The member is there, but is none any more.
            None if self.peers.contains_key(&via.key()) => {
                self.renew(turn);
                true
            }
            None => {
                if !self.timers.contains_key(&Timer::Orphan) {
                    self.arm(Timer::Orphan, ORPHAN_AFTER, turn);
                }
                false
            }
        }
    }

    fn is_member_of(&self, replica: &ReplicaId, lineage: &Lineage) -> bool {
        self.peers.get(&replica.key()).is_some_and(|facts| {
            facts.replica == *replica
                && matches!(&facts.standing, Standing::Member(history) if history.origin.lineage == *lineage)
        })
    }

    fn advance_member(&mut self, turn: &mut Turn) -> bool {
        let Phase::Member {
            history, voters, ..
        } = &self.phase
        else {
            return false;
        };
        let lineage = Some(history.origin.lineage);
        if self.peers.values().any(|facts| facts.sealed == lineage) {
            self.leave_sealed(turn);
            return true;
        }
        // It was founded, and the others had let go of it: nothing was ever committed, and nothing ever can be.
        if self.never_had_a_majority(history, voters) {
            self.renew(turn);
            return true;
        }
        let others = self
            .peers
            .values()
            .filter_map(|facts| match &facts.standing {
                Standing::Member(theirs) => Some((theirs, facts.replica)),
                _ => None,
            });
        let Some((winner, met)) = others
            .filter(|(theirs, _)| theirs.origin.lineage != history.origin.lineage)
            .filter(|(theirs, _)| !self.is_sealed(theirs))
            .max_by(|a, b| precedence(a.0, b.0).then_with(|| b.1.cmp(&a.1)))
        else {
            return false;
        };
        match meet(history, winner) {
            Meeting::Same | Meeting::Stay => {}
            Meeting::Yield => {
                if turn.has_news {
                    let to = winner.origin.lineage;
                    turn.actions.push(Action::Yield { to });
                }
            }
            Meeting::Fence => {
                let divergence = Divergence {
                    mine: history.clone(),
                    winner: winner.clone(),
                    met,
                };
                self.enter(Phase::Diverged(Box::new(divergence.clone())));
                turn.actions.push(Action::Fence(divergence));
            }
        }
        false
    }

    /// Whether so many voters have never taken part, and never will, that the rest is no majority.
    ///
    /// Voters that have lost their storage do not count: what they have acknowledged may be in the log of this one,
    /// and not known to be committed.
    fn never_had_a_majority(&self, history: &History, voters: &BTreeSet<ReplicaId>) -> bool {
        let lineage = Some(history.origin.lineage);
        let never_took_part = |voter: &&ReplicaId| {
            let facts = self.peers.get(&voter.key());
            facts.is_some_and(|facts| facts.replica != **voter && facts.released == lineage)
        };
        let absent_count = voters.iter().filter(never_took_part).count();
        absent_count > 0 && voters.len() - absent_count <= voters.len() / 2
    }
}
