//! What a replica answers to others.

use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{Fatal, RaftError};
use openraft::raft::AppendEntriesResponse;

use super::convert::{self, Malformed};
use super::guard::{Known, judge};
use super::incoming::Incoming;
use super::replica::Replica;
use super::types::{SnapshotMeta, Types};
use super::wire::{
    Append, Appended, Ballot, RaftReply, RaftRequest, Reply, Request, Transfer, Vote,
};
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::Refused;
use crate::runtime::Clock;
use crate::runtime::time::Duration;

/// Why a request is not answered as it should be.
pub(super) enum Refusal {
    /// It makes no sense.
    Malformed(Malformed),
    /// This replica has stopped.
    Stopped(Fatal<Types>),
    /// It is beyond a limit.
    Limit(String),
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<RaftError<Types>> for Refusal {
    fn from(error: RaftError<Types>) -> Self {
        match error {
            RaftError::Fatal(fatal) => Self::Stopped(fatal),
            RaftError::APIError(never) => match never {},
        }
    }
}

impl From<Fatal<Types>> for Refusal {
    fn from(fatal: Fatal<Types>) -> Self {
        Self::Stopped(fatal)
    }
}

impl Replica {
    /// Answers a request of another replica, of which the caller made sure that it is `from`, of
    /// this group and of this lineage. What it asks may be anything.
    pub(in crate::groups) async fn serve(
        &self,
        from: ReplicaId,
        request: RaftRequest,
    ) -> RaftReply {
        if from == self.0.id {
            self.0.refusals.count(Refused::Malformed);
            return RaftReply::refused("a replica does not call itself");
        }
        let is_of_leader = matches!(request.request, Request::Append(_) | Request::Fetch(_));
        if let Err(why) = self.judge(from, &request.request) {
            self.0.refusals.count(why);
            tracing::debug!(replica = %self.0.id, %from, ?why, "refuses a request");
            return RaftReply::refused(format!("{why:?}"));
        }
        let served = match request.request {
            Request::Vote(ballot) => self.serve_vote(from, &ballot).await,
            Request::PreVote(ballot) => self.serve_pre_vote(from, &ballot).await,
            Request::Append(append) => self.serve_append(from, append).await,
            Request::Transfer(transfer) => self.serve_transfer(from, &transfer).await,
            Request::Fetch(fetch) => self.serve_fetch(from, fetch).await.map(Reply::Fetch),
            Request::Pull(pull) => self.serve_pull(from, pull).await.map(Reply::Pull),
        };
        match served {
            Ok(reply) => {
                if is_of_leader && !reply.knows_higher() {
                    self.0.hear_leader();
                }
                RaftReply(reply)
            }
            Err(Refusal::Malformed(error)) => {
                self.0.refusals.count(Refused::Malformed);
                tracing::warn!(replica = %self.0.id, %from, %error, "refuses a request");
                RaftReply::refused(error.to_string())
            }
            Err(Refusal::Stopped(fatal)) => RaftReply::refused(self.stopped(&fatal).to_string()),
            Err(Refusal::Limit(reason)) => {
                self.0.refusals.count(Refused::Limit);
                tracing::warn!(replica = %self.0.id, %from, reason, "refuses a request");
                RaftReply::refused(reason)
            }
        }
    }

    /// Whether this may be said by that replica, as far as is known here.
    fn judge(&self, from: ReplicaId, request: &Request) -> Result<(), Refused> {
        if !self.0.is_guarded {
            return Ok(());
        }
        let view = self.0.view.borrow();
        let leads_alone = view.is_leader() && view.members.voters.len() == 1;
        let leaderless = if leads_alone {
            Duration::ZERO
        } else {
            let quorum = view.quorum_heard.filter(|_| view.is_leader());
            let heard = self.0.leader_heard();
            let heard = quorum.map_or(heard, |quorum| quorum.max(heard));
            Clock::system().now().saturating_duration_since(heard)
        };
        let known = Known {
            members: &view.members,
            leader: view.leader,
            term: view.term,
            leaderless,
            patience: self.0.timings.failover(),
        };
        judge(from, request, known)
    }

    async fn serve_vote(&self, from: ReplicaId, ballot: &Ballot) -> Result<Reply, Refusal> {
        let response = self
            .0
            .raft
            .vote(convert::vote_request(from, ballot)?)
            .await?;
        Ok(Reply::Vote(Vote {
            promise: convert::promise(&response.vote),
            granted: response.vote_granted,
            last: response.last_log_id.map(convert::point),
        }))
    }

    async fn serve_pre_vote(&self, from: ReplicaId, ballot: &Ballot) -> Result<Reply, Refusal> {
        let response = self
            .0
            .raft
            .pre_vote(convert::vote_request(from, ballot)?)
            .await?;
        Ok(Reply::Vote(Vote {
            promise: convert::promise(&response.vote),
            granted: response.vote_granted,
            last: response.last_log_id.map(convert::point),
        }))
    }

    async fn serve_append(&self, from: ReplicaId, append: Append) -> Result<Reply, Refusal> {
        let request = convert::append_request(from, append)?;
        Ok(Reply::Append(
            match self.0.raft.append_entries(request).await? {
                AppendEntriesResponse::Success | AppendEntriesResponse::PartialSuccess(_) => {
                    Appended::Stored
                }
                AppendEntriesResponse::Conflict => Appended::Conflict,
                AppendEntriesResponse::HigherVote(vote) => {
                    Appended::Higher(convert::promise(&vote))
                }
            },
        ))
    }

    async fn serve_transfer(&self, from: ReplicaId, transfer: &Transfer) -> Result<Reply, Refusal> {
        let request = convert::transfer_request(from, transfer)?;
        let accepted = self.0.raft.handle_transfer_leader(request).await?.is_ok();
        Ok(Reply::Transfer { accepted })
    }

    /// Changes what is known of the snapshot that arrives.
    pub(super) fn incoming<R>(&self, change: impl FnOnce(&mut Incoming) -> R) -> R {
        let mut changed = None;
        self.0
            .incoming
            .send_modify(|incoming| changed = Some(change(incoming)));
        changed.expect("invariant: the change is called at once, and once")
    }

    /// What this replica has promised, if that is a later term.
    pub(super) fn later_promise(&self, term: u64) -> Option<super::wire::Promise> {
        let metrics = self.0.raft.metrics();
        let vote = metrics.borrow_watched().vote;
        (vote.leader_id.term > term).then(|| convert::promise(&vote))
    }

    /// Whether a snapshot agrees with what is agreed on here. One that does not would end openraft with a panic.
    pub(super) fn fits(&self, meta: &SnapshotMeta) -> bool {
        let metrics = self.0.raft.metrics();
        let committed = metrics.borrow_watched().local_committed;
        match (meta.last_log_id, committed) {
            (Some(last), Some(committed)) => last <= committed || last.index > committed.index,
            _ => true,
        }
    }
}
