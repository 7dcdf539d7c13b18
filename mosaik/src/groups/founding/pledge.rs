//! What replicas say to each other: pledges asked for, given, kept, released.

use std::collections::BTreeSet;

use super::state::{Founding, Phase, Timer, Turn};
use super::{Action, Message, QUERY_AFTER, RELEASE_AFTER, RETRY_AFTER, Refusal};
use crate::groups::identity::{Founders, Lineage, Origin, ReplicaId};
use crate::groups::lineage::{History, Standing};

impl Founding {
    pub(super) fn take_in_message(&mut self, from: ReplicaId, message: Message, turn: &mut Turn) {
        match message {
            Message::Pledge { origin, founders } => self.asked(from, origin, founders, turn),
            Message::Grant { lineage } => self.granted(from, lineage, turn),
            Message::Refuse { lineage, refusal } => {
                let is_open = matches!(&self.phase, Phase::Proposing { origin, .. } if origin.lineage == lineage);
                if !is_open {
                    return;
                }
                self.abandon(turn);
                if let Refusal::Taken(facts) = refusal
                    && facts.replica == from
                {
                    self.take_in_facts(facts, turn);
                }
            }
            Message::Commit { origin, founders } => {
                if self.is_pledged_to(&origin, &founders) {
                    self.take_part(origin, founders, turn);
                }
            }
            Message::Withdraw { lineage } => {
                if matches!(&self.phase, Phase::Pledged { origin, proposer, .. }
                    if origin.lineage == lineage && *proposer == from)
                {
                    self.enter(Phase::Blank);
                }
            }
            Message::Query { lineage, proposer } => self.queried(from, lineage, proposer, turn),
        }
    }

    /// `from` asks for a pledge.
    fn asked(&mut self, from: ReplicaId, origin: Origin, founders: Founders, turn: &mut Turn) {
        let lineage = origin.lineage;
        // One that has asked itself gives way to a better one: nobody but it can found what it has proposed.
        if matches!(self.phase, Phase::Proposing { .. })
            && self.ranks_before(&from, &self.me)
            && self.refusal(&from, &origin, &founders).is_none()
        {
            self.abandon(turn);
        }
        let is_repeated = matches!(&self.phase, Phase::Pledged { origin: pledged, founders: with, proposer }
            if *pledged == origin && *with == founders && *proposer == from);
        if is_repeated {
            turn.send(from, Message::Grant { lineage });
            return;
        }
        let refusal = if self.is_free() {
            self.refusal(&from, &origin, &founders)
        } else {
            Some(Refusal::Taken(self.facts()))
        };
        if let Some(refusal) = refusal {
            turn.send(from, Message::Refuse { lineage, refusal });
            return;
        }
        self.enter(Phase::Pledged {
            origin,
            founders,
            proposer: from,
        });
        self.arm(Timer::Query, QUERY_AFTER, turn);
        self.arm(Timer::Release, RELEASE_AFTER, turn);
        turn.send(from, Message::Grant { lineage });
    }

    /// Whether this replica may pledge itself.
    fn is_free(&self) -> bool {
        #[cfg(test)]
        if self.flaw == Some(super::model::Flaw::PledgesTwice) {
            return true;
        }
        matches!(self.phase, Phase::Blank) && self.founds()
    }

    /// How many grants found a lineage.
    fn grants_wanted(&self, founders: &Founders) -> usize {
        #[cfg(test)]
        if self.flaw == Some(super::model::Flaw::FoundsWithMajority) {
            return founders.as_set().len() / 2;
        }
        founders.as_set().len() - 1
    }

    /// Whether `origin` with `founders` is what this replica has pledged itself to.
    fn is_pledged_to(&self, origin: &Origin, founders: &Founders) -> bool {
        #[cfg(test)]
        if self.flaw == Some(super::model::Flaw::PledgesTwice) {
            return true;
        }
        matches!(&self.phase, Phase::Pledged { origin: pledged, founders: with, .. }
            if pledged == origin && with == founders)
    }

    /// Why a replica that is free would not pledge itself.
    fn refusal(&self, from: &ReplicaId, origin: &Origin, founders: &Founders) -> Option<Refusal> {
        if origin.rule != self.settings.rule {
            return Some(Refusal::Taken(self.facts()));
        }
        let is_valid = founders.contains(&self.me)
            && founders.contains(from)
            && founders.satisfy(&origin.rule)
            && origin.lineage.epoch == 0;
        if !is_valid {
            return Some(Refusal::Invalid);
        }
        self.best_candidate()
            .filter(|better| self.ranks_before(better, from))
            .map(Refusal::Better)
    }

    /// `from` has pledged itself.
    fn granted(&mut self, from: ReplicaId, lineage: Lineage, turn: &mut Turn) {
        match &mut self.phase {
            Phase::Proposing {
                origin,
                founders,
                granted,
            } if origin.lineage == lineage => {
                if founders.contains(&from) {
                    granted.insert(from);
                }
                let (origin, founders) = (origin.clone(), founders.clone());
                let granted_count = granted.len();
                if granted_count < self.grants_wanted(&founders) {
                    return;
                }
                for other in founders.others(self.me) {
                    let (origin, founders) = (origin.clone(), founders.clone());
                    turn.send(other, Message::Commit { origin, founders });
                }
                self.take_part(origin, founders, turn);
            }
            Phase::Member {
                history,
                founders: Some(founders),
                ..
            } if history.origin.lineage == lineage => {
                let message = Message::Commit {
                    origin: history.origin.clone(),
                    founders: founders.clone(),
                };
                turn.send(from, message);
            }
            // Only a proposer is granted anything: this was one of ours, and came to nothing.
            _ => turn.send(from, Message::Withdraw { lineage }),
        }
    }

    /// `from` has pledged itself to a lineage and has heard nothing since.
    fn queried(&self, from: ReplicaId, lineage: Lineage, proposer: ReplicaId, turn: &mut Turn) {
        match &self.phase {
            Phase::Member {
                history, founders, ..
            } if history.origin.lineage == lineage => {
                let Some(founders) = founders else { return };
                let message = Message::Commit {
                    origin: history.origin.clone(),
                    founders: founders.clone(),
                };
                turn.send(from, message);
            }
            Phase::Proposing { origin, .. } if origin.lineage == lineage => {}
            _ if proposer == self.me => turn.send(from, Message::Withdraw { lineage }),
            _ => {}
        }
    }

    pub(super) fn query(&self, turn: &mut Turn) {
        if let Phase::Pledged {
            origin,
            founders,
            proposer,
        } = &self.phase
        {
            for other in founders.others(self.me) {
                let message = Message::Query {
                    lineage: origin.lineage,
                    proposer: *proposer,
                };
                turn.send(other, message);
            }
        }
    }

    /// A message of the consensus has come: the lineage was founded, or has taken this replica in.
    pub(super) fn touched(&mut self, lineage: Lineage, turn: &mut Turn) {
        match &self.phase {
            Phase::Pledged {
                origin, founders, ..
            } if origin.lineage == lineage => {
                let (origin, founders) = (origin.clone(), founders.clone());
                self.take_part(origin, founders, turn);
            }
            Phase::Joining { origin, .. } if origin.lineage == lineage => {
                let has_commands = self.peers.values().any(|facts| {
                    matches!(&facts.standing, Standing::Member(history)
                        if history.origin.lineage == lineage && history.has_commands)
                });
                let origin = origin.clone();
                self.enter(Phase::Member {
                    history: History {
                        origin,
                        has_commands,
                    },
                    founders: None,
                    voters: BTreeSet::new(),
                });
            }
            _ => {}
        }
    }

    /// From here on this replica takes part in the lineage, and never in another one.
    pub(super) fn take_part(&mut self, origin: Origin, founders: Founders, turn: &mut Turn) {
        self.enter(Phase::Member {
            history: History {
                origin: origin.clone(),
                has_commands: false,
            },
            voters: founders.as_set().clone(),
            founders: Some(founders.clone()),
        });
        turn.actions.push(Action::Found { origin, founders });
    }

    /// Gives up what this replica has proposed: it is not founded, and nobody else can found it.
    pub(super) fn abandon(&mut self, turn: &mut Turn) {
        if let Phase::Proposing {
            origin, founders, ..
        } = &self.phase
        {
            let lineage = origin.lineage;
            for other in founders.others(self.me) {
                turn.send(other, Message::Withdraw { lineage });
            }
            self.enter(Phase::Blank);
            self.arm(Timer::Retry, RETRY_AFTER, turn);
        }
    }
}
