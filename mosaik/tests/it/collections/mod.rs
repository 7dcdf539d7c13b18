//! Collections between nodes: on the network in memory under paused time, where every run is the same.

mod basics;
mod changes;
mod failures;
mod outcomes;
mod seeds;
mod snapshots;
mod sync;

use std::{future::Future, time::Duration};

use mosaik::collections::{Error, Version};

use crate::{
    wait::{until, within},
    world::World,
};

const SOON: Duration = Duration::from_secs(15);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

/// The first write that succeeds, tried again as long as its error says that this may help.
async fn written<T, W>(write: impl Fn() -> W) -> Version
where
    W: Future<Output = Result<Version, Error<T>>>,
{
    loop {
        match write().await {
            Ok(version) => return version,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until collections are online, all at once; says what those that are not have to say.
macro_rules! online {
    ($($collection:expr),+ $(,)?) => {{
        let all = async { tokio::join!($($collection.when().online()),+) };
        if tokio::time::timeout(super::SOON, all).await.is_err() {
            panic!("not online: {}", [$($collection.status().to_string()),+].join("\n"));
        }
    }};
}
use online;
