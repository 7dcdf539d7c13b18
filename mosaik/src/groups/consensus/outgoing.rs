//! Seeing to it that a member gets a snapshot: it is told who has one, and asked how far it is.
//!
//! Who has one is a voter that has all that is wanted in its log, or nearly; or else this leader (decision 19).

use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use openraft::errors::{StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::carrier::{Carrier, CarryError};
use super::convert;
use super::guard::is_leap;
use super::types::{SnapshotMeta, Types, Vote};
use super::view::ReplicaView;
use super::wire::{Appended, Fetch, Fetched, Point, RaftReply, RaftRequest, Reply, Request};
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::{Refusals, Refused};
use crate::runtime::{Clock, time};

/// What all snapshots that this replica has others fetch share.
#[derive(Clone)]
pub(super) struct Transfers {
    turns: Arc<Semaphore>,
    next: Arc<AtomicU64>,
    /// What this replica knows of the others, once it runs.
    view: Arc<OnceLock<watch::Receiver<ReplicaView>>>,
}

impl Transfers {
    /// At most `at_once` of them are under way; `first` numbers the first.
    pub(super) fn new(at_once: usize, first: u64) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once.max(1))),
            next: Arc::new(AtomicU64::new(first)),
            view: Arc::default(),
        }
    }

    pub(super) fn watch(&self, view: watch::Receiver<ReplicaView>) {
        // Set once, when the replica starts.
        self.view.set(view).ok();
    }

    /// Waits until fewer than the limit are under way.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.turns.acquire().await.ok()
    }

    /// A number that no other transfer of this replica has.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether this answer may unseat a leader, if that is what it would do. Only voters know of a newer one that
    /// counts, and none of them knows of one so much newer.
    pub(super) fn may_say(&self, target: ReplicaId, reply: &Reply) -> bool {
        let promised = match reply {
            Reply::Append(Appended::Higher(promise)) => promise,
            Reply::Fetch(Fetched::Higher(promise)) => promise,
            Reply::Vote(vote) => &vote.promise,
            _ => return true,
        };
        self.view.get().is_none_or(|view| {
            let view = view.borrow();
            let votes = view.members.voters.contains(&target);
            !is_leap(view.term, promised.term) && (votes || promised.term <= view.term)
        })
    }

    /// Whom `target` should ask for a snapshot of all up to `least`, this replica last.
    fn sources(
        &self,
        me: ReplicaId,
        target: ReplicaId,
        least: Point,
        number: u64,
    ) -> Vec<ReplicaId> {
        let mut sources: Vec<ReplicaId> = self.view.get().map_or_else(Vec::new, |view| {
            let view = view.borrow();
            let now = Clock::system().now();
            let able = view.followers.iter().filter(|(replica, follower)| {
                let is_other = **replica != target && **replica != me;
                let is_there = follower
                    .heard
                    .is_some_and(|heard| now.saturating_duration_since(heard) < HEARD_WITHIN);
                let will_have = follower
                    .matched
                    .is_some_and(|matched| matched + LAG_COUNT_MAX >= least.index);
                is_other && is_there && will_have && view.members.voters.contains(replica)
            });
            able.map(|(replica, _)| *replica).collect()
        });
        // By turns, so that members that come together do not all ask the same one.
        if !sources.is_empty() {
            let turn = usize::try_from(number % sources.len() as u64).unwrap_or(0);
            sources.rotate_left(turn);
        }
        sources.truncate(OTHERS_MAX);
        sources.push(me);
        sources
    }
}

/// Sources beside the leader: when two voters have failed, more would only take time.
const OTHERS_MAX: usize = 2;

/// A voter that was silent for longer may be gone: whoever asks it would lose time.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// Entries that a source may lack when it is named: it gets them before it is asked, or soon after.
const LAG_COUNT_MAX: u64 = 1024;

/// Time that an answer to "how far is it?" may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Time without a step forward after which the transfer is begun again with a newer snapshot: longer than the other
/// side needs to try all sources.
const STALLED_AFTER: Duration = Duration::from_secs(90);

/// Time that restoring may take. The other side answers meanwhile: it lives.
const RESTORED_WITHIN: Duration = Duration::from_secs(600);

/// Wait before an unreachable member is asked again, and its longest value.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// One snapshot that a member has to get.
pub(super) struct Outgoing {
    pub(super) me: ReplicaId,
    pub(super) target: ReplicaId,
    pub(super) carrier: Arc<dyn Carrier>,
}

impl Outgoing {
    /// Until the member has a snapshot for what `meta` stands for.
    pub(super) async fn run(
        self,
        transfers: &Transfers,
        refusals: &Refusals,
        vote: &Vote,
        meta: &SnapshotMeta,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let Some(least) = meta.last_log_id.map(convert::point) else {
            return Err(begin_again("nothing is applied yet"));
        };
        let transfer = transfers.number();
        let fetch = Fetch {
            term: vote.leader_id.term,
            transfer,
            least,
            sources: transfers.sources(self.me, self.target, least, transfer),
        };
        let (mut steps, mut stalled) = (0, Duration::ZERO);
        let mut restoring = Duration::ZERO;
        let mut wait = RETRY.0;
        loop {
            let began = Clock::system().now();
            let request = RaftRequest::new(Request::Fetch(fetch.clone()));
            let reply = self.carrier.call(self.target, request, ANSWER_WITHIN).await;
            if let Ok(RaftReply(reply)) = &reply
                && !transfers.may_say(self.target, reply)
            {
                refusals.count(Refused::NoVoter);
                return Err(begin_again(
                    "receiver knows a newer leader, and does not vote",
                ));
            }
            let problem = match reply {
                Ok(RaftReply(Reply::Fetch(fetched))) => match fetched {
                    Fetched::Underway { steps: now } => {
                        if now != steps {
                            (steps, stalled) = (now, Duration::ZERO);
                        }
                        wait = RETRY.0;
                        None
                    }
                    Fetched::Restoring => {
                        stalled = Duration::ZERO;
                        restoring += began.elapsed();
                        if restoring > RESTORED_WITHIN {
                            return Err(begin_again("receiver does not end restoring"));
                        }
                        None
                    }
                    // By this leader's word: whatever else it has promised, it says when it has.
                    Fetched::Installed(_) => return Ok(SnapshotResponse::new(*vote)),
                    Fetched::Higher(promise) => {
                        let vote = convert::vote(promise).map_err(begin_again)?;
                        return Ok(SnapshotResponse::new(vote));
                    }
                    Fetched::Busy => Some("receiver is busy"),
                    Fetched::Failed { reason } => return Err(begin_again(reason)),
                },
                Ok(RaftReply(Reply::Refused(reason))) => return Err(begin_again(reason)),
                Ok(RaftReply(_)) => return Err(begin_again("unexpected reply")),
                Err(CarryError::Unreachable) => Some("receiver is unreachable"),
                Err(CarryError::Deadline) => Some("no reply in time"),
                Err(CarryError::Refused(reason)) => return Err(begin_again(reason)),
            };
            if let Some(problem) = problem {
                tracing::debug!(target = %self.target, problem, "asks again for a snapshot to be fetched");
            }
            // An answer that comes at once, for whatever reason, does not make this a busy loop.
            time::sleep(wait).await;
            if problem.is_some() {
                wait = (2 * wait).min(RETRY.1);
            }
            stalled += began.elapsed();
            if stalled >= STALLED_AFTER {
                return Err(begin_again(problem.unwrap_or("no step forward")));
            }
        }
    }
}

/// A transfer that must begin again, after a wait.
fn begin_again(reason: impl ToString) -> StreamingError<Types> {
    StreamingError::Unreachable(Unreachable::from_string(reason))
}
