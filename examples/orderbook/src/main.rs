//! Five nodes on this host meet, and match four orders in a replicated book.
//!
//! Three matchers and two traders find each other: nobody is told an address and nothing is synced by hand. The
//! traders publish their orders on a stream. The matchers hold the book of [`orderbook::exchange`] as a group: each order is
//! acknowledged once two of the three have it, and any one of them may fail. The fills travel back on a stream of
//! their own.
//!
//! `cargo run -p orderbook` runs all five in this process, `cargo run -p orderbook -- --processes` each in its own.

#![expect(
    clippy::disallowed_methods,
    reason = "a program outside the runtime: it has its own tasks and the real clock"
)]

mod processes;
mod roles;

use std::{env, sync::Arc, time::Duration};

use mosaik::{NetworkId, futures::future::try_join_all};
use roles::{Outcome, PARTICIPANTS, Role};
use tokio::{sync::watch, time::Instant};
use tracing::info;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Outcome {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,openraft=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => in_process().await?,
        ["--processes"] => processes::run_all().await?,
        ["--node", name, network_id] => return processes::run_one(name, network_id).await,
        _ => return Err("usage: orderbook [--processes]".into()),
    }
    info!("orderbook example complete");
    Ok(())
}

/// Runs all nodes in this process.
async fn in_process() -> Outcome {
    let network_id = NetworkId::random();
    let started = Instant::now();
    let nodes = try_join_all(PARTICIPANTS.map(|who| roles::start(network_id, who))).await?;
    for (who, node) in PARTICIPANTS.iter().zip(&nodes) {
        roles::meet(node, who.name).await?;
    }
    let elapsed = started.elapsed().as_millis();
    info!("all know each other after {elapsed} ms");

    let nodes: Vec<_> = nodes.into_iter().map(Arc::new).collect();
    let stop = watch::Sender::new(false);
    let mut matchers = Vec::new();
    let mut traders = Vec::new();
    for (who, node) in PARTICIPANTS.into_iter().zip(&nodes) {
        let (node, mut stopped) = (node.clone(), stop.subscribe());
        match who.role {
            Role::Matcher => matchers.push(tokio::spawn(async move {
                let stopped = async {
                    // Without its sender nothing goes on either.
                    let _ = stopped.wait_for(|stop| *stop).await;
                };
                roles::match_orders(&node, who.name, stopped).await
            })),
            Role::Trader => {
                traders.push(tokio::spawn(
                    async move { roles::trade(&node, who.name).await },
                ));
            }
        }
    }
    for outcome in try_join_all(traders).await? {
        outcome?;
    }
    stop.send_replace(true);
    for outcome in try_join_all(matchers).await? {
        outcome?;
    }
    for node in &nodes {
        node.shutdown(SHUTDOWN_DEADLINE).await?;
    }
    Ok(())
}

pub(crate) const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(2);
