//! Whether a replica still runs, and why it does not.

use tokio::sync::watch;

/// Why a replica stopped for good. Nothing it is asked afterwards succeeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum Fatal {
    /// The state machine panicked. Its state is no longer to be trusted.
    #[error("state machine panicked at log index {index}: {text}")]
    Panicked {
        /// The entry it was applying, or had applied last.
        index: u64,
        /// What the panic said.
        text: String,
    },
    /// A snapshot from the leader does not restore.
    #[error("snapshot does not restore: {text}")]
    Restore {
        /// What the state machine said.
        text: String,
    },
    /// The consensus core stopped by itself.
    #[error("consensus failed: {text}")]
    Failed {
        /// What it said.
        text: String,
    },
    /// Its owner shut it down.
    #[error("replica was shut down")]
    Stopped,
}

/// The first reason wins and stays. Clones are one value.
#[derive(Clone)]
pub(super) struct Health(watch::Sender<Option<Fatal>>);

impl Health {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Records why the replica stopped, unless that is known already.
    pub(super) fn fail(&self, reason: Fatal) {
        self.0.send_if_modified(|known| {
            if known.is_some() {
                return false;
            }
            *known = Some(reason);
            true
        });
    }

    /// Why it stopped, if it did.
    pub(super) fn reason(&self) -> Option<Fatal> {
        self.0.borrow().clone()
    }

    /// Waits until it stops.
    pub(super) async fn failed(&self) -> Fatal {
        let mut changes = self.0.subscribe();
        match changes.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(Fatal::Stopped),
            // Not while `self` holds the sender.
            Err(_) => Fatal::Stopped,
        }
    }
}
