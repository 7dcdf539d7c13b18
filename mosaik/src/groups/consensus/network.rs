//! What openraft sends, through the carrier.

use core::future::Future;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, Stream, StreamExt as _};
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RPCTypes};

use super::carrier::{Carrier, CarryError};
use super::convert::{self, Malformed};
use super::machine::Content;
use super::outgoing::{Outgoing, Transfers};
use super::types::{LogId, Snapshot, Types, Vote};
use super::wire::{Appended, RaftReply, RaftRequest, Reply, Request};
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::{Refusals, Refused};

/// Makes a [`Line`] to each member.
pub(super) struct Lines {
    pub(super) id: ReplicaId,
    pub(super) carrier: Arc<dyn Carrier>,
    pub(super) append_deadline: Duration,
    /// How long a sign of life may take to be answered.
    pub(super) answers_within: Duration,
    pub(super) append_window: usize,
    pub(super) refusals: Arc<Refusals>,
    pub(super) transfers: Transfers,
}

/// The way to one member.
pub(super) struct Line {
    id: ReplicaId,
    target: ReplicaId,
    carrier: Arc<dyn Carrier>,
    /// How long entries, or signs of life, may take to be answered.
    append_deadline: Duration,
    /// Whether only signs of life go this way.
    is_sign_of_life: bool,
    append_window: usize,
    /// The last entry that the target surely has: it said so to this leader.
    matched: Mutex<Option<LogId>>,
    refusals: Arc<Refusals>,
    transfers: Transfers,
}

impl Lines {
    fn line(&self, target: ReplicaId, is_sign_of_life: bool) -> Line {
        Line {
            id: self.id,
            target,
            carrier: self.carrier.clone(),
            append_deadline: if is_sign_of_life {
                self.answers_within
            } else {
                self.append_deadline
            },
            is_sign_of_life,
            append_window: self.append_window.max(1),
            matched: Mutex::default(),
            refusals: self.refusals.clone(),
            transfers: self.transfers.clone(),
        }
    }
}

impl RaftNetworkFactory<Types> for Lines {
    type Network = Line;

    async fn new_client(&mut self, target: ReplicaId, (): &()) -> Line {
        self.line(target, false)
    }

    async fn new_heartbeat_client(&mut self, target: ReplicaId, (): &()) -> Line {
        self.line(target, true)
    }
}

impl Line {
    /// Sends, and sorts out what comes back. The future does not borrow the line.
    fn call(
        &self,
        action: RPCTypes,
        request: RaftRequest,
        deadline: Duration,
    ) -> impl Future<Output = Result<Reply, RPCError<Types>>> + Send + 'static + use<> {
        let (id, target) = (self.id, self.target);
        let reply = self.carrier.call(target, request, deadline);
        let (transfers, refusals) = (self.transfers.clone(), self.refusals.clone());
        async move {
            match reply.await {
                Ok(RaftReply(reply)) if !transfers.may_say(target, &reply) => {
                    refusals.count(Refused::NoVoter);
                    Err(unreachable("knows a newer leader, and does not vote"))
                }
                // Not taken, or by something that has stopped: no use in trying at once.
                Ok(RaftReply(Reply::Refused(reason))) => Err(unreachable(reason)),
                Ok(RaftReply(reply)) => Ok(reply),
                Err(CarryError::Deadline) => Err(RPCError::Timeout(Timeout {
                    action,
                    id,
                    target,
                    timeout: deadline,
                })),
                Err(error @ (CarryError::Unreachable | CarryError::Refused(_))) => {
                    Err(unreachable(error))
                }
            }
        }
    }

    fn send_entries(
        &self,
        rpc: AppendEntriesRequest<Types>,
    ) -> impl Future<Output = Result<Answer, RPCError<Types>>> + Send + 'static + use<> {
        let previous = rpc.prev_log_id;
        let last = rpc.entries.last().map(|entry| entry.log_id).or(previous);
        let append = convert::append(rpc);
        let request = if self.is_sign_of_life {
            RaftRequest::sign_of_life(append)
        } else {
            RaftRequest::new(Request::Append(append))
        };
        let reply = self.call(RPCTypes::AppendEntries, request, self.append_deadline);
        async move {
            let response = match reply.await? {
                Reply::Append(Appended::Stored) => AppendEntriesResponse::Success,
                Reply::Append(Appended::Conflict) => AppendEntriesResponse::Conflict,
                Reply::Append(Appended::Higher(promise)) => {
                    AppendEntriesResponse::HigherVote(convert::vote(promise).map_err(malformed)?)
                }
                other => return Err(surprising(&other)),
            };
            Ok(Answer {
                response,
                previous,
                last,
            })
        }
    }
}

impl Line {
    /// Takes the answers in the order of the frames.
    ///
    /// A conflict with what was answered before means that this frame overtook the one before it,
    /// or that the target is mad. openraft would take it for a log that was lost, and panic.
    fn settle(
        matched: &Mutex<Option<LogId>>,
        is_sign_of_life: bool,
        answer: Answer,
    ) -> Result<Answer, RPCError<Types>> {
        let mut matched = matched.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.response {
            AppendEntriesResponse::Success => *matched = (*matched).max(answer.last),
            // Before the first entry there is nothing to conflict with either.
            AppendEntriesResponse::Conflict if is_sign_of_life || answer.previous <= *matched => {
                let conflict = "conflict with what was stored before";
                return Err(RPCError::Network(NetworkError::from_string(conflict)));
            }
            _ => {}
        }
        Ok(answer)
    }
}

/// The answer to an append, with what was appended.
struct Answer {
    response: AppendEntriesResponse<Types>,
    previous: Option<LogId>,
    last: Option<LogId>,
}

impl RaftNetworkV2<Types> for Line {
    type SnapshotData = Content;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let answer = self.send_entries(rpc).await?;
        Ok(Self::settle(&self.matched, self.is_sign_of_life, answer)?.response)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<Types>, RPCError<Types>>>, RPCError<Types>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let window = self.append_window;
        let line = &*self;
        let is_sign_of_life = self.is_sign_of_life;
        let answers = input
            .map(move |rpc| line.send_entries(rpc))
            .buffered(window)
            .map(move |answer| {
                let answer = Self::settle(&line.matched, is_sign_of_life, answer?)?;
                Ok(answer
                    .response
                    .into_stream_result(answer.previous, answer.last))
            });
        let answers: BoxStream<'s, _> = Box::pin(until_error(answers));
        async move { Ok(answers) }.boxed()
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let request = RaftRequest::new(Request::Vote(convert::ballot(&rpc)));
        match self
            .call(RPCTypes::Vote, request, option.soft_ttl())
            .await?
        {
            Reply::Vote(vote) => convert::vote_response(vote).map_err(malformed),
            other => Err(surprising(&other)),
        }
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let request = RaftRequest::new(Request::PreVote(convert::ballot(&rpc)));
        match self
            .call(RPCTypes::Vote, request, option.soft_ttl())
            .await?
        {
            Reply::Vote(vote) => convert::vote_response(vote).map_err(malformed),
            other => Err(surprising(&other)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        // What it stands for is what counts. The member reads a state that is at least as new, here or elsewhere.
        let meta = snapshot.meta;
        drop(snapshot.snapshot);
        let outgoing = Outgoing {
            me: self.id,
            target: self.target,
            carrier: self.carrier.clone(),
        };
        let sending = async {
            let _turn = self.transfers.turn().await;
            outgoing
                .run(&self.transfers, &self.refusals, &vote, &meta)
                .await
        };
        tokio::select! {
            sent = sending => sent,
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let request = RaftRequest::new(Request::Transfer(convert::transfer(&req)));
        match self
            .call(RPCTypes::TransferLeader, request, option.soft_ttl())
            .await?
        {
            Reply::Transfer { accepted: true } => Ok(Ok(())),
            // Why does not travel: openraft only logs it.
            Reply::Transfer { accepted: false } => Ok(Err(TransferLeaderError::LogNotFlushed {
                expected: req.last_log_id().copied(),
                actual: None,
            })),
            other => Err(surprising(&other)),
        }
    }
}

/// The items up to the first that ends the stream of appends, with it.
fn until_error<T, E, F>(
    items: impl Stream<Item = Result<Result<T, E>, F>>,
) -> impl Stream<Item = Result<Result<T, E>, F>> {
    let items = Box::pin(items);
    stream::unfold(Some(items), |items| async move {
        let mut items = items?;
        let item = items.next().await?;
        let goes_on = matches!(item, Ok(Ok(_)));
        Some((item, goes_on.then_some(items)))
    })
}

pub(super) fn unreachable(reason: impl ToString) -> RPCError<Types> {
    RPCError::Unreachable(Unreachable::from_string(reason))
}

fn malformed(error: Malformed) -> RPCError<Types> {
    unreachable(error)
}

/// A reply of another kind than the request asked for.
fn surprising(reply: &Reply) -> RPCError<Types> {
    RPCError::Network(NetworkError::from_string(format!(
        "unexpected reply {reply:?}"
    )))
}
