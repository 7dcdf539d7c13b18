//! What a replica knows of itself and, if it leads, of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::{RaftMetrics, ServerState};

use super::health::{Fatal, Health};
use super::types::{LogId, Types};
use crate::groups::identity::ReplicaId;
use crate::runtime::Clock;
use crate::runtime::time::Instant;

/// A replica at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::groups) struct ReplicaView {
    /// What it does.
    pub(in crate::groups) role: Role,
    /// Its term.
    pub(in crate::groups) term: u64,
    /// Who leads, as far as it knows.
    pub(in crate::groups) leader: Option<ReplicaId>,
    /// Index of the last entry in its log.
    pub(in crate::groups) last_log: Option<u64>,
    /// Index of the last entry that it knows to be agreed on.
    pub(in crate::groups) committed: Option<u64>,
    /// Index of the last entry that is in its state.
    pub(in crate::groups) applied: Option<u64>,
    /// Members as of its log, agreed on or not.
    pub(in crate::groups) members: Arc<MembersView>,
    /// If it leads: the others.
    pub(in crate::groups) followers: BTreeMap<ReplicaId, FollowerView>,
    /// If it leads: when it last knew that a quorum hears it.
    pub(in crate::groups) quorum_heard: Option<Instant>,
    /// Whether it runs.
    pub(in crate::groups) running: Result<(), Fatal>,
}

/// What a replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::groups) enum Role {
    /// Takes entries, and has no vote.
    Learner,
    /// Takes entries, and votes.
    Follower,
    /// Wants to lead.
    Candidate,
    /// Leads, or did until it hears of another.
    Leader,
}

/// Who belongs to a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::groups) struct MembersView {
    /// Index of the entry that says so; `None` of a blank replica.
    pub(in crate::groups) log_index: Option<u64>,
    /// Term of that entry.
    pub(in crate::groups) log_term: u64,
    /// Who decides. While a change is in progress, old and new voters.
    pub(in crate::groups) voters: BTreeSet<ReplicaId>,
    /// The sets of voters of which each has to agree: one, or two while the second replaces the first.
    pub(in crate::groups) deciding: Vec<BTreeSet<ReplicaId>>,
    /// Who only listens.
    pub(in crate::groups) learners: BTreeSet<ReplicaId>,
    /// Whether two sets of voters decide together, until one has replaced the other.
    pub(in crate::groups) joint: bool,
    /// Whether a quorum agreed.
    pub(in crate::groups) committed: bool,
}

/// A member as its leader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::groups) struct FollowerView {
    /// Index of the last entry that it surely has.
    pub(in crate::groups) matched: Option<u64>,
    /// Entries of the leader's log that it may lack.
    pub(in crate::groups) lag_count: u64,
    /// When the message left that it last answered.
    pub(in crate::groups) heard: Option<Instant>,
}

impl ReplicaView {
    /// Whether it leads.
    pub(in crate::groups) fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }

    pub(super) fn new(
        metrics: &RaftMetrics<Types>,
        health: &Health,
        before: Option<&Self>,
    ) -> Self {
        let role = match metrics.state {
            ServerState::Leader => Role::Leader,
            ServerState::Candidate => Role::Candidate,
            ServerState::Follower => Role::Follower,
            ServerState::Learner | ServerState::Shutdown => Role::Learner,
        };
        let instant = instants();
        let heard = |member: &ReplicaId| {
            let heard = metrics.heartbeat.as_ref()?.get(member)?.as_ref()?;
            Some(instant(heard))
        };
        let entries = metrics.last_log_index.map_or(0, |last| last + 1);
        let followers = metrics.replication.iter().flatten();
        let followers = followers.filter(|(member, _)| **member != metrics.id);
        let followers = followers.map(|(member, matched)| {
            let matched = index(*matched);
            let lag_count = entries.saturating_sub(matched.map_or(0, |matched| matched + 1));
            let heard = heard(member);
            (
                *member,
                FollowerView {
                    matched,
                    lag_count,
                    heard,
                },
            )
        });
        Self {
            role,
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_log: metrics.last_log_index,
            committed: index(metrics.cluster_committed).max(index(metrics.local_committed)),
            applied: index(metrics.last_applied),
            members: members(metrics, before),
            followers: followers.collect(),
            quorum_heard: metrics.last_quorum_acked.as_ref().map(instant),
            running: health.reason().map_or(Ok(()), Err),
        }
    }
}

/// Turns openraft's instants into ours.
fn instants()
-> impl Fn(&openraft::metrics::SerdeInstant<openraft_rt_tokio::TokioInstant>) -> Instant {
    use openraft::Instant as _;
    let now = Clock::system().now();
    move |theirs| now.checked_sub(theirs.elapsed()).unwrap_or(now)
}

/// Those of `before`, if nothing changed: this is made anew with every commit.
fn members(metrics: &RaftMetrics<Types>, before: Option<&ReplicaView>) -> Arc<MembersView> {
    let effective = &metrics.membership_config;
    let log_index = index(*effective.log_id());
    let log_term = effective.log_id().map_or(0, |id| id.leader_id.term);
    let committed = effective.log_id() == metrics.committed_membership_config.log_id();
    if let Some(before) = before {
        let before = &before.members;
        if (before.log_index, before.log_term, before.committed) == (log_index, log_term, committed)
        {
            return before.clone();
        }
    }
    Arc::new(MembersView {
        log_index,
        log_term,
        voters: effective.voter_ids().collect(),
        deciding: effective.membership().get_joint_config().clone(),
        learners: effective.membership().learner_ids().collect(),
        joint: effective.membership().get_joint_config().len() > 1,
        committed,
    })
}

fn index(id: Option<LogId>) -> Option<u64> {
    id.map(|id| id.index)
}
