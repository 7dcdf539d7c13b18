//! Brings this node's commands to the leader, whoever that is, until they are applied here.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    batch::Entry,
    client::{Patience, Sending},
    core::{Active, Core, lock},
    traffic,
    wire::{ASK_PROPOSE, LeaderAnswer, encode_lineage},
};
use crate::{
    groups::{
        bonds::{CallError, Lane},
        identity::ReplicaId,
    },
    runtime::time,
};

/// What became of one sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// The leader has answered.
    Answered(LeaderAnswer),
    /// Nothing was sent.
    Held,
    /// It was sent, and there is no answer.
    Lost,
}

type Out = FuturesUnordered<BoxFuture<'static, (Sending, Sent)>>;

/// Sends until the group is left.
pub(super) async fn run(core: Arc<Core>) {
    let mut active = core.active.subscribe();
    let patience = patience(&core);
    let mut left = std::pin::pin!(core.leaving.cancelled());
    let mut out = Out::new();
    // Who the commands that are out went to.
    let mut sent_to: Option<ReplicaId> = None;
    loop {
        let current = active.borrow_and_update().clone();
        let mut view = current.as_ref().map(|active| active.replica.watch());
        let leader = match (&current, &mut view) {
            (Some(current), Some(view)) => core.leader_of(current, &view.borrow_and_update()),
            _ => None,
        };
        if leader.is_some() && leader != sent_to {
            sent_to = leader;
            lock(&core.client).send_all_again();
        }
        if let (Some(current), Some(leader)) = (&current, leader) {
            send_all(&core, current, leader, &mut out).await;
        }
        let now = core.clock.now();
        let next_at = lock(&core.client).next_at(now, patience);
        let view_changed = async {
            match &mut view {
                Some(view) => view.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut left => return,
            changed = active.changed() => if changed.is_err() {
                return;
            },
            // A replica that is gone is replaced.
            is_there = view_changed => if !is_there {
                time::sleep(RETRY_AFTER).await;
            },
            () = core.client_changed.notified() => {}
            Some((sending, sent)) = out.next(), if !out.is_empty() => {
                take_in(&core, &sending, sent);
            }
            () = time::sleep_until(next_at.unwrap_or(now + FAR)) => {
                let (now, session) = (core.clock.now(), core.new_session());
                let answers = lock(&core.client).expire(now, patience, session);
                answers.give();
            }
        }
    }
}

/// Sends what the window allows.
async fn send_all(core: &Arc<Core>, current: &Active, leader: ReplicaId, out: &mut Out) {
    loop {
        let Some(sending) = lock(&core.client).next_piece(core.clock.now()) else {
            return;
        };
        if leader != current.id {
            out.push(forward(core, current, leader, sending));
            continue;
        }
        let entry = Entry::of_piece(core.stamp(), &sending.bytes);
        match traffic::submit(current, entry).await {
            Ok(outcome) => {
                out.push(
                    outcome
                        .map(|answer| (sending, Sent::Answered(answer)))
                        .boxed(),
                );
            }
            Err(answer) => take_in(core, &sending, Sent::Answered(answer)),
        }
    }
}

/// Sends a piece to the leader. It is on its way when this returns.
fn forward(
    core: &Arc<Core>,
    current: &Active,
    leader: ReplicaId,
    sending: Sending,
) -> BoxFuture<'static, (Sending, Sent)> {
    let Some(tied) = core.bonds().of(&leader) else {
        return std::future::ready((sending, Sent::Held)).boxed();
    };
    let content = (encode_lineage(current.lineage()), sending.bytes.clone());
    let deadline = core.config.consensus().forward_timeout;
    let called = tied.call(Lane::Append, ASK_PROPOSE, content, deadline);
    async move {
        let sent = match called.await {
            Ok(answer) => Sent::Answered(LeaderAnswer::decode(&answer)),
            Err(CallError::NotSent) => Sent::Held,
            Err(CallError::Ended | CallError::Deadline) => Sent::Lost,
        };
        (sending, sent)
    }
    .boxed()
}

fn take_in(core: &Core, sending: &Sending, sent: Sent) {
    let now = core.clock.now();
    match sent {
        // It is committed, and will be applied here.
        Sent::Answered(LeaderAnswer::Done(_)) => {}
        Sent::Answered(LeaderAnswer::NotLeader) | Sent::Held => {
            lock(&core.client).refused(sending, now + RETRY_AFTER);
        }
        Sent::Answered(LeaderAnswer::NoQuorum) => {
            lock(&core.client).refused(sending, now + NO_QUORUM_RETRY_AFTER);
        }
        Sent::Answered(LeaderAnswer::Refused) => {
            tracing::error!("the leader refuses commands as malformed");
            lock(&core.client).refused(sending, now + NO_QUORUM_RETRY_AFTER);
        }
        Sent::Answered(LeaderAnswer::Unknown) | Sent::Lost => {
            lock(&core.client).lost(sending, now + RETRY_AFTER);
        }
    }
}

fn patience(core: &Core) -> Patience {
    let forward = core.config.consensus().forward_timeout;
    Patience {
        unsent: forward.mul_f32(UNSENT_SHARE),
        sent: forward * SENT_FORWARDS,
    }
}

/// Before the forward time-out is over, a caller knows that there is no quorum.
const UNSENT_SHARE: f32 = 0.8;

/// A command that may have been applied is sent again for this many forward time-outs.
const SENT_FORWARDS: u32 = 3;

const RETRY_AFTER: Duration = Duration::from_millis(20);

const NO_QUORUM_RETRY_AFTER: Duration = Duration::from_millis(100);

/// Nothing is due: a wait that something else will end.
const FAR: Duration = Duration::from_secs(24 * 3600);
