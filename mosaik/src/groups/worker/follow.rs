//! A member as a part of its history: what it sees of the others, and what it does about that while it leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
    time::Duration,
};

use futures::FutureExt;

use super::{
    core::{Active, Stopped, lock},
    driver::Driver,
    wire::Card,
};
use crate::{
    groups::{
        GroupEvent,
        consensus::{Fatal, ReplicaView, Role},
        identity::ReplicaId,
        lineage::Standing,
        membership::{self, Change, Progress, Watch},
    },
    primitives::PeerId,
    runtime::time,
};

/// What was seen last.
#[derive(Default)]
pub(super) struct Follow {
    seen: Option<ReplicaView>,
    leader: Option<ReplicaId>,
    /// As a leader: the end of the log when it began to lead.
    led_from: Option<u64>,
    /// As a leader: how the others are.
    watch: Option<Watch>,
}

impl Follow {
    /// When the others may be otherwise than they were, though nothing was heard of them.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.watch.as_ref().and_then(|watch| watch.deadline(now))
    }

    /// Whether the view is another one than what was seen.
    pub(super) fn is_behind(&self, view: &ReplicaView) -> bool {
        self.seen.as_ref() != Some(view)
    }
}

impl Driver {
    /// Takes in what the replica knows by now.
    pub(super) async fn follow(&mut self) {
        let active = self.core.active.borrow().clone();
        let Some(active) = active else {
            return;
        };
        let view = active.replica.watch().borrow().clone();
        if let Err(fatal) = &view.running {
            if *fatal != Fatal::Stopped {
                self.core.stop(Stopped {
                    reason: fatal.to_string(),
                    is_readable: !matches!(fatal, Fatal::Panicked { .. }),
                });
            }
            self.end_replica().await;
            return;
        }
        self.follow_members(&active, &view);
        self.follow_leader(&active, &view);
        let was_candidate =
            self.follow.seen.as_ref().map(|seen| seen.role) == Some(Role::Candidate);
        if view.role == Role::Candidate && !was_candidate {
            self.core.meter.election();
        }
        self.follow.seen = Some(view.clone());
        if view.members.committed && view.members.log_index.is_some() && !view.members.joint {
            self.tell_voters(view.members.voters.clone()).await;
        }
        if view.is_leader() && self.change.is_none() {
            self.steer(&active, &view);
        }
    }

    /// The replica is gone.
    pub(super) fn unfollow(&mut self) {
        self.follow = Follow::default();
        self.show(None, false);
    }

    fn follow_members(&self, active: &Active, view: &ReplicaView) {
        let members: BTreeSet<ReplicaId> = view
            .members
            .voters
            .union(&view.members.learners)
            .copied()
            .collect();
        let mut place = lock(&self.core.place);
        if members == place.members {
            return;
        }
        let was_member = place.members.contains(&active.id);
        if view.members.committed && was_member && !members.contains(&active.id) {
            self.core.is_removed.store(true, Ordering::Relaxed);
            self.core.driver.notify_one();
        }
        place.members_ever.extend(members.iter().copied());
        place.members = members;
        let (voters, learners) = (&view.members.voters, &view.members.learners);
        self.core.meter.members(voters.len(), learners.len());
    }

    fn follow_leader(&mut self, active: &Active, view: &ReplicaView) {
        if view.leader != self.follow.leader {
            self.follow.leader = view.leader;
            self.follow.led_from = None;
            self.follow.watch = None;
            lock(&self.core.place).catch_up_to = None;
            self.core.client_changed.notify_one();
            self.core.reads_changed.notify_one();
        }
        if view.is_leader() {
            self.follow
                .led_from
                .get_or_insert(view.last_log.unwrap_or(0));
        } else {
            self.follow.led_from = None;
        }
        let leader = self.core.leader_of(active, view);
        let is_online = self.is_online(active, view, leader);
        self.show(leader.and_then(|leader| leader.peer()), is_online);
    }

    fn is_online(&self, active: &Active, view: &ReplicaView, leader: Option<ReplicaId>) -> bool {
        let applied = |upto: u64| view.applied.is_some_and(|applied| applied >= upto);
        match leader {
            None => false,
            Some(leader) if leader == active.id => {
                self.has_quorum(view) && self.follow.led_from.is_some_and(applied)
            }
            Some(_) => {
                let place = lock(&self.core.place);
                place.members.contains(&active.id) && place.catch_up_to.is_some_and(applied)
            }
        }
    }

    /// As the leader: whether enough voters have answered lately.
    fn has_quorum(&self, view: &ReplicaView) -> bool {
        let config = self.core.config.consensus();
        let limit = (config.election_timeout + config.election_timeout_jitter) * 2;
        view.members.voters.len() <= 1
            || view.quorum_heard.is_some_and(|heard| {
                self.core.clock.now().saturating_duration_since(heard) <= limit
            })
    }

    fn show(&self, leader: Option<PeerId>, is_online: bool) {
        let mut is_other = false;
        self.core.views().update(|view| {
            is_other = view.leader != leader;
            let is_changed = is_other || view.is_online != is_online;
            view.leader = leader;
            view.is_online = is_online;
            is_changed
        });
        if is_other {
            self.core.meter.leader_changed();
            self.core.tell(GroupEvent::LeaderChanged { leader });
        }
    }

    /// As the leader: makes the next change of members, if one is due.
    fn steer(&mut self, active: &Active, view: &ReplicaView) {
        let sight = self.sight(active, view);
        let Some(change) = membership::next_change(&sight) else {
            return;
        };
        tracing::debug!(?change, "members change");
        let replica = active.replica.clone();
        let changing = async move {
            let changed = match change.clone() {
                Change::AddLearner(learner) => replica.add_learner(learner).await,
                Change::RemoveLearner(member) => replica.remove(member).await,
                Change::SetVoters(voters) => replica.change_voters(voters).await,
                Change::TransferLeader(heir) => {
                    // It says why itself, and is tried again.
                    let _ = replica.transfer_leader(heir).await;
                    Ok(())
                }
            };
            if let Err(error) = changed {
                tracing::debug!(?change, %error, "members not changed");
                time::sleep(CHANGE_AGAIN_AFTER).await;
            }
        };
        self.change = Some(changing.boxed());
    }

    /// What the leader knows.
    fn sight(&mut self, active: &Active, view: &ReplicaView) -> membership::View {
        let lineage = active.lineage();
        let now = self.since_start(self.core.clock.now());
        let no_fence = self.core.flaws.no_fence();
        let takes_part = |standing: &Standing| {
            let joins = matches!(standing, Standing::Joining(_) | Standing::Member(_));
            joins && (standing.lineage() == Some(lineage) || no_fence)
        };
        let cards: Vec<Card> = self
            .present()
            .filter(|card| takes_part(&card.facts.standing))
            .collect();
        let heard = view.followers.iter().map(|(member, follower)| {
            let progress = Progress {
                heard_at: follower.heard.map(|heard| self.since_start(heard)),
                lag: follower.matched.map(|_| follower.lag_count),
            };
            (*member, progress)
        });
        let heard: BTreeMap<_, _> = heard.collect();
        let watch = self.follow.watch.get_or_insert_with(Watch::new);
        watch.observe(now, &heard);
        for card in &cards {
            watch.supersede(card.facts.replica);
        }
        let health = watch.health(now);
        let place = lock(&self.core.place);
        let of = |is_wanted: fn(&Card) -> bool| {
            let wanted = cards.iter().filter(move |card| is_wanted(card));
            wanted.map(|card| card.facts.replica).collect()
        };
        let rule = &active.origin.rule;
        membership::View {
            me: active.id,
            voters: view.members.voters.clone(),
            learners: view.members.learners.clone(),
            is_settled: view.members.committed && !view.members.joint,
            has_quorum: self.has_quorum(view),
            health,
            observers: of(|card| card.is_observer),
            applicants: of(|_| true),
            leaving: BTreeSet::new(),
            former: &place.members_ever - &place.members,
            voters_min: rule.founder_count().unwrap_or(1),
        }
    }

    /// The role of a replica that runs.
    pub(super) const fn role(view: &ReplicaView) -> crate::groups::Role {
        match view.role {
            Role::Learner => crate::groups::Role::Learner,
            Role::Follower => crate::groups::Role::Follower,
            Role::Candidate => crate::groups::Role::Candidate,
            Role::Leader => crate::groups::Role::Leader,
        }
    }
}

const CHANGE_AGAIN_AFTER: Duration = Duration::from_millis(100);
