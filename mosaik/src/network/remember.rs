//! Keeping the last good peers in the data directory, so that a restart needs nobody's help.

use std::{sync::Arc, time::Duration};

use super::data_dir::DataDir;
use crate::{
    discovery::Discovery,
    runtime::{Shutdown, time},
};

/// Writes the peers down when they have changed, until the network is closed.
pub(super) async fn run(data_dir: Arc<DataDir>, discovery: Discovery, shutdown: Shutdown) {
    let mut catalog = discovery.catalog_watch();
    let work = async {
        while catalog.changed().await.is_ok() {
            // Changes come in bursts: one write is enough for all of them.
            time::sleep(SETTLE).await;
            catalog.mark_unchanged();
            save(&data_dir, &discovery).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = shutdown.cancelled() => {}
    }
}

/// Writes the best peers down. Best effort: a failure is logged, and the old file stays.
///
/// A node that knows nobody keeps what it knew before.
pub(super) async fn save(data_dir: &Arc<DataDir>, discovery: &Discovery) {
    let peers = discovery.good_peers();
    if peers.is_empty() {
        return;
    }
    let data_dir = Arc::clone(data_dir);
    match tokio::task::spawn_blocking(move || data_dir.save_peers(&peers)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "cannot save the last good peers"),
        Err(error) => tracing::debug!(%error, "saving the last good peers was cut off"),
    }
}

/// Long enough for a network to form, short enough to survive a crash soon after.
const SETTLE: Duration = Duration::from_secs(5);
