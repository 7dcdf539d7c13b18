//! openraft's own suite for stores, also with a disk that takes its time.

#![expect(
    clippy::disallowed_methods,
    reason = "a test ends what it starts with its runtime"
)]

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{LogState, OptionalSend, RaftLogReader, StorageError};

use super::harness::Recorder;
use crate::groups::consensus::health::Health;
use crate::groups::consensus::log::MemoryLog;
use crate::groups::consensus::machine::Machine;
use crate::groups::consensus::types::{Entry, LogId, Types, Vote};
use crate::runtime::time::{Duration, sleep};

fn machine() -> Machine {
    let recorder = Recorder {
        snapshots: true,
        ..Recorder::default()
    };
    Machine::new(Box::new(recorder), Health::new())
}

struct Plain;

impl StoreBuilder<Types, MemoryLog, Machine> for Plain {
    async fn build(&self) -> Result<((), MemoryLog, Machine), StorageError<Types>> {
        Ok(((), MemoryLog::new(1 << 20), machine()))
    }
}

struct Slow;

impl StoreBuilder<Types, Delayed, Machine> for Slow {
    async fn build(&self) -> Result<((), Delayed, Machine), StorageError<Types>> {
        Ok(((), Delayed(MemoryLog::new(1)), machine()))
    }
}

/// A log whose flushes are reported later.
struct Delayed(MemoryLog);

impl RaftLogReader<Types> for Delayed {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, io::Error> {
        self.0.try_get_log_entries(range).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        self.0.read_vote().await
    }
}

impl RaftLogStorage<Types> for Delayed {
    type LogReader = MemoryLog;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        self.0.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> MemoryLog {
        self.0.get_log_reader().await
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        sleep(Duration::from_millis(2)).await;
        self.0.save_vote(vote).await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.0.append(entries, IOFlushed::noop()).await?;
        tokio::spawn(async move {
            sleep(Duration::from_millis(2)).await;
            callback.io_completed(Ok(()));
        });
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        self.0.truncate_after(last).await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        self.0.purge(upto).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_suite_passes() {
    Suite::test_all(Plain).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_suite_passes_with_slow_flushes() {
    Suite::test_all(Slow).await.unwrap();
}
