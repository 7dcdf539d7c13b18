//! Waiting for what comes about, each time with a limit and a name.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// What the future gives, if it does so in time.
pub(crate) async fn within<T>(time: Duration, what: &str, future: impl Future<Output = T>) -> T {
    timeout(time, future)
        .await
        .unwrap_or_else(|_| panic!("not within {time:?}: {what}"))
}

/// Resolves when that holds, which nothing announces. Put a limit around it: [`within`].
pub(crate) async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        sleep(BETWEEN_LOOKS).await;
    }
}

/// Short beside everything that tests wait for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
