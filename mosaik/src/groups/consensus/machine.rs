//! Between openraft and the applier: feeds it the committed batches, and takes its panics.

use core::any::Any;
use core::fmt;
use core::panic::AssertUnwindSafe;
use std::io;
use std::panic::catch_unwind;
use std::sync::Mutex;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::watch;

use super::applier::{Applier, Position};
use super::health::{Fatal, Health};
use super::types::{LogId, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::groups::Checkpoint;

/// The applier with what openraft wants to know about it.
///
/// Snapshots are not kept: the state is in memory, so a "built" snapshot is only the promise that
/// the log up to it may go, and whoever asks for it gets a checkpoint of the state as it is then.
pub(super) struct Machine {
    /// Never locked: makes the whole shareable, as openraft wants it, though it is not shared.
    applier: Mutex<Box<dyn Applier>>,
    applied: Option<LogId>,
    membership: StoredMembership,
    /// The log up to here may be gone.
    covered: bool,
    health: Health,
    /// How many entries are applied: the index after the last.
    progress: watch::Sender<u64>,
}

/// What a snapshot consists of.
pub(super) enum Content {
    /// Nothing: only what it stands for is wanted.
    Mark,
    /// The state of this replica.
    Here(Box<dyn Checkpoint>),
    /// The chunks that another replica gave.
    Received(Vec<Bytes>),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mark => "Mark",
            Self::Here(_) => "Here",
            Self::Received(_) => "Received",
        })
    }
}

/// Entries applied before others get the thread, and those who wait for the entries get to know.
const RUN_ENTRIES_MAX: usize = 128;

impl Machine {
    pub(super) fn new(applier: Box<dyn Applier>, health: Health) -> Self {
        Self {
            applier: Mutex::new(applier),
            applied: None,
            membership: StoredMembership::default(),
            covered: false,
            health,
            progress: watch::Sender::new(0),
        }
    }

    /// How many entries are applied.
    pub(super) fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.applied,
            last_membership: self.membership.clone(),
        }
    }

    /// The state as it is now, if anything was ever applied.
    pub(super) fn state_now(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let Some(applied) = self.applied else {
            return Ok(None);
        };
        let checkpoint = self.with_applier(applied.index, |applier| applier.checkpoint())?;
        Ok(Some(Snapshot {
            meta: self.meta(),
            snapshot: Content::Here(checkpoint),
        }))
    }

    /// Calls the applier; a panic is the end of the replica.
    fn with_applier<R>(
        &mut self,
        index: u64,
        call: impl FnOnce(&mut dyn Applier) -> R,
    ) -> Result<R, io::Error> {
        let applier = self
            .applier
            .get_mut()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        catch_unwind(AssertUnwindSafe(|| call(&mut **applier))).map_err(|panic| {
            let text = panic_text(&*panic);
            tracing::error!(index, panic = text, "state machine panicked");
            self.health.fail(Fatal::Panicked {
                index,
                text: text.clone(),
            });
            io::Error::other(text)
        })
    }

    /// Takes one entry; its responder is for the end of the run.
    fn take(
        &mut self,
        item: EntryResponder<Types>,
    ) -> Result<Option<ApplyResponder<Types>>, io::Error> {
        let (entry, responder) = item;
        let at = Position {
            log_index: entry.log_id.index,
            term: entry.log_id.leader_id.term,
        };
        match entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(batch) => {
                self.with_applier(at.log_index, |applier| applier.apply(at, &batch.0))?;
            }
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
        }
        self.applied = Some(entry.log_id);
        Ok(responder)
    }

    /// Lets the world know how far the state is.
    fn end_run(&mut self, responders: &mut Vec<ApplyResponder<Types>>) -> Result<(), io::Error> {
        let applied = self.applied.map_or(0, |applied| applied.index + 1);
        self.with_applier(applied.saturating_sub(1), |applier| applier.end_of_run())?;
        self.progress.send_replace(applied);
        for responder in responders.drain(..) {
            responder.send(());
        }
        Ok(())
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Content;
    type SnapshotBuilder = Built;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        let mut responders = Vec::new();
        let mut run = 0;
        while let Some(item) = entries.next().await {
            if let Some(responder) = self.take(item?)? {
                responders.push(responder);
            }
            run += 1;
            if run == RUN_ENTRIES_MAX {
                run = 0;
                self.end_run(&mut responders)?;
                tokio::task::yield_now().await;
            }
        }
        if run > 0 {
            self.end_run(&mut responders)?;
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _: bool) -> Option<Built> {
        Some(self.get_snapshot_builder().await)
    }

    async fn get_snapshot_builder(&mut self) -> Built {
        self.covered = self.applied.is_some();
        Built(self.meta())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        content: Content,
    ) -> Result<(), io::Error> {
        let mut chunks: Box<dyn Iterator<Item = Bytes>> = match content {
            Content::Mark => Box::new(core::iter::empty()),
            Content::Here(mut checkpoint) => {
                Box::new(core::iter::from_fn(move || checkpoint.next_chunk()))
            }
            Content::Received(chunks) => Box::new(chunks.into_iter()),
        };
        let index = meta.last_log_id.map_or(0, |last| last.index);
        let restored = self.with_applier(index, |applier| applier.restore(&mut *chunks))?;
        if let Err(error) = restored {
            let text = error.to_string();
            tracing::error!(index, error = text, "snapshot does not restore");
            self.health.fail(Fatal::Restore { text: text.clone() });
            return Err(io::Error::other(text));
        }
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.covered = true;
        self.end_run(&mut Vec::new())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        if !self.covered {
            return Ok(None);
        }
        self.state_now()
    }
}

/// A snapshot that is the state itself.
pub(super) struct Built(SnapshotMeta);

impl RaftSnapshotBuilder<Types> for Built {
    type SnapshotData = Content;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        Ok(Snapshot {
            meta: self.0.clone(),
            snapshot: Content::Mark,
        })
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(a panic without text)".to_owned())
}
