//! `mosaik beacon`: a node that others can find a network by.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use mosaik::{
    Network, NetworkId, SecretKey, Tag,
    discovery::{self, Error},
    iroh::EndpointAddr,
    network::RelayMode,
};

use super::{
    Failure,
    arguments::{parse_network_id, parse_peer, parse_secret},
    stop,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Network id (64 hex digits), or a name
    #[arg(short, long, value_parser = parse_network_id)]
    network: NetworkId,

    /// Secret key (64 hex digits), or a text that it is derived from [default: random]
    #[arg(short, long, value_parser = parse_secret)]
    secret: Option<SecretKey>,

    /// Peer to join through, by id, or as ID@IP:PORT; repeatable
    #[arg(short, long, value_parser = parse_peer)]
    peers: Vec<EndpointAddr>,

    /// Discovery tag of this node; repeatable
    #[arg(short, long, default_value = "beacon-node")]
    tags: Vec<Tag>,

    /// Use no relay servers; the node must be directly reachable
    #[arg(long)]
    no_relay: bool,

    /// Stay on this host: listen on 127.0.0.1, use no relay, multicast or DHT
    #[arg(long, conflicts_with = "bind")]
    loopback: bool,

    /// Address to listen on, as in 0.0.0.0:4433; repeatable [default: all interfaces, any port]
    #[arg(long, value_name = "IP:PORT")]
    bind: Vec<SocketAddr>,

    /// Node of the DHT to enter it through, as host:port; repeatable [default: the public ones]
    #[cfg(feature = "dht")]
    #[arg(long, value_name = "HOST:PORT")]
    dht_node: Vec<String>,

    /// Directory for the node's key and the peers it last knew [default: none]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let stop = stop::requested()?;
    print(&[
        "Starting beacon node with the following configuration:".to_owned(),
        format!("  network: {}", args.network),
    ])?;

    let discovery = discovery::Config::builder()
        .with_tags(args.tags.clone())
        .with_bootstrap(args.peers.clone());
    let mut builder = Network::builder(args.network).with_discovery(discovery);
    if args.loopback {
        builder = builder.loopback();
    } else {
        builder = builder.with_addresses(args.bind.into_iter().collect::<BTreeSet<_>>());
    }
    if let Some(secret) = args.secret {
        builder = builder.with_secret_key(secret);
    }
    if let Some(data_dir) = args.data_dir {
        builder = builder.with_data_dir(data_dir);
    }
    #[cfg(feature = "dht")]
    {
        builder = builder.with_dht_nodes(args.dht_node);
    }
    if args.no_relay {
        builder = builder.with_relay_mode(RelayMode::Disabled);
    }
    let network = builder.build().await?;

    let addr = network.local().addr();
    // Nothing waits for a relay, so the first one may not be known yet.
    let has_relays = !args.no_relay && !args.loopback;
    let without_relay = if has_relays { "connecting" } else { "disabled" };
    print(&[
        format!("  peer id: {}", network.local().id()),
        format!("  tags   : {}", list(&args.tags, "none")),
        format!(
            "  peers  : {}",
            list(args.peers.iter().map(|peer| peer.id), "none")
        ),
        format!("  ips    : {}", list(addr.ip_addrs(), "none")),
        format!("  relays : {}", list(addr.relay_urls(), without_relay)),
        String::new(),
        "Hit Ctrl+C to stop the node.".to_owned(),
    ])?;

    tokio::select! {
        () = stop => {}
        failure = wrong_network(&network, args.peers) => {
            // The failure is what counts.
            let _ = network.shutdown(SHUTDOWN_DEADLINE).await;
            return Err(failure);
        }
    }
    network
        .shutdown(SHUTDOWN_DEADLINE)
        .await
        .map_err(|error| Failure::check(error.to_string()))?;
    Ok(())
}

/// Ends when a named peer turns out to be of another network, which waiting cannot mend.
async fn wrong_network(network: &Network, peers: Vec<EndpointAddr>) -> Failure {
    let sync = |peer: EndpointAddr| {
        let (id, sync) = (peer.id, network.discovery().sync_with(peer));
        async move { (id, sync.await) }
    };
    let mut syncs: FuturesUnordered<_> = peers.into_iter().map(sync).collect();
    while let Some((peer, result)) = syncs.next().await {
        if let Err(Error::DifferentNetwork { remote_network, .. }) = result {
            let ours = network.network_id();
            return Failure::usage(format!(
                "peer {peer} is of network {remote_network}, not of {ours}; change --network or --peers"
            ));
        }
    }
    std::future::pending().await
}

fn print(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// The items with commas between them, or `otherwise` if there are none.
fn list<T: Display>(items: impl IntoIterator<Item = T>, otherwise: &str) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    match items.is_empty() {
        true => otherwise.to_owned(),
        false => items.join(", "),
    }
}

/// A person or a service manager waits for it.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(list([1, 2], "none"), "1, 2");
        assert_eq!(list([0; 0], "none"), "none");
    }
}
