//! Streams between nodes: on the network in memory under paused time, where every run is the same.

mod eligibility;
mod faults;
mod flow;
mod scale;
mod typed;

use std::time::Duration;

use futures::{StreamExt, future::join_all};
use mosaik::{streams::ConsumerEvent, *};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};

use crate::{
    wait::{self, within},
    world::World,
};

const SOON: Duration = Duration::from_secs(5);

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Data1(String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Data2(u64);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

async fn received<D: Datum>(consumer: &mut streams::Consumer<D>, count: usize) -> Vec<D> {
    soon("datums arrive", consumer.take(count).collect()).await
}

/// Waits until a consumer has been turned away so many times; why, in the end.
async fn turned_away(events: &mut broadcast::Receiver<ConsumerEvent>, times: usize) -> String {
    let mut last = String::new();
    for _ in 0..times {
        last = loop {
            let event = timeout(600 * SECOND, events.recv()).await;
            if let ConsumerEvent::Disconnected { reason, .. } = event.unwrap().unwrap() {
                break reason;
            }
        };
    }
    last
}

/// Waits for a condition that nothing announces.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    within(60 * SECOND, what, wait::until(holds)).await;
}

/// Time goes by on the paused clock: what a test is about, not what it waits for.
async fn time_passes(duration: Duration) {
    sleep(duration).await;
}
