//! A bootstrap node, ready to use for any network.
//!
//! A bootstrap node is the first contact of peers that join. It is an ordinary node with a stable
//! identity that runs for long:
//!
//! ```text
//! cargo run --example bootstrap -- --network-id=mynet --secret=mysecret
//! ```
//!
//! The same secret gives the same peer id, so that other nodes can name this one. It works at once
//! and without the internet; see `--help` for its settings, each of which is also read from the
//! environment.

use std::{fmt::Display, time::Duration};

use clap::{ArgAction, ArgGroup, Parser, builder::FalseyValueParser};
use examples::{fail, parse_args, parse_network_id, parse_peer_id, parse_secret, stop_requested};
use mosaik::*;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, prelude::*};

/// A bootstrap node for a mosaik network.
#[derive(Debug, Parser)]
#[command(name = "bootstrap")]
#[command(group = ArgGroup::new("logging").args(["verbose", "quiet"]).multiple(false))]
struct Args {
    /// Secret key (64 hex digits), or a text that it is derived from
    #[arg(short, long, env = "MOSAIK_BOOTSTRAP_SECRET", hide_env_values = true)]
    #[arg(value_parser = parse_secret)]
    secret: Option<SecretKey>,

    /// Network id (64 hex digits), or a name
    #[arg(short, long, env = "MOSAIK_BOOTSTRAP_NETWORK_ID", value_parser = parse_network_id)]
    network_id: Option<NetworkId>,

    /// Ids of other bootstrap peers; repeatable, or separated by commas
    #[arg(short, long, env = "MOSAIK_BOOTSTRAP_PEERS", value_delimiter = ',')]
    #[arg(value_parser = parse_peer_id)]
    peers: Vec<PeerId>,

    /// Discovery tags; repeatable, or separated by commas
    #[arg(short, long, env = "MOSAIK_BOOTSTRAP_TAGS", value_delimiter = ',')]
    #[arg(default_value = "bootstrap")]
    tags: Vec<Tag>,

    /// Use no relay servers; the node must be directly reachable
    #[arg(long, env = "MOSAIK_BOOTSTRAP_NO_RELAY", value_parser = FalseyValueParser::new())]
    no_relay: bool,

    /// Say more; twice: say everything
    #[arg(short, action = ArgAction::Count, env = "MOSAIK_BOOTSTRAP_LOGGING")]
    verbose: u8,

    /// Say nothing
    #[arg(short, long, env = "MOSAIK_BOOTSTRAP_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,
}

#[tokio::main]
async fn main() {
    let args = parse_args::<Args>();
    if !args.quiet {
        // What the libraries below have to say is of interest only to those who ask for everything.
        let (ours, others) = match args.verbose {
            0 => (LevelFilter::INFO, LevelFilter::ERROR),
            1 => (LevelFilter::DEBUG, LevelFilter::WARN),
            2.. => (LevelFilter::TRACE, LevelFilter::TRACE),
        };
        let targets = Targets::new()
            .with_default(others)
            .with_targets([(env!("CARGO_CRATE_NAME"), ours), ("mosaik", ours)]);
        tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer())
            .with(targets)
            .init();
    }
    if let Err(error) = Box::pin(run(args)).await {
        fail(&error.to_string());
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let stop = stop_requested()?;
    let secret = args.secret.unwrap_or_else(|| {
        tracing::warn!("No secret key provided, generating random key");
        SecretKey::generate()
    });
    let network_id = args.network_id.unwrap_or_else(|| {
        tracing::warn!("No network id provided, generating random network id");
        NetworkId::random()
    });

    let mut builder = Network::builder(network_id)
        .with_secret_key(secret)
        .with_discovery(
            discovery::Config::builder()
                .with_tags(args.tags.clone())
                .with_bootstrap(args.peers.clone()),
        );
    if args.no_relay {
        builder = builder.with_relay_mode(iroh::RelayMode::Disabled);
    }
    let network = builder.build().await?;

    tracing::info!("Bootstrap node started");
    tracing::info!("Public Id: {}", network.local().id());
    tracing::info!("Network Id: {}", network.network_id());
    tracing::info!("Tags: {}", list(&args.tags));
    tracing::info!("Bootstrap peers: {}", list(&args.peers));
    tracing::info!(
        "Relays: {}",
        if args.no_relay { "Disabled" } else { "Enabled" }
    );
    tracing::info!("Hit Ctrl+C to stop the bootstrap node.");

    stop.await;
    tracing::info!("Stopping");
    network.shutdown(SHUTDOWN_DEADLINE).await?;
    Ok(())
}

fn list(items: &[impl Display]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    format!("[{}]", items.join(", "))
}

/// A person waits for it.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(3);
