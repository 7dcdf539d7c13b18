//! `mosaik dht`: the records that the nodes of a network leave on the mainline DHT.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use clap::ArgAction;
use futures::future::OptionFuture;
use mosaik::{
    Network, NetworkId,
    discovery::{
        self, Error,
        dht::{self, DhtOptions, Record, Slot},
    },
    network::RelayMode,
};

use super::{Failure, arguments::parse_network_id, paint::Paint};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Network id (64 hex digits), or a name
    #[arg(short, long, value_parser = parse_network_id)]
    network: NetworkId,

    /// Whether to connect to each peer that is found; =false only reads the records
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        default_missing_value = "true"
    )]
    #[arg(num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    check_status: bool,

    /// Seconds that each lookup and each connection may take
    #[arg(short, long, value_name = "SECS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    /// Node of the DHT to enter it through, as host:port; repeatable [default: the public ones]
    #[arg(long, value_name = "HOST:PORT")]
    dht_node: Vec<String>,

    /// Check the peers without the help of relay servers
    #[arg(long)]
    no_relay: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let timeout = Duration::from_secs(args.timeout);
    let nodes = (!args.dht_node.is_empty()).then_some(args.dht_node);
    let slots = dht::slots(args.network, &DhtOptions { nodes, timeout })
        .await
        .map_err(|error| Failure::check(format!("cannot ask the DHT: {error}")))?;

    let network: OptionFuture<_> = args
        .check_status
        .then(|| observer(args.network, args.no_relay))
        .into();
    let network = network.await.transpose()?;
    let told = tell(args.network, &slots, network.as_ref(), timeout).await;
    if let Some(network) = &network {
        // An observer owes nothing to anybody: cutting it off loses nothing.
        let _ = network.shutdown(SHUTDOWN_DEADLINE).await;
    }
    match told? {
        0 => Err(Failure::check(format!(
            "no record of network {} was found; check the id, and that a node of it has a route to \
             the internet",
            args.network
        ))),
        _ => Ok(()),
    }
}

/// A node that takes part only to ask: it looks for nobody.
async fn observer(network: NetworkId, no_relay: bool) -> Result<Network, mosaik::network::Error> {
    let mut builder = Network::builder(network)
        .with_mdns_discovery(false)
        .with_internet_discovery(false)
        .with_discovery(discovery::Config::builder().no_auto_bootstrap());
    if no_relay {
        builder = builder.with_relay_mode(RelayMode::Disabled);
    }
    builder.build().await
}

/// Prints the slots, and returns how many hold a record.
async fn tell(
    network_id: NetworkId,
    slots: &[Slot],
    network: Option<&Network>,
    timeout: Duration,
) -> io::Result<usize> {
    let paint = Paint::stdout();
    let (mut occupied, mut healthy, mut unhealthy) = (0, 0, 0);
    line(&format!("DHT bootstrap chain for network {network_id}:\n"))?;
    for (index, slot) in slots.iter().enumerate() {
        let record = match slot {
            Slot::Occupied(record) => record,
            Slot::Invalid(why) => {
                line(&format!(
                    "{index:>2}: {}",
                    paint.dimmed(format!("invalid ({why})"))
                ))?;
                continue;
            }
            _ => {
                line(&format!("{index:>2}: {}", paint.dimmed("empty")))?;
                continue;
            }
        };
        occupied += 1;
        line(&format!("{index:>2}: {}", paint.cyan(record.peer())))?;
        let written = record.written_at().format("%a, %d %b %Y %H:%M:%S GMT");
        line(&format!("      timestamp: {written}"))?;
        for address in record.addr().ip_addrs() {
            line(&format!("      address  : {address}"))?;
        }
        for relay in record.addr().relay_urls() {
            line(&format!("      relay    : {relay}"))?;
        }
        let Some(network) = network else { continue };
        let status = match check(network, record, timeout).await {
            Ok(uptime) => {
                healthy += 1;
                let uptime = humantime::format_duration(Duration::from_secs(uptime.as_secs()));
                paint.green(format!("healthy (uptime: {uptime})"))
            }
            Err(why) => {
                unhealthy += 1;
                paint.red(format!("unhealthy ({why})"))
            }
        };
        line(&format!("      status   : {status}"))?;
    }
    line(&format!(
        "\n  summary: {occupied}/{} slots occupied",
        slots.len()
    ))?;
    if network.is_some() {
        line(&format!(
            "           {healthy} healthy, {unhealthy} unhealthy"
        ))?;
    }
    Ok(occupied)
}

async fn check(network: &Network, record: &Record, timeout: Duration) -> Result<Duration, String> {
    dht::check(network.discovery(), record, timeout)
        .await
        .map_err(|error| match error {
            Error::Cancelled => format!("no answer within {}", humantime::format_duration(timeout)),
            error => error.to_string(),
        })
}

/// Each line at once: the next one may take a while.
fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);
