//! The task that owns a node's timers, and its way out.

use std::{sync::Arc, time::Duration};

use tracing::debug;

use super::{Input, shell::Shell};
use crate::runtime::time::{Instant, sleep_until, timeout};

/// How long addresses must be quiet before the entry is signed anew: interfaces come up in bursts.
const ADDRESSES_SETTLE: Duration = Duration::from_secs(1);

/// The least time between two calls of the core's timers.
const TICK_MIN: Duration = Duration::from_millis(1);

/// Runs the timers of a node until it shuts down, then says goodbye.
pub(super) async fn run(shell: Arc<Shell>) {
    let shutdown = shell.tasks.shutdown().clone();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tick_for_ever(&shell) => {}
    }
    leave(&shell).await;
}

async fn tick_for_ever(shell: &Arc<Shell>) {
    let mut addr_changes = shell.transport.addr_changes();
    let mut not_before = shell.clock.now();
    let mut readdress_at = None;
    loop {
        let tick_at = shell.arm().map(|at| at.max(not_before));
        tokio::select! {
            () = shell.wake.notified() => {}
            () = until(tick_at) => {
                shell.input(Input::Tick);
                not_before = shell.clock.now() + TICK_MIN;
            }
            Ok(()) = addr_changes.changed() => {
                readdress_at = Some(shell.clock.now() + ADDRESSES_SETTLE);
            }
            () = until(readdress_at) => {
                readdress_at = None;
                let addr = shell.transport.local_addr();
                shell.input(Input::AddressChanged(addr));
            }
        }
    }
}

/// Tells the neighbours, waits for the news to be sent, and ends every link.
async fn leave(shell: &Arc<Shell>) {
    shell.syncs.cancel_all();
    shell.input(Input::Leave);
    let window = shell.config.graceful_departure_window;
    if timeout(window, shell.links.finish()).await.is_err() {
        debug!("not every neighbour took the goodbye in time");
    }
    shell.links.cut_all();
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
