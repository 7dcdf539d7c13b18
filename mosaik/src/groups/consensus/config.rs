//! What a replica is started with, and openraft's settings made of it.

use core::time::Duration;
use std::sync::Arc;

use openraft::{Config, SnapshotPolicy};

use super::error::StartError;
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::Refusals;
use crate::runtime::Tasks;

/// What a replica is started with.
#[derive(Clone, Debug)]
pub(in crate::groups) struct ReplicaConfig {
    /// Who it is; never that of another life of its storage.
    pub(in crate::groups) id: ReplicaId,
    /// Names it in logs.
    pub(in crate::groups) name: String,
    /// How long it waits for others.
    pub(in crate::groups) timings: Timings,
    /// What it keeps and sends at once.
    pub(in crate::groups) limits: Limits,
    /// Where its chance comes from; the same seed and events give the same elections.
    pub(in crate::groups) seed: u64,
    /// Owns the task that watches over it.
    pub(in crate::groups) tasks: Tasks,
    /// Whether it looks at who says something. Always, but in tests of what happens otherwise.
    pub(in crate::groups) is_guarded: bool,
    /// Where it counts what it does not take from others.
    pub(in crate::groups) refusals: Arc<Refusals>,
}

impl ReplicaConfig {
    /// The defaults for this replica.
    pub(in crate::groups) fn new(id: ReplicaId, seed: u64, tasks: Tasks) -> Self {
        Self {
            id,
            name: "group".to_owned(),
            timings: Timings::default(),
            limits: Limits::default(),
            seed,
            tasks,
            is_guarded: true,
            refusals: Arc::default(),
        }
    }
}

/// How long a replica waits for others. Values that contradict each other are brought in order:
/// an election never starts before two heartbeats are missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::groups) struct Timings {
    /// Between two signs of life of an idle leader.
    pub(in crate::groups) heartbeat: Duration,
    /// Silence of a leader after which the first replica may want to replace it.
    pub(in crate::groups) election_timeout: Duration,
    /// Spread of that time over the replicas.
    pub(in crate::groups) election_jitter: Duration,
    /// After it, a proposal that is in the log but not committed is [`Unknown`].
    ///
    /// [`Unknown`]: super::ProposeError::Unknown
    pub(in crate::groups) propose_deadline: Duration,
    /// After it, a change of members or of the leader is given up.
    pub(in crate::groups) change_deadline: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_timeout: Duration::from_millis(600),
            election_jitter: Duration::from_millis(300),
            propose_deadline: Duration::from_secs(10),
            change_deadline: Duration::from_secs(10),
        }
    }
}

/// What a replica keeps and sends at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::groups) struct Limits {
    /// Bytes of entries in one frame to a follower; a bigger entry travels alone.
    pub(in crate::groups) frame_bytes: u64,
    /// Frames to one follower that are not answered yet.
    pub(in crate::groups) append_window: usize,
    /// Bytes of log at which a snapshot replaces what it covers.
    pub(in crate::groups) log_bytes: u64,
    /// Bytes of log kept behind a snapshot, for followers that are a little late.
    pub(in crate::groups) log_bytes_kept: u64,
    /// Bytes of a snapshot that this replica takes.
    pub(in crate::groups) snapshot_bytes: u64,
    /// Snapshots that others read here, or that this replica has others fetch, at the same time.
    pub(in crate::groups) snapshots_outgoing: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 2 << 20,
            append_window: 4,
            log_bytes: 64 << 20,
            log_bytes_kept: 16 << 20,
            // In memory on arrival: a state this big does not fit in memory twice either.
            snapshot_bytes: 4 << 30,
            snapshots_outgoing: 2,
        }
    }
}

/// Longest time of any setting in milliseconds: a day, so that sums of a few cannot overflow.
const MILLIS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Entries of one frame or one write to the log.
const ENTRIES_AT_ONCE_MAX: u64 = 4096;

/// Waits between tries to reach a peer without a bond. A new bond ends the wait.
const UNREACHABLE_BACKOFF: &str = "50ms 100ms 200ms ...3s";

/// openraft purges this many entries later than it could: never, since we purge by bytes.
const PURGE_BY_COUNT_NEVER: u64 = u64::MAX >> 1;

impl Timings {
    /// Longest time until the replicas that are left may have another leader: two waits.
    pub(super) fn failover(&self) -> Duration {
        let (_, longest) = self.election_millis();
        Duration::from_millis(2 * longest)
    }

    /// Time that a frame of entries may take to be answered.
    pub(super) fn append_deadline(&self) -> Duration {
        self.failover()
    }

    /// How long another replica may take to answer a sign of life: the next one, which waits for that, must still come
    /// before anybody wants to lead.
    pub(super) fn answers_within(&self) -> Duration {
        let heartbeat = self.heartbeat_millis();
        let (election_timeout_min, _) = self.election_millis();
        let spare = heartbeat + heartbeat.div_ceil(TICKS_A_HEARTBEAT);
        Duration::from_millis(election_timeout_min.saturating_sub(spare).max(heartbeat))
    }

    fn heartbeat_millis(&self) -> u64 {
        millis(self.heartbeat).clamp(1, MILLIS_MAX / 8)
    }

    /// Bounds of the election timeout.
    fn election_millis(&self) -> (u64, u64) {
        let shortest =
            millis(self.election_timeout).clamp(2 * self.heartbeat_millis() + 2, MILLIS_MAX);
        let jitter = millis(self.election_jitter).clamp(1, MILLIS_MAX);
        (shortest, shortest + jitter)
    }

    /// openraft's settings, which pass its validation whatever the timings.
    pub(super) fn settings(&self, name: &str) -> Result<Config, StartError> {
        let heartbeat = self.heartbeat_millis();
        let (election_timeout_min, election_timeout_max) = self.election_millis();
        let tick = heartbeat.div_ceil(TICKS_A_HEARTBEAT);
        // A follower that was just heard needs no sign of life, if the next is still in time.
        let suppressed = heartbeat / 2;
        let fits = suppressed + heartbeat + tick < election_timeout_min;
        let config = Config {
            cluster_name: name.to_owned(),
            heartbeat_interval: heartbeat,
            election_timeout_min,
            election_timeout_max,
            heartbeat_min_interval: Some(if fits { suppressed } else { 0 }),
            enable_pre_vote: Some(true),
            // An old leader that only hears its followers must let them elect another.
            quorum_loss_probe_interval: Some(2 * election_timeout_max),
            enable_leader_restore: Some(false),
            allow_log_reversion: Some(false),
            max_payload_entries: ENTRIES_AT_ONCE_MAX,
            max_append_entries: Some(ENTRIES_AT_ONCE_MAX),
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: PURGE_BY_COUNT_NEVER,
            backoff: UNREACHABLE_BACKOFF.to_owned(),
            ..Config::default()
        };
        config
            .validate()
            .map_err(|error| StartError::Settings(error.to_string()))
    }
}

/// openraft looks at its clock this often, about.
const TICKS_A_HEARTBEAT: u64 = 4;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_timings_are_refused() {
        let values = [0, 1, 2, 3, 10, 99, 100, 150, 500, 2_000, u64::MAX];
        for heartbeat in values {
            for election in values {
                for jitter in values {
                    let timings = Timings {
                        heartbeat: Duration::from_millis(heartbeat),
                        election_timeout: Duration::from_millis(election),
                        election_jitter: Duration::from_millis(jitter),
                        ..Timings::default()
                    };
                    let settings = timings.settings("x");
                    assert!(settings.is_ok(), "{timings:?}: {settings:?}");
                }
            }
        }
    }

    #[test]
    fn sensible_timings_are_kept() {
        let settings = Timings::default().settings("x").unwrap();
        let answers_within = Timings::default().answers_within();
        assert_eq!(answers_within, Duration::from_millis(475));
        assert_eq!(settings.heartbeat_interval, 100);
        assert_eq!(settings.heartbeat_min_interval, Some(50));
        assert_eq!(
            (settings.election_timeout_min, settings.election_timeout_max),
            (600, 900)
        );
    }
}
