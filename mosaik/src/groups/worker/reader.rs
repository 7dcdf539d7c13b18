//! Strong queries: asks the leader how far the history is, and waits until this member is there.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::oneshot;

use super::{
    client::Failure,
    core::{Core, lock},
    traffic,
    wire::{ASK_READ_INDEX, LeaderAnswer, encode_lineage},
};
use crate::{groups::bonds::Lane, runtime::time};

/// Answers queries until the group is left. All that have come while a round was being asked share the next one.
pub(super) async fn run(core: Arc<Core>) {
    let mut rounds: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut left = std::pin::pin!(core.leaving.cancelled());
    loop {
        if rounds.len() < ROUNDS_MAX {
            let waiting = std::mem::take(&mut *lock(&core.reads));
            if !waiting.is_empty() {
                rounds.push(round(core.clone(), waiting).boxed());
            }
        }
        tokio::select! {
            () = &mut left => return,
            () = core.reads_changed.notified() => {}
            Some(()) = rounds.next(), if !rounds.is_empty() => {}
        }
    }
}

async fn round(core: Arc<Core>, waiting: Vec<oneshot::Sender<Result<(), Failure>>>) {
    let limit = core.config.consensus().query_timeout;
    let mut last = Failure::Offline;
    let read = async {
        loop {
            match attempt(&core).await {
                Ok(()) => return,
                Err(failure) => last = failure,
            }
            time::sleep(RETRY_AFTER).await;
        }
    };
    let outcome = match time::timeout(limit.mul_f32(PATIENCE_SHARE), read).await {
        Ok(()) => Ok(()),
        Err(_) => Err(last),
    };
    for waiting in waiting {
        // Nobody waits any more: fine.
        let _ = waiting.send(outcome.clone());
    }
}

async fn attempt(core: &Arc<Core>) -> Result<(), Failure> {
    let active = core.active.borrow().clone().ok_or(Failure::Offline)?;
    let leader = core.leader_of(&active, &active.replica.watch().borrow());
    let leader = leader.ok_or(Failure::NoQuorum)?;
    let answer = if leader == active.id {
        traffic::read_index(active.clone()).await
    } else {
        let tied = core.bonds().of(&leader);
        let tied = tied.ok_or(Failure::NoQuorum)?;
        let content = (encode_lineage(active.lineage()), bytes::Bytes::new());
        let deadline = core.config.consensus().query_timeout;
        let asked = tied.call(Lane::Control, ASK_READ_INDEX, content, deadline);
        let answer = asked.await.map_err(|_| Failure::NoQuorum)?;
        LeaderAnswer::decode(&answer)
    };
    match answer {
        LeaderAnswer::Done(index) => {
            let applied = active.replica.wait_applied(index).await;
            applied.map_err(|_| Failure::Offline)
        }
        LeaderAnswer::NoQuorum => Err(Failure::NoQuorum),
        _ => Err(Failure::Offline),
    }
}

/// Rounds that may be under way at a time: the next one is asked before the last has come back.
const ROUNDS_MAX: usize = 4;

/// Before the time-out is over, the caller knows.
const PATIENCE_SHARE: f32 = 0.9;

const RETRY_AFTER: Duration = Duration::from_millis(20);
