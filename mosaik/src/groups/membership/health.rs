//! How the followers of a leader are, by what it hears from them.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::groups::identity::ReplicaId;

/// Entries that a follower may be behind and still count as caught up: what is under way between two heartbeats.
pub(crate) const LAG_MAX: u64 = 64;

/// For how long it has to be caught up before it votes, so that one that comes and goes does not.
pub(crate) const STABLE_FOR: Duration = Duration::from_millis(500);

/// Silence after which a follower does not count for a majority.
pub(crate) const LIVE_WITHIN: Duration = Duration::from_secs(1);

/// Silence after which a follower is given up.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(30);

/// What decides about a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Health {
    /// Heard lately.
    pub(crate) is_live: bool,
    /// Live, and has been close to the end of the log for a while.
    pub(crate) is_caught_up: bool,
    /// Not heard for long, or known to have lost its storage.
    pub(crate) is_dead: bool,
}

/// What the leader has heard from a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// When it answered last; `None` if it never has.
    pub(crate) heard_at: Option<Duration>,
    /// Entries that it is behind; `None` while nothing is known to match.
    pub(crate) lag: Option<u64>,
}

/// Follows the followers of one leader, for as long as it leads.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    followers: BTreeMap<ReplicaId, Follower>,
    superseded: BTreeSet<ReplicaId>,
}

#[derive(Debug, Clone, Copy)]
struct Follower {
    /// When it was heard last, or was first missed.
    heard_at: Duration,
    caught_up_since: Option<Duration>,
}

impl Watch {
    /// A new leader knows nothing.
    pub(crate) const fn new() -> Self {
        Self {
            followers: BTreeMap::new(),
            superseded: BTreeSet::new(),
        }
    }

    /// What is known at `now` of all followers. Who is not named is forgotten.
    pub(crate) fn observe(&mut self, now: Duration, followers: &BTreeMap<ReplicaId, Progress>) {
        let former = core::mem::take(&mut self.followers);
        for (id, progress) in followers {
            let before = former.get(id);
            let missed_since = before.map_or(now, |follower| follower.heard_at);
            let is_close = progress.lag.is_some_and(|lag| lag <= LAG_MAX);
            let since = before.and_then(|follower| follower.caught_up_since);
            let follower = Follower {
                heard_at: progress.heard_at.map_or(missed_since, |at| at.min(now)),
                caught_up_since: is_close.then(|| since.unwrap_or(now)),
            };
            self.followers.insert(*id, follower);
        }
        self.superseded.retain(|id| followers.contains_key(id));
    }

    /// A peer is `replica` now: what it was before is gone for good.
    pub(crate) fn supersede(&mut self, replica: ReplicaId) {
        let is_former = |id: &&ReplicaId| id.key() == replica.key() && **id != replica;
        let former: Vec<_> = self.followers.keys().filter(is_former).copied().collect();
        self.superseded.extend(former);
    }

    /// How all followers are at `now`.
    pub(crate) fn health(&self, now: Duration) -> BTreeMap<ReplicaId, Health> {
        let health = |(id, follower): (&ReplicaId, &Follower)| {
            let silence = now.saturating_sub(follower.heard_at);
            let is_superseded = self.superseded.contains(id);
            let is_live = silence <= LIVE_WITHIN && !is_superseded;
            let stable = follower
                .caught_up_since
                .map(|since| now.saturating_sub(since));
            let health = Health {
                is_live,
                is_caught_up: is_live && stable.is_some_and(|stable| stable >= STABLE_FOR),
                is_dead: silence >= DEAD_AFTER || is_superseded,
            };
            (*id, health)
        };
        self.followers.iter().map(health).collect()
    }

    /// When [`Watch::health`] may differ without anything new being heard: look again then.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        let times = self.followers.values().flat_map(|follower| {
            let stable_at = follower
                .caught_up_since
                .map(|since| since.saturating_add(STABLE_FOR));
            let silent_at = follower
                .heard_at
                .saturating_add(LIVE_WITHIN + Duration::from_nanos(1));
            let dead_at = follower.heard_at.saturating_add(DEAD_AFTER);
            [stable_at, Some(silent_at), Some(dead_at)]
        });
        times.flatten().filter(|at| *at > now).min()
    }
}
