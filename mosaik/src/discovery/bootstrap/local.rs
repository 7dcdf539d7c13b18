//! Peers in this process and of this user on this host.
//!
//! The first look comes [`LOOKS`]`[0]` after the start, so that explicit dials and the set-up of a test
//! come first. Of many unknown nodes only the next one on the ring of ids is offered then: together the offers of
//! all nodes are a ring, and the catalog brings the rest at a third of the connections. Later looks add some
//! at random, in case that the next one is dead.

mod registry;
mod rendezvous;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tracing::{debug, warn};

use self::{
    registry::Registration,
    rendezvous::{REFRESH, Rendezvous},
};
use super::Finder;
use crate::{
    primitives::{EndpointAddr, PeerId, TransportAddr},
    runtime::{Rng, time},
};

/// Pauses before each look; the last one repeats.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Random nodes offered besides the successor from the second look on.
const RANDOM_PER_LOOK: usize = 2;

/// Of two nodes that see each other at their first look, the one with the larger id gives the other this long: of two
/// simultaneous dials one is in vain, and what was sent on it is sent again a second later.
const COURTESY: Duration = Duration::from_millis(100);

/// Spread of the pauses, so that nodes started together do not look together for ever.
const JITTER: f32 = 0.1;

pub(super) async fn run(finder: Finder, dir: Option<PathBuf>, mut rng: Rng) {
    let _registration = Registration::enter(finder.network(), finder.me());
    let board = open(&finder, dir).await;
    let shutdown = finder.shutdown();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = look_for_ever(&finder, board.as_ref(), &mut rng) => {}
    }
    if let Some(board) = board {
        board.withdraw(&finder.me());
    }
}

async fn look_for_ever(finder: &Finder, board: Option<&Arc<Rendezvous>>, rng: &mut Rng) {
    let mut addr_changes = finder.addr_changes();
    let mut post_at = finder.clock().now();
    let mut pauses = LOOKS.into_iter();
    let mut look_at = post_at;
    let mut random_count = 0;
    loop {
        if finder.clock().now() >= post_at {
            post(finder, board).await;
            post_at = finder.clock().now() + REFRESH;
        }
        let pause = pauses.next().unwrap_or(LOOKS[LOOKS.len() - 1]);
        look_at += rng.jitter(pause, JITTER);
        while finder.clock().now() < look_at {
            tokio::select! {
                () = time::sleep_until(look_at) => {}
                Ok(()) = addr_changes.changed() => post(finder, board).await,
            }
        }
        let unknown = look(finder, board).await;
        let (later, now): (Vec<_>, Vec<_>) = choose(&finder.me(), unknown, random_count, rng)
            .into_iter()
            .partition(|addr| random_count == 0 && addr.id < finder.me());
        offer(finder, now);
        if !later.is_empty() {
            time::sleep(COURTESY).await;
            offer(finder, later);
        }
        random_count = RANDOM_PER_LOOK;
        finder.answered();
    }
}

/// Hints at those that have not become known in the meantime.
fn offer(finder: &Finder, addrs: Vec<EndpointAddr>) {
    for addr in addrs.into_iter().filter(|addr| !finder.knows(&addr.id)) {
        debug!(peer = %addr.id, "found on this host");
        finder.hint(addr);
    }
}

/// Opens the directory where processes meet. Without it the process itself is still searched.
async fn open(finder: &Finder, dir: Option<PathBuf>) -> Option<Arc<Rendezvous>> {
    if !reaches_other_processes(&finder.local_addr()) {
        return None;
    }
    let network = finder.network();
    match blocking(move || Rendezvous::open(dir.as_deref(), &network)).await {
        Ok(board) => Some(Arc::new(board)),
        Err(error) => {
            warn!(%error, "other processes of this host will not find this one by themselves");
            None
        }
    }
}

async fn post(finder: &Finder, board: Option<&Arc<Rendezvous>>) {
    let Some(board) = board.cloned() else { return };
    let addr = seen_from_this_host(finder.local_addr());
    if let Err(error) = blocking(move || board.post(&addr)).await {
        debug!(%error, "could not leave the address for other processes");
    }
}

/// Nodes of this host that the catalog does not know, each once.
async fn look(finder: &Finder, board: Option<&Arc<Rendezvous>>) -> Vec<EndpointAddr> {
    let me = finder.me();
    let mut found: BTreeMap<PeerId, EndpointAddr> = BTreeMap::new();
    if let Some(board) = board.cloned() {
        let now = finder.clock().utc();
        match blocking(move || board.look(&me, now)).await {
            Ok(addrs) => found.extend(addrs.into_iter().map(|addr| (addr.id, addr))),
            Err(error) => debug!(%error, "could not read the addresses of other processes"),
        }
    }
    // The transport resolves an id of its own process better than a file does.
    let siblings = registry::siblings(&finder.network(), &me);
    found.extend(
        siblings
            .into_iter()
            .map(|peer| (peer, EndpointAddr::from(peer))),
    );
    found
        .into_values()
        .filter(|addr| !finder.knows(&addr.id))
        .collect()
}

/// Whom of `unknown` (in order of ids) to offer: the successor of `me` on the ring, and some at random.
fn choose(
    me: &PeerId,
    mut unknown: Vec<EndpointAddr>,
    random_count: usize,
    rng: &mut Rng,
) -> Vec<EndpointAddr> {
    if unknown.is_empty() {
        return unknown;
    }
    let successor = unknown.iter().position(|addr| addr.id > *me).unwrap_or(0);
    let mut chosen = vec![unknown.remove(successor)];
    rng.shuffle(&mut unknown);
    chosen.extend(unknown.into_iter().take(random_count));
    chosen
}

/// `addr` with the loopback addresses of its ports: a host without any interface up has nothing else.
fn seen_from_this_host(addr: EndpointAddr) -> EndpointAddr {
    let ports: BTreeSet<(bool, u16)> = addr
        .ip_addrs()
        .map(|addr| (addr.is_ipv4(), addr.port()))
        .collect();
    let loopback = ports.into_iter().map(|(v4, port)| match v4 {
        true => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        false => SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    });
    addr.with_addrs(loopback.map(TransportAddr::Ip))
}

/// An in-memory transport has no address that another process could use.
fn reaches_other_processes(addr: &EndpointAddr) -> bool {
    addr.ip_addrs().next().is_some() || addr.relay_urls().next().is_some()
}

/// Runs file access off the runtime's workers.
async fn blocking<T, F>(work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    fn nodes(count: u8) -> Vec<EndpointAddr> {
        let keys = (0..count).map(|seed| SecretKey::from_bytes(&[seed + 1; 32]).public());
        let mut ids: Vec<PeerId> = keys.collect();
        ids.sort_unstable();
        ids.into_iter().map(EndpointAddr::from).collect()
    }

    #[test]
    fn offers_are_few_and_start_with_the_successor() {
        let nodes = nodes(20);
        let mut rng = Rng::seeded(7);
        for (place, me) in nodes.iter().enumerate() {
            let others = nodes
                .iter()
                .filter(|addr| addr.id != me.id)
                .cloned()
                .collect();
            let chosen = choose(&me.id, others, 2, &mut rng);
            assert_eq!(chosen.len(), 3);
            assert_eq!(chosen[0], nodes[(place + 1) % nodes.len()]);
            assert!(chosen[1..].iter().all(|addr| addr != &chosen[0]));
        }
        assert_eq!(choose(&nodes[0].id, Vec::new(), 2, &mut rng), []);
    }
}
