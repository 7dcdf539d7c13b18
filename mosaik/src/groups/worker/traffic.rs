//! What travels over bonds: what this member asks of others, and what others ask of it.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

use super::{
    batch::{Entry, Piece, parse_lineage},
    core::{Active, Core, Stopped, is_session_of, lock},
    digest::Pulse,
    driver::Input,
    wire::{
        self, ASK_LEAVE, ASK_PROPOSE, ASK_RAFT, ASK_READ_INDEX, LeaderAnswer, NOTE_CARD,
        NOTE_FOUNDING, RaftAnswer,
    },
};
use crate::{
    groups::{
        GroupEvent,
        bonds::{CallError, Lane, Member, Tied},
        consensus::{self, Carrier, CarryError, ProposeError, RaftReply, RaftRequest, ReadError},
        identity::{Lineage, ReplicaId},
        lineage::{Address, Standing, Verdict, fence},
        refusals::Refused,
    },
    primitives::PeerId,
    runtime::time,
};

/// The replica's way to the others.
pub(super) struct Line {
    pub(super) core: Weak<Core>,
    pub(super) me: ReplicaId,
    pub(super) lineage: Lineage,
}

impl Carrier for Line {
    fn call(
        &self,
        to: ReplicaId,
        request: RaftRequest,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<RaftReply, CarryError>> {
        let address = Address {
            from: self.me,
            to,
            lineage: self.lineage,
        };
        let Some(core) = self.core.upgrade() else {
            return std::future::ready(Err(CarryError::Unreachable)).boxed();
        };
        let assent = request.assent().filter(|_| core.flaws.silence_is_assent());
        let tied = core.bonds().of(&to);
        let (Some(tied), Ok(body)) = (tied, request.encode()) else {
            let answer = assent.ok_or(CarryError::Unreachable);
            return std::future::ready(answer).boxed();
        };
        let content = (wire::encode_address(&address), body);
        let called = match request.lane() {
            // In one order: an append without entries must not overtake the entries that it counts on.
            consensus::Lane::Control | consensus::Lane::Append => {
                let called = tied.call(Lane::Append, ASK_RAFT, content, deadline);
                called.left_future()
            }
            consensus::Lane::Snapshot => {
                let called = tied.call_bulk(ASK_RAFT, content, deadline);
                called.right_future()
            }
        };
        async move {
            let answer = match (called.await, assent) {
                (Ok(answer), _) => answer,
                (Err(_), Some(assent)) => return Ok(assent),
                (Err(CallError::NotSent | CallError::Ended), None) => {
                    return Err(CarryError::Unreachable);
                }
                (Err(CallError::Deadline), None) => return Err(CarryError::Deadline),
            };
            match RaftAnswer::decode(answer) {
                Ok(RaftAnswer::Reply(reply)) => RaftReply::decode(&reply)
                    .map_err(|error| CarryError::Refused(error.to_string())),
                Ok(RaftAnswer::Fenced(verdict)) => {
                    core.fenced(&address, verdict);
                    Err(CarryError::Refused(format!("{verdict:?}")))
                }
                Err(error) => Err(CarryError::Refused(error.to_string())),
            }
        }
        .boxed()
    }
}

impl Core {
    /// Another member's fence has turned a message of this one away.
    fn fenced(&self, address: &Address, verdict: Verdict) {
        if verdict != Verdict::Removed {
            return;
        }
        let says_voter = self.active.borrow().as_ref().is_some_and(|active| {
            let view = active.replica.watch();
            let view = view.borrow();
            active.id == address.from && view.members.voters.contains(&address.to)
        });
        if !says_voter {
            // Who does not vote cannot end another's membership by saying so.
            self.refusals.count(Refused::NoVoter);
            return;
        }
        self.is_removed.store(true, Ordering::Relaxed);
        self.driver.notify_one();
    }

    /// Whether a message for the consensus may pass, and to which replica.
    fn judge(&self, address: &Address) -> Result<Active, Verdict> {
        let verdict = {
            let place = lock(&self.place);
            let removed = |replica: &ReplicaId| {
                place.members_ever.contains(replica) && !place.members.contains(replica)
            };
            let verdict = fence(place.me, &place.standing, place.winner, removed, address);
            match (&place.standing, verdict) {
                // To be told to founding first, which may make this a member.
                (Standing::Joining(_), Verdict::Accept) => Verdict::Blank,
                (_, verdict) => verdict,
            }
        };
        match verdict {
            Verdict::Accept => {}
            _ if self.flaws.no_fence() => {}
            refused => return Err(refused),
        }
        let active = self.active.borrow().clone();
        let is_meant = |active: &Active| {
            let is_ours = active.id == address.to && active.lineage() == address.lineage;
            is_ours || self.flaws.no_fence()
        };
        active.filter(is_meant).ok_or(Verdict::Blank)
    }

    /// Whether this member has promised itself to the history, or has asked to be taken in.
    fn is_awaiting(&self, address: &Address) -> bool {
        let place = lock(&self.place);
        let awaited = match &place.standing {
            Standing::Pledged(lineage) | Standing::Joining(lineage) => Some(*lineage),
            Standing::Member(history) => Some(history.origin.lineage),
            Standing::Blank | Standing::Diverged(_) => None,
        };
        place.me == address.to && awaited == Some(address.lineage)
    }

    /// A peer says something to the consensus, on a way that is for these lanes.
    fn request_raft(
        self: Arc<Self>,
        from: &Arc<Tied>,
        head: &[u8],
        body: &[u8],
        is_for: impl FnOnce(consensus::Lane) -> bool,
    ) -> BoxFuture<'static, Bytes> {
        let address = wire::decode_address(head, &from.peer, &self.local);
        match (address, RaftRequest::decode(body)) {
            (Ok(address), Ok(request)) if is_for(request.lane()) => {
                let answer = self.answer_raft(address, request);
                answer.map(|answer| answer.encode()).boxed()
            }
            _ => {
                tracing::warn!(peer = %from.peer.fmt_short(), "malformed request refused");
                self.refusals.count(Refused::Malformed);
                refuse_malformed()
            }
        }
    }

    fn answer_raft(
        self: Arc<Self>,
        address: Address,
        request: RaftRequest,
    ) -> BoxFuture<'static, RaftAnswer> {
        let verdict = match self.judge(&address) {
            Ok(active) => {
                let served = async move {
                    let reply = active.replica.serve(address.from, request).await;
                    encode_reply(&reply)
                };
                return served.boxed();
            }
            Err(verdict) => verdict,
        };
        async move {
            if verdict != Verdict::Blank || !self.is_awaiting(&address) {
                self.refusals.count(Refused::Fenced);
                return RaftAnswer::Fenced(verdict);
            }
            // The message shows that the history is there: founding is told, and the fence is asked again.
            let (handled, done) = oneshot::channel();
            let touched = Input::Touched {
                lineage: address.lineage,
                handled,
            };
            if self.inputs.try_send(touched).is_ok() {
                let _ = time::timeout(TOUCHED_WITHIN, done).await;
            }
            match self.judge(&address) {
                Ok(active) => encode_reply(&active.replica.serve(address.from, request).await),
                Err(verdict) => RaftAnswer::Fenced(verdict),
            }
        }
        .boxed()
    }

    /// The replica of this very history, if it is led from here or not.
    pub(super) fn active_in(&self, lineage: Lineage) -> Option<Active> {
        let active = self.active.borrow().clone();
        active.filter(|active| active.lineage() == lineage || self.flaws.no_fence())
    }

    fn answer_leader(
        self: Arc<Self>,
        from: PeerId,
        kind: u8,
        head: &[u8],
        body: Bytes,
    ) -> BoxFuture<'static, LeaderAnswer> {
        let ready = |answer| std::future::ready(answer).boxed();
        let incarnation = match kind {
            ASK_LEAVE if head.len() == 28 => head[20..].try_into().ok().map(u64::from_be_bytes),
            ASK_LEAVE => {
                self.refusals.count(Refused::Malformed);
                return ready(LeaderAnswer::Refused);
            }
            _ => None,
        };
        let Ok(lineage) = parse_lineage(head.get(..20).unwrap_or_default()) else {
            self.refusals.count(Refused::Malformed);
            return ready(LeaderAnswer::Refused);
        };
        let Some(active) = self.active_in(lineage) else {
            return ready(LeaderAnswer::NotLeader);
        };
        match kind {
            ASK_PROPOSE => {
                let refused = match Piece::parse(&body) {
                    Ok(piece) if is_session_of(piece.session, &from) => None,
                    Ok(_) => Some(Refused::Session),
                    Err(_) => Some(Refused::Malformed),
                };
                if let Some(why) = refused {
                    tracing::warn!(peer = %from.fmt_short(), ?why, "commands refused");
                    self.refusals.count(why);
                    return ready(LeaderAnswer::Refused);
                }
                async move {
                    let submitted = {
                        // In the order of the requests: waiting lines are fair.
                        let _turn = self.turn.lock().await;
                        let entry = Entry::of_piece(self.stamp(), &body);
                        submit(&active, entry).await
                    };
                    match submitted {
                        Ok(outcome) => outcome.await,
                        Err(answer) => answer,
                    }
                }
                .boxed()
            }
            ASK_READ_INDEX => read_index(active).boxed(),
            ASK_LEAVE => async move {
                let leaver = ReplicaId::of(&from, incarnation.unwrap_or(0));
                match active.replica.remove(leaver).await {
                    Ok(()) => LeaderAnswer::Done(0),
                    Err(consensus::ChangeError::NotLeader { .. }) => LeaderAnswer::NotLeader,
                    Err(consensus::ChangeError::NoQuorum) => LeaderAnswer::NoQuorum,
                    Err(_) => LeaderAnswer::Unknown,
                }
            }
            .boxed(),
            _ => {
                self.refusals.count(Refused::Malformed);
                ready(LeaderAnswer::Refused)
            }
        }
    }

    /// Compares the states of two members at one entry.
    fn compare(&self, from: &Arc<Tied>, pulse: &Pulse) {
        let Some(active) = self.active_in(pulse.lineage) else {
            return;
        };
        let is_leader = active
            .replica
            .watch()
            .borrow()
            .leader
            .is_some_and(|leader| leader.is_of(&from.peer));
        if is_leader {
            let is_news = {
                let mut place = lock(&self.place);
                place.catch_up_to.is_none() && place.catch_up_to.replace(pulse.applied).is_none()
            };
            if is_news {
                self.driver.notify_one();
            }
        }
        let Some(ours) = lock(&self.digests).other_than(pulse.log_index, pulse.digest) else {
            return;
        };
        let evidence = format!(
            "{} at version {}: the state differs from that of {} (after log entry {}: digest {} here, {} there)",
            self.config.label(),
            ours.index,
            from.peer.fmt_short(),
            ours.log_index,
            ours.digest,
            pulse.digest
        );
        if is_leader {
            self.stop(Stopped {
                reason: format!("{evidence}; the machine is not deterministic"),
                is_readable: true,
            });
        } else {
            tracing::error!(%evidence, "a member's state differs");
        }
    }
}

/// Puts an entry into the log, as the leader: in the order of calls, with a future of what becomes of it.
pub(super) async fn submit(
    active: &Active,
    entry: Bytes,
) -> Result<BoxFuture<'static, LeaderAnswer>, LeaderAnswer> {
    match active.replica.submit(entry).await {
        Ok(outcome) => Ok(outcome.map(proposed).boxed()),
        Err(error) => Err(proposed(Err(error))),
    }
}

/// As [`submit`], in one.
pub(super) async fn propose(active: Active, entry: Bytes) -> LeaderAnswer {
    match submit(&active, entry).await {
        Ok(outcome) => outcome.await,
        Err(answer) => answer,
    }
}

fn proposed(outcome: Result<(), ProposeError>) -> LeaderAnswer {
    match outcome {
        Ok(()) => LeaderAnswer::Done(0),
        Err(ProposeError::NotLeader { .. }) => LeaderAnswer::NotLeader,
        Err(ProposeError::NoQuorum) => LeaderAnswer::NoQuorum,
        Err(ProposeError::Unknown | ProposeError::Fatal(_)) => LeaderAnswer::Unknown,
    }
}

/// An index that has everything acknowledged so far, as the leader.
pub(super) async fn read_index(active: Active) -> LeaderAnswer {
    match active.replica.read_index().await {
        Ok(index) => LeaderAnswer::Done(index),
        Err(ReadError::NoQuorum) => LeaderAnswer::NoQuorum,
        Err(ReadError::NotLeader { .. } | ReadError::Fatal(_)) => LeaderAnswer::NotLeader,
    }
}

fn refuse_malformed() -> BoxFuture<'static, Bytes> {
    let refused = encode_reply(&RaftReply::refused("malformed"));
    std::future::ready(refused.encode()).boxed()
}

fn encode_reply(reply: &RaftReply) -> RaftAnswer {
    match reply.encode() {
        Ok(reply) => RaftAnswer::Reply(reply),
        Err(error) => {
            tracing::error!(%error, "answer not encoded");
            RaftAnswer::Reply(Bytes::new())
        }
    }
}

impl Member for Core {
    fn facts(&self) -> Bytes {
        lock(&self.place).card.clone()
    }

    fn pulse(&self) -> Bytes {
        self.pulse_now()
            .map_or_else(Bytes::new, |pulse| pulse.encode())
    }

    fn hear_pulse(&self, from: &Arc<Tied>, pulse: &Bytes) {
        if let Some(pulse) = Pulse::decode(pulse) {
            self.compare(from, &pulse);
        }
    }

    fn hear(&self, from: &Arc<Tied>, kind: u8, body: Bytes) {
        match kind {
            NOTE_CARD => {
                from.set_facts(body);
                self.driver.notify_one();
            }
            NOTE_FOUNDING => match wire::decode_note::<wire::Said>(&body) {
                // One peer cannot speak for another. Founding repeats what is lost.
                Ok(said) if said.from.is_of(&from.peer) => {
                    let _ = self.inputs.try_send(Input::Said(Box::new(said)));
                }
                _ => {
                    tracing::debug!(peer = %from.peer.fmt_short(), "malformed note dropped");
                    self.refusals.count(Refused::Malformed);
                }
            },
            _ => self.refusals.count(Refused::Malformed),
        }
    }

    fn request(
        &self,
        from: &Arc<Tied>,
        kind: u8,
        head: Bytes,
        body: Bytes,
    ) -> BoxFuture<'static, Bytes> {
        let Some(this) = self.this.upgrade() else {
            return std::future::ready(LeaderAnswer::NotLeader.encode()).boxed();
        };
        if kind != ASK_RAFT {
            let answer = this.answer_leader(from.peer, kind, &head, body);
            return answer.map(LeaderAnswer::encode).boxed();
        }
        // Bulk asked for here would come between signs of life.
        this.request_raft(from, &head, &body, |lane| lane != consensus::Lane::Snapshot)
    }

    fn request_bulk(
        &self,
        from: &Arc<Tied>,
        kind: u8,
        head: Bytes,
        body: Bytes,
    ) -> BoxFuture<'static, Bytes> {
        if kind != ASK_RAFT {
            self.refusals.count(Refused::Malformed);
            return refuse_malformed();
        }
        self.this.upgrade().map_or_else(refuse_malformed, |this| {
            this.request_raft(from, &head, &body, |lane| lane == consensus::Lane::Snapshot)
        })
    }

    fn refused(&self, peer: PeerId, reason: &str) {
        let reason = reason.to_owned();
        self.tell(GroupEvent::Refused { peer, reason });
    }

    fn bonded(&self, tied: &Arc<Tied>) {
        self.meter.bonds(self.bonds().len());
        // It may have changed since it was introduced.
        let card = lock(&self.place).card.clone();
        tied.note(NOTE_CARD, card);
        self.driver.notify_one();
        self.client_changed.notify_one();
        self.tell(GroupEvent::Bonded { peer: tied.peer });
    }

    fn unbonded(&self, tied: &Arc<Tied>) {
        self.meter.bonds(self.bonds().len());
        self.driver.notify_one();
        self.tell(GroupEvent::Unbonded { peer: tied.peer });
    }
}

/// How long founding has to take in that a history is there.
const TOUCHED_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
