//! The state of the founding and its transitions.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::nominate::Nomination;
use super::{Action, Event, Facts, Message, PEERS_MAX, QUERY_AFTER, Settings};
use crate::groups::identity::{Founders, Lineage, Origin, ReplicaId};
use crate::groups::lineage::{Divergence, History, Standing};
use crate::primitives::Digest;

/// One replica on its way into a history. See the module for how to drive it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Founding {
    pub(super) settings: Settings,
    pub(super) me: ReplicaId,
    pub(super) phase: Phase,
    /// What bonded peers say of themselves.
    pub(super) peers: BTreeMap<Digest, Facts>,
    /// Peers that offer the group, as far as discovery knows.
    pub(super) known: BTreeSet<Digest>,
    pub(super) discovery_is_settled: bool,
    pub(super) delay_is_over: bool,
    /// Candidates that had their chance: nobody waits for them until they are heard again.
    pub(super) skipped: BTreeSet<ReplicaId>,
    /// The lineage that was left last by its seal.
    pub(super) sealed: Option<Lineage>,
    /// The lineage that a pledge was released of last.
    pub(super) released: Option<Lineage>,
    pub(super) timers: BTreeMap<Timer, Duration>,
    /// Lineages minted, so that no two are the same.
    pub(super) minted: u64,
    announced: Option<Facts>,
    /// A mistake that the model check has to find.
    #[cfg(test)]
    pub(super) flaw: Option<super::model::Flaw>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Blank,
    Proposing {
        origin: Origin,
        founders: Founders,
        granted: BTreeSet<ReplicaId>,
    },
    Pledged {
        origin: Origin,
        founders: Founders,
        proposer: ReplicaId,
    },
    Joining {
        origin: Origin,
        via: ReplicaId,
    },
    Member {
        history: History,
        /// With whom it was founded; `None` for one that joined.
        founders: Option<Founders>,
        /// As of the last committed entry; empty until the shell has said so, for one that joined.
        voters: BTreeSet<ReplicaId>,
    },
    Diverged(Box<Divergence>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// The end of the wait for candidates that are known but not bonded, and for discovery.
    Settle,
    /// The end of the wait for a better candidate.
    Patience,
    /// The end of the rest after a proposal that came to nothing.
    Retry,
    /// The end of the wait for pledges.
    Attempt,
    /// Time to ask whether the history was founded.
    Query,
    /// Time to release the pledge.
    Release,
    /// The end of the wait for members of the history that is being joined.
    Orphan,
}

impl Founding {
    /// A replica with empty storage.
    pub(crate) fn new(settings: Settings, me: ReplicaId, now: Duration) -> Self {
        let settle = now.saturating_add(settings.bootstrap_delay);
        Self {
            settings,
            me,
            phase: Phase::Blank,
            peers: BTreeMap::new(),
            known: BTreeSet::new(),
            discovery_is_settled: false,
            delay_is_over: false,
            skipped: BTreeSet::new(),
            sealed: None,
            released: None,
            timers: BTreeMap::from([(Timer::Settle, settle)]),
            minted: 0,
            announced: None,
            #[cfg(test)]
            flaw: None,
        }
    }

    /// A replica whose storage holds a history: it never founds again.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "what resumes a member is durable storage, which is to come"
        )
    )]
    pub(crate) fn resume(
        settings: Settings,
        me: ReplicaId,
        history: History,
        voters: BTreeSet<ReplicaId>,
    ) -> Self {
        let mut founding = Self::new(settings, me, Duration::ZERO);
        founding.timers.clear();
        founding.phase = Phase::Member {
            history,
            founders: None,
            voters,
        };
        founding
    }

    /// Who this replica is now.
    pub(crate) const fn me(&self) -> ReplicaId {
        self.me
    }

    /// Where it stands: for the fence.
    pub(crate) fn standing(&self) -> Standing {
        match &self.phase {
            Phase::Blank => Standing::Blank,
            Phase::Proposing { origin, .. } | Phase::Pledged { origin, .. } => {
                Standing::Pledged(origin.lineage)
            }
            Phase::Joining { origin, .. } => Standing::Joining(origin.lineage),
            Phase::Member { history, .. } => Standing::Member(history.clone()),
            Phase::Diverged(divergence) => Standing::Diverged(divergence.mine.clone()),
        }
    }

    /// Why it has stopped, if another history stays.
    pub(crate) fn divergence(&self) -> Option<&Divergence> {
        match &self.phase {
            Phase::Diverged(divergence) => Some(divergence),
            _ => None,
        }
    }

    /// What to say at the beginning of a bond.
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            replica: self.me,
            rule: self.settings.rule.clone(),
            founds: self.founds(),
            standing: self.standing(),
            sealed: self.sealed,
            released: self.released,
        }
    }

    /// When to call [`Founding::handle`] with [`Event::Tick`] at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.timers.values().min().copied()
    }

    /// Takes in what happened at `now`, and tells what to do about it.
    pub(crate) fn handle(&mut self, now: Duration, utc_ms: u64, event: Event) -> Vec<Action> {
        let mut turn = Turn {
            now,
            utc_ms,
            actions: Vec::new(),
            has_news: false,
        };
        while let Some(timer) = self.due(now) {
            self.fire(timer, &mut turn);
        }
        self.take_in(event, &mut turn);
        self.finish(turn)
    }

    fn finish(&mut self, mut turn: Turn) -> Vec<Action> {
        while self.advance(&mut turn) {}
        let facts = self.facts();
        let said = self.announced.as_ref();
        if said != Some(&facts) {
            let record = Action::Record {
                replica: facts.replica,
                standing: facts.standing.clone(),
            };
            turn.actions.insert(0, record);
            turn.actions.push(Action::Announce(facts.clone()));
            self.announced = Some(facts);
        }
        turn.actions
    }

    /// Lets a timer run out, whatever the time.
    #[cfg(test)]
    pub(super) fn expire(&mut self, timer: Timer) -> Vec<Action> {
        let mut turn = Turn {
            now: Duration::ZERO,
            utc_ms: 0,
            actions: Vec::new(),
            has_news: false,
        };
        self.fire(timer, &mut turn);
        self.finish(turn)
    }

    fn due(&self, now: Duration) -> Option<Timer> {
        let mut timers = self.timers.iter();
        timers.find(|(_, at)| **at <= now).map(|(timer, _)| *timer)
    }

    /// A timer has run out.
    fn fire(&mut self, timer: Timer, turn: &mut Turn) {
        self.timers.remove(&timer);
        match (timer, &self.phase) {
            (Timer::Settle, _) => self.delay_is_over = true,
            (Timer::Patience, Phase::Blank) => {
                while let Nomination::Better(candidate) = self.nominate() {
                    self.skipped.insert(candidate);
                }
            }
            (
                Timer::Attempt,
                Phase::Proposing {
                    founders, granted, ..
                },
            ) => {
                let silent = founders.others(self.me).filter(|id| !granted.contains(id));
                self.skipped.extend(silent.collect::<Vec<_>>());
                self.abandon(turn);
            }
            (Timer::Query, Phase::Pledged { .. }) => {
                self.query(turn);
                self.arm(Timer::Query, QUERY_AFTER, turn);
            }
            (Timer::Release, Phase::Pledged { origin, .. }) => {
                self.released = Some(origin.lineage);
                self.renew(turn);
            }
            (Timer::Orphan, Phase::Joining { .. }) => self.renew(turn),
            // Timers of a phase that is over; and the rest is over by itself.
            _ => {}
        }
    }

    fn take_in(&mut self, event: Event, turn: &mut Turn) {
        match event {
            Event::Tick => {}
            Event::Peer(facts) => self.take_in_facts(facts, turn),
            Event::BondDown(key) => {
                if let Some(facts) = self.peers.remove(&key) {
                    self.skipped.remove(&facts.replica);
                }
            }
            Event::Candidates(mut keys) => {
                keys.remove(&self.me.key());
                self.known = keys;
            }
            Event::DiscoverySettled => self.discovery_is_settled = true,
            Event::Message { from, to, message } => {
                if to == self.me && from.key() != self.me.key() {
                    self.skipped.remove(&from);
                    self.take_in_message(from, message, turn);
                } else {
                    // Who takes this one for another has missed its facts.
                    self.announced = None;
                }
            }
            Event::Touched(lineage) => self.touched(lineage, turn),
            Event::HasCommands => {
                if let Phase::Member { history, .. } = &mut self.phase {
                    history.has_commands = true;
                    turn.has_news = true;
                }
            }
            Event::Voters(now) => {
                if let Phase::Member { voters, .. } = &mut self.phase {
                    *voters = now;
                    turn.has_news = true;
                }
            }
            Event::Sealed => self.leave_sealed(turn),
            Event::Removed => {
                if matches!(self.phase, Phase::Member { .. } | Phase::Joining { .. }) {
                    self.renew(turn);
                }
            }
        }
    }

    pub(super) fn take_in_facts(&mut self, facts: Facts, turn: &mut Turn) {
        let key = facts.replica.key();
        let is_new = !self.peers.contains_key(&key);
        if key == self.me.key() || (is_new && self.peers.len() >= PEERS_MAX) {
            return;
        }
        turn.has_news = true;
        self.skipped.remove(&facts.replica);
        match &mut self.phase {
            // The proposer is gone, and with it the pledges that it held: no need to wait for it in full.
            Phase::Pledged { proposer, .. }
                if proposer.key() == key && *proposer != facts.replica =>
            {
                self.query(turn);
                let soon = turn.now.saturating_add(QUERY_AFTER);
                let release = self.timers.entry(Timer::Release).or_insert(soon);
                *release = soon.min(*release);
            }
            // It would be founded with one that is no more.
            Phase::Proposing { founders, .. }
                if founders
                    .others(self.me)
                    .any(|other| other.key() == key && other != facts.replica) =>
            {
                self.abandon(turn);
            }
            Phase::Member {
                history, founders, ..
            } => {
                if facts.standing == Standing::Pledged(history.origin.lineage)
                    && let Some(founders) = founders
                    && founders.contains(&facts.replica)
                {
                    let message = Message::Commit {
                        origin: history.origin.clone(),
                        founders: founders.clone(),
                    };
                    turn.send(facts.replica, message);
                }
                if let Standing::Member(theirs) = &facts.standing
                    && theirs.origin.lineage == history.origin.lineage
                {
                    history.has_commands |= theirs.has_commands;
                }
            }
            _ => {}
        }
        if let Some(former) = self.peers.insert(key, facts) {
            self.skipped.remove(&former.replica);
        }
    }

    /// Leaves behind whatever was promised under the former name.
    pub(super) fn renew(&mut self, turn: &mut Turn) {
        self.me = self.me.renewed();
        self.enter(Phase::Blank);
        turn.actions.push(Action::Renew(self.me));
    }

    pub(super) fn leave_sealed(&mut self, turn: &mut Turn) {
        if let Phase::Member { history, .. } = &self.phase {
            self.sealed = Some(history.origin.lineage);
            self.renew(turn);
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.timers.retain(|timer, _| *timer == Timer::Settle);
        if !matches!(phase, Phase::Blank | Phase::Proposing { .. }) {
            self.skipped.clear();
        }
        self.phase = phase;
    }

    pub(super) fn arm(&mut self, timer: Timer, after: Duration, turn: &Turn) {
        self.timers.insert(timer, turn.now.saturating_add(after));
    }
}

/// One call of [`Founding::handle`].
pub(super) struct Turn {
    pub(super) now: Duration,
    pub(super) utc_ms: u64,
    pub(super) actions: Vec<Action>,
    /// Something was learnt that another history may depend on.
    pub(super) has_news: bool,
}

impl Turn {
    pub(super) fn send(&mut self, to: ReplicaId, message: Message) {
        self.actions.push(Action::Send { to, message });
    }
}
