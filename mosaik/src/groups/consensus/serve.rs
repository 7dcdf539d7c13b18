//! What a replica answers to others.

use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{Fatal, RaftError};
use openraft::raft::AppendEntriesResponse;
use tokio::sync::oneshot;

use super::convert::{self, Malformed};
use super::incoming::{Decision, Incoming};
use super::machine::Content;
use super::replica::Replica;
use super::types::{self, Snapshot, SnapshotMeta, Types};
use super::wire::{
    Append, Appended, Ballot, Part, RaftReply, RaftRequest, Reply, Request, Taken, Transfer, Vote,
};
use crate::groups::identity::ReplicaId;
use crate::runtime::Clock;

/// Why a request is not answered as it should be.
enum Refusal {
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
            return RaftReply::refused("a replica does not call itself");
        }
        let served = match request.request {
            Request::Vote(ballot) => self.serve_vote(from, &ballot).await,
            Request::PreVote(ballot) => self.serve_pre_vote(from, &ballot).await,
            Request::Append(append) => self.serve_append(from, append).await,
            Request::Transfer(transfer) => self.serve_transfer(from, &transfer).await,
            Request::Part(part) => self.serve_part(from, part).await.map(Reply::Part),
        };
        match served {
            Ok(reply) => RaftReply(reply),
            Err(Refusal::Malformed(error)) => {
                tracing::warn!(replica = %self.0.id, %from, %error, "refuses a request");
                RaftReply::refused(error.to_string())
            }
            Err(Refusal::Stopped(fatal)) => RaftReply::refused(self.stopped(&fatal).to_string()),
            Err(Refusal::Limit(reason)) => {
                tracing::warn!(replica = %self.0.id, %from, reason, "refuses a request");
                RaftReply::refused(reason)
            }
        }
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
        self.incoming().tidy(Clock::system().now());
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

    async fn serve_part(&self, from: ReplicaId, mut part: Part) -> Result<Taken, Refusal> {
        let vote = convert::leader_vote(from, part.term)?;
        let meta = match part.head.take() {
            Some(head) => Some(convert::snapshot_meta(&head, part.term)?),
            None => None,
        };
        if let Some(promise) = self.later_promise(part.term) {
            return Ok(Taken::Higher(promise));
        }
        if let Some(meta) = &meta {
            self.check_fits(meta)?;
        }
        let now = Clock::system().now();
        let limit = self.0.snapshot_bytes;
        let decision = self.incoming().take(from, part, meta, limit, now);
        Ok(match decision {
            Decision::Next(offset) => Taken::Next { offset },
            Decision::Restart => Taken::Restart,
            Decision::Busy => Taken::Busy,
            Decision::AlreadyRestored => Taken::Installed(convert::promise(&vote)),
            Decision::TooLarge => {
                return Err(Refusal::Limit(format!("snapshot beyond {limit} bytes")));
            }
            Decision::Restore(meta, chunks) => {
                // Whether the caller goes on waiting must not matter to what becomes of it.
                let (tx, rx) = oneshot::channel();
                let replica = self.clone();
                let restoring = async move {
                    let taken = replica.restore(vote, meta, chunks).await;
                    // An error means that the caller has gone: it asks again.
                    tx.send(taken).ok();
                };
                self.0.tasks.spawn("restore", restoring);
                rx.await.unwrap_or(Err(Refusal::Stopped(Fatal::Stopped)))?
            }
        })
    }

    /// Makes a snapshot of the leader with this vote the state.
    async fn restore(
        &self,
        vote: types::Vote,
        meta: SnapshotMeta,
        chunks: Vec<Bytes>,
    ) -> Result<Taken, Refusal> {
        let snapshot = Snapshot {
            meta,
            snapshot: Content::Received(chunks),
        };
        let installed = self.0.raft.install_full_snapshot(vote, snapshot).await;
        let success = installed.as_ref().is_ok_and(|now| now.vote == vote);
        self.incoming().restored(success);
        let promise = convert::promise(&installed?.vote);
        Ok(if success {
            Taken::Installed(promise)
        } else {
            Taken::Higher(promise)
        })
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        let incoming = self.0.incoming.lock();
        incoming.unwrap_or_else(PoisonError::into_inner)
    }

    /// What this replica has promised, if that is a later term.
    fn later_promise(&self, term: u64) -> Option<super::wire::Promise> {
        let metrics = self.0.raft.metrics();
        let vote = metrics.borrow_watched().vote;
        (vote.leader_id.term > term).then(|| convert::promise(&vote))
    }

    /// A snapshot that contradicts what is agreed on here would end openraft with a panic.
    fn check_fits(&self, meta: &SnapshotMeta) -> Result<(), Refusal> {
        let metrics = self.0.raft.metrics();
        let committed = metrics.borrow_watched().local_committed;
        match (meta.last_log_id, committed) {
            (Some(last), Some(committed)) if last > committed && last.index <= committed.index => {
                Err(Refusal::Limit("snapshot contradicts the log".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
