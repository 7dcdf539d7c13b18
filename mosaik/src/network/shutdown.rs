//! Closing a network: in order, and within a deadline.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{data_dir::DataDir, error::ShutdownError, remember};
use crate::{
    discovery::Discovery,
    groups::Groups,
    runtime::{Clock, Tasks},
    streams::Streams,
    transport::Transport,
};

/// What a clean [`Network::shutdown`](super::Network::shutdown) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How long it took.
    pub elapsed: Duration,
    /// How many known peers there were to say goodbye to.
    pub peers_count: usize,
}

/// The parts of a network, in the order in which they are closed.
///
/// It does not know of the handles that users hold: those find their actors gone.
pub(super) struct Parts {
    pub(super) discovery: Discovery,
    pub(super) streams: Streams,
    pub(super) groups: Groups,
    #[cfg(feature = "tdx")]
    pub(super) tdx: Arc<super::tdx::Attester>,
    pub(super) transport: Transport,
    pub(super) tasks: Tasks,
    pub(super) clock: Clock,
    /// Let go of when the network is closed, so that another one can open the directory.
    pub(super) data_dir: Mutex<Option<Arc<DataDir>>>,
}

impl Parts {
    /// Says goodbye, ends the tasks and closes the connections, whatever happens to any of them.
    pub(super) async fn close(&self, deadline: Duration) -> Result<ShutdownReport, ShutdownError> {
        let deadline = deadline.min(DEADLINE_MAX);
        let start = self.clock.now();
        let left = |until| (start + until).saturating_duration_since(self.clock.now());
        let mut unfinished = None;
        let peers_count = self.discovery.catalog().signed_peers_count();

        let data_dir = self.data_dir().clone();
        if let Some(data_dir) = &data_dir {
            remember::save(data_dir, &self.discovery).await;
        }
        // The others of a group go on without this member while the connections are there.
        self.groups.close(deadline.mul_f32(GROUPS_SHARE)).await;
        // Consumers get what was accepted while the connections are there.
        self.streams
            .close(left(deadline.mul_f32(STREAMS_SHARE)))
            .await;
        self.discovery
            .shutdown(left(deadline.mul_f32(GOODBYE_SHARE)))
            .await;
        if left(deadline.mul_f32(GOODBYE_SHARE)).is_zero() {
            unfinished.get_or_insert("the goodbye to peers");
        }

        // Connections are always closed, if only with the packet that says so.
        self.transport.close(left(deadline).max(CLOSE_FLOOR)).await;
        self.tasks.shutdown().cancel();
        if self.tasks.close(left(deadline)).await > 0 {
            unfinished.get_or_insert("a background task");
        }
        drop(data_dir);
        self.data_dir().take();

        match unfinished {
            None => Ok(ShutdownReport {
                elapsed: self.clock.now() - start,
                peers_count,
            }),
            Some(unfinished) => Err(ShutdownError::DeadlineExceeded {
                deadline,
                unfinished,
            }),
        }
    }

    fn data_dir(&self) -> MutexGuard<'_, Option<Arc<DataDir>>> {
        self.data_dir.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of the deadline handing on leadership and being removed from groups may take.
const GROUPS_SHARE: f32 = 0.5;

/// How much of the deadline consumers have to take what was sent to them.
const STREAMS_SHARE: f32 = 0.7;

/// Peers that hear the goodbye need not find out by probing, which costs each of them seconds. What is
/// left after it is for closing the connections.
const GOODBYE_SHARE: f32 = 0.85;

/// Longer is for ever, and would not fit into the clock.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Enough for a close frame to leave, when nothing is left of the deadline.
const CLOSE_FLOOR: Duration = Duration::from_millis(50);

/// How long a dropped network goes on in the background. As the reference's departure window, and
/// some time for the transport.
pub(super) const DROP_DEADLINE: Duration = Duration::from_millis(1_000);
