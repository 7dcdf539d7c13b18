//! Bringing in the snapshot that the leader wants this replica to have, from whoever has it.

use bytes::Bytes;

use super::carrier::CarryError;
use super::convert;
use super::incoming::{Collecting, Decision, Outcome, Progress, Ticket, Wanted};
use super::machine::Content;
use super::replica::Replica;
use super::serve::Refusal;
use super::types::{self, Snapshot, SnapshotMeta};
use super::wire::{Fetch, Fetched, Piece, Pull, Pulled, RaftReply, RaftRequest, Reply, Request};
use crate::groups::identity::ReplicaId;
use crate::runtime::Clock;
use crate::runtime::time::{self, Duration};

/// How long the leader waits for news: less than it waits for an answer at all.
const NEWS_WITHIN: Duration = Duration::from_millis(500);

/// Time that one piece may take. On the slowest link that a group bears, half a MiB passes in it.
const PIECE_DEADLINE: Duration = Duration::from_secs(30);

/// Time without a step forward after which the next source is asked, and the same for the last.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(20));

/// Wait before a source is asked again, and its longest value.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// More sources than a leader names.
const SOURCES_MAX: usize = 8;

impl Replica {
    pub(super) async fn serve_fetch(
        &self,
        from: ReplicaId,
        fetch: Fetch,
    ) -> Result<Fetched, Refusal> {
        let vote = convert::leader_vote(from, fetch.term)?;
        convert::log_id(fetch.least)?;
        if fetch.sources.is_empty() || fetch.sources.len() > SOURCES_MAX {
            let count = fetch.sources.len();
            return Err(Refusal::Limit(format!("{count} sources of a snapshot")));
        }
        if fetch.least.term > fetch.term {
            return Err(Refusal::Limit("snapshot of a later term".to_owned()));
        }
        if let Some(promise) = self.later_promise(fetch.term) {
            return Ok(Fetched::Higher(promise));
        }
        let wanted = Wanted {
            leader: from,
            term: fetch.term,
            transfer: fetch.transfer,
        };
        match self.incoming(|incoming| incoming.ask(wanted, Clock::system().now())) {
            Decision::Busy => return Ok(Fetched::Busy),
            Decision::Known(fetched @ (Fetched::Underway { .. } | Fetched::Restoring)) => {
                tracing::trace!(?fetched, "asked again");
            }
            Decision::Known(over) => return Ok(over),
            Decision::Begin(ticket) => {
                let replica = self.clone();
                // Whether the leader goes on waiting must not matter to what becomes of it.
                self.0.tasks.spawn("fetch", async move {
                    // A replica that has stopped wants none.
                    let outcome = tokio::select! {
                        biased;
                        reason = replica.0.health.failed() => Outcome::Failed(reason.to_string()),
                        outcome = replica.fetch(ticket, vote, &fetch) => outcome,
                    };
                    replica.incoming(|incoming| incoming.over(ticket, outcome));
                });
            }
        }
        let mut watched = self.0.incoming.subscribe();
        let over = watched.wait_for(|incoming| incoming.is_over(wanted));
        // In time or not: the answer is how far it is.
        let _ = time::timeout(NEWS_WITHIN, over).await.is_ok();
        Ok(self.0.incoming.borrow().progress(wanted))
    }

    /// Asks one source after the other, and makes the snapshot the state.
    async fn fetch(&self, ticket: Ticket, vote: types::Vote, fetch: &Fetch) -> Outcome {
        let mut troubles = Vec::new();
        for (index, source) in fetch.sources.iter().enumerate() {
            if *source == self.0.id {
                continue;
            }
            let patience = if index + 1 == fetch.sources.len() {
                PATIENCE.1
            } else {
                PATIENCE.0
            };
            match self.fetch_from(*source, ticket, fetch, patience).await {
                Ok((meta, chunks)) => {
                    if !self.incoming(|incoming| incoming.restore(ticket)) {
                        return Outcome::Failed("no longer wanted".to_owned());
                    }
                    return self.restore(vote, meta, chunks).await;
                }
                Err(trouble) => {
                    tracing::debug!(replica = %self.0.id, %source, trouble, "no snapshot from there");
                    troubles.push(format!("{source}: {trouble}"));
                }
            }
        }
        Outcome::Failed(troubles.join("; "))
    }

    /// All of a snapshot of this source. A lost piece is asked for again.
    async fn fetch_from(
        &self,
        source: ReplicaId,
        ticket: Ticket,
        fetch: &Fetch,
        patience: Duration,
    ) -> Result<(SnapshotMeta, Vec<Bytes>), String> {
        let transfer = self.0.transfers.number();
        let mut collecting = Collecting::new(self.0.limits.snapshot_bytes);
        let mut wait = RETRY.0;
        let mut stepped = Clock::system().now();
        loop {
            let pull = Pull {
                transfer,
                least: fetch.least,
                offset: collecting.offset(),
            };
            let request = RaftRequest::new(Request::Pull(pull));
            let reply = self.0.carrier.call(source, request, PIECE_DEADLINE).await;
            let problem = match reply {
                Ok(RaftReply(Reply::Pull(Pulled::Piece(piece)))) => {
                    let progress = self.take(&mut collecting, piece, fetch)?;
                    if !self.incoming(|incoming| incoming.step(ticket, Clock::system().now())) {
                        return Err("no longer wanted".to_owned());
                    }
                    if progress == Progress::Whole {
                        return collecting.into_parts().ok_or_else(|| "empty".to_owned());
                    }
                    (wait, stepped) = (RETRY.0, Clock::system().now());
                    continue;
                }
                Ok(RaftReply(Reply::Pull(Pulled::Late))) => "its state is older",
                Ok(RaftReply(Reply::Pull(Pulled::Busy))) => "it is busy",
                Ok(RaftReply(Reply::Pull(Pulled::Gone))) => {
                    return Err("it has lost the transfer".to_owned());
                }
                Ok(RaftReply(Reply::Refused(reason))) => return Err(reason),
                Ok(RaftReply(_)) => return Err("unexpected reply".to_owned()),
                Err(CarryError::Unreachable) => "unreachable",
                Err(CarryError::Deadline) => "no reply in time",
                Err(CarryError::Refused(reason)) => return Err(reason),
            };
            if stepped.elapsed() >= patience {
                return Err(problem.to_owned());
            }
            time::sleep(wait).await;
            wait = (2 * wait).min(RETRY.1);
        }
    }

    /// Takes a piece, if it is one of a snapshot that this replica can have.
    fn take(
        &self,
        collecting: &mut Collecting,
        mut piece: Piece,
        fetch: &Fetch,
    ) -> Result<Progress, String> {
        let meta = match piece.head.take() {
            Some(head) => {
                // Less is of no use to the leader, which sends what comes after `least`.
                if head.last.index < fetch.least.index || head.last.term < fetch.least.term {
                    return Err("its snapshot is older".to_owned());
                }
                let meta = convert::snapshot_meta(&head, fetch.term);
                let meta = meta.map_err(|error| error.to_string())?;
                if !self.fits(&meta) {
                    return Err("its snapshot contradicts the log".to_owned());
                }
                Some(meta)
            }
            None => None,
        };
        collecting
            .add(piece, meta)
            .map_err(|unfit| unfit.to_string())
    }

    /// Makes a snapshot that the leader with this vote wants the state.
    async fn restore(&self, vote: types::Vote, meta: SnapshotMeta, chunks: Vec<Bytes>) -> Outcome {
        if !self.fits(&meta) {
            return Outcome::Failed("the snapshot contradicts the log".to_owned());
        }
        let snapshot = Snapshot {
            meta,
            snapshot: Content::Received(chunks),
        };
        match self.0.raft.install_full_snapshot(vote, snapshot).await {
            Ok(now) if now.vote == vote => Outcome::Installed(convert::promise(&now.vote)),
            Ok(now) => Outcome::Higher(convert::promise(&now.vote)),
            Err(fatal) => Outcome::Failed(self.stopped(&fatal).to_string()),
        }
    }
}
