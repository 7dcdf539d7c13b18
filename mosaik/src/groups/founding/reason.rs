//! One sentence on what a replica waits for.

use core::fmt;

use super::nominate::Nomination;
use super::state::{Founding, Phase};
use crate::groups::identity::{Lineage, ReplicaId, Rule};
use crate::groups::lineage::{Divergence, Standing};

/// What a replica waits for, or that it is a member. Its `Display` is for the status of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Member {
        lineage: Lineage,
    },
    NeverFounds,
    Unsettled {
        unbonded_count: usize,
    },
    Busy {
        peer: ReplicaId,
    },
    Better {
        candidate: ReplicaId,
    },
    TooFew {
        present: usize,
        wanted: usize,
    },
    Retrying,
    Proposing {
        granted: usize,
        asked: usize,
    },
    Pledged {
        proposer: ReplicaId,
    },
    Joining {
        lineage: Lineage,
        via: ReplicaId,
    },
    RuleConflict {
        peer: ReplicaId,
        mine: Rule,
        theirs: Rule,
    },
    Diverged(Box<Divergence>),
}

impl Founding {
    /// What this replica waits for.
    pub(crate) fn reason(&self) -> Reason {
        match &self.phase {
            Phase::Member { history, .. } => Reason::Member {
                lineage: history.origin.lineage,
            },
            Phase::Diverged(divergence) => Reason::Diverged(divergence.clone()),
            Phase::Joining { origin, via } => Reason::Joining {
                lineage: origin.lineage,
                via: *via,
            },
            Phase::Pledged { proposer, .. } => Reason::Pledged {
                proposer: *proposer,
            },
            Phase::Proposing {
                founders, granted, ..
            } => Reason::Proposing {
                granted: granted.len(),
                asked: founders.as_set().len() - 1,
            },
            Phase::Blank => self.rule_conflict().unwrap_or_else(|| self.waits_for()),
        }
    }

    fn waits_for(&self) -> Reason {
        if !self.founds() {
            return Reason::NeverFounds;
        }
        match self.nominate() {
            Nomination::Propose(_) => Reason::Retrying,
            Nomination::Unsettled { unbonded_count } => Reason::Unsettled { unbonded_count },
            Nomination::Busy(peer) => Reason::Busy { peer },
            Nomination::Better(candidate) => Reason::Better { candidate },
            Nomination::TooFew { present, wanted } => Reason::TooFew { present, wanted },
        }
    }

    /// A peer that founds by another rule, or is part of a history that this replica cannot live with.
    fn rule_conflict(&self) -> Option<Reason> {
        let mine = &self.settings.rule;
        self.peers.values().find_map(|facts| {
            let theirs = match &facts.standing {
                Standing::Member(history) if !mine.accepts(&history.origin.rule) => {
                    &history.origin.rule
                }
                Standing::Blank if facts.founds && self.founds() && facts.rule != *mine => {
                    &facts.rule
                }
                _ => return None,
            };
            Some(Reason::RuleConflict {
                peer: facts.replica,
                mine: mine.clone(),
                theirs: theirs.clone(),
            })
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member { lineage } => write!(f, "member of history {lineage}"),
            Self::NeverFounds => {
                f.write_str("no peer reports a history, and this one never founds")
            }
            Self::Unsettled { unbonded_count: 0 } => f.write_str("discovery has not settled yet"),
            Self::Unsettled { unbonded_count } => {
                write!(f, "{unbonded_count} known members are not bonded yet")
            }
            Self::Busy { peer } => write!(f, "{peer} is about to become part of a history"),
            Self::Better { candidate } => write!(f, "{candidate} founds first"),
            Self::TooFew { present, wanted } => {
                write!(f, "{present} of {wanted} founders are here")
            }
            Self::Retrying => f.write_str("about to propose a history"),
            Self::Proposing { granted, asked } => {
                write!(
                    f,
                    "{granted} of {asked} peers have pledged to found with this one"
                )
            }
            Self::Pledged { proposer } => write!(f, "pledged to {proposer}, which founds"),
            Self::Joining { lineage, via } => write!(f, "joining history {lineage} through {via}"),
            Self::RuleConflict { peer, mine, theirs } => write!(
                f,
                "this one founds by the rule \"{mine}\", but {peer} by \"{theirs}\": set the same formation"
            ),
            Self::Diverged(divergence) => divergence.fmt(f),
        }
    }
}
