//! Peers anywhere, by the mainline DHT; and what is in a network's slots there.
//!
//! One pass reads all slots at once, offers every record as a hint, and writes this node into a random
//! slot that is empty or whose peer could not be reached. Anybody can write into the slots, so the work
//! per pass is bounded by their number, and a record proves nothing.

mod slots;

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use futures::future::join_all;
use n0_mainline::Dht;
use tokio::runtime::Handle;
use tracing::{debug, info};

use self::slots::{Found, RECORD_TTL_SECS, fetch, keys, store};
pub use self::slots::{Record, SLOTS, Slot};
use super::{Finder, SILENCE_IS_AN_ANSWER_AFTER};
use crate::{
    discovery::{Discovery, Error},
    primitives::{EndpointAddr, NetworkId, PeerId, SecretKey},
    runtime::{
        Rng,
        time::{self, Instant, timeout},
    },
};

/// Pause between passes while no peer is connected.
const PAUSE_ALONE: Duration = Duration::from_secs(5);

/// Pause between passes otherwise: only newcomers need the slots then.
const PAUSE: Duration = Duration::from_secs(60);

/// Pause before trying again without a route out of the host.
const PAUSE_WITHOUT_ROUTE: Duration = Duration::from_secs(30);

/// Part of a pause that is random.
const JITTER: f32 = 0.33;

/// A lookup on the public DHT takes two to five seconds.
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// A write visits some twenty nodes, after a lookup.
const STORE_WITHIN: Duration = Duration::from_secs(20);

/// How long a peer from a slot has to prove itself before its slot may be taken.
const PROVE_WITHIN: Duration = Duration::from_secs(15);

/// An own record is renewed at this age; nodes of the DHT forget items after two hours.
const RENEW_AFTER: chrono::Duration = chrono::Duration::minutes(30);

/// First pause after a write that was not seen again; doubled up to the record's time to live.
const REWRITE_PAUSE: Duration = Duration::from_secs(10);

pub(super) async fn run(finder: Finder, nodes: Option<Vec<String>>, rng: Rng) {
    let shutdown = finder.shutdown();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = search_for_ever(&finder, nodes, rng) => {}
    }
}

async fn search_for_ever(finder: &Finder, nodes: Option<Vec<String>>, mut rng: Rng) {
    let mut told = false;
    let dht = loop {
        if nodes.is_some() || has_route_out() {
            match connect(nodes.clone()).await {
                Ok(dht) => break dht,
                Err(error) if !told => info!(%error, "the DHT cannot be used yet"),
                Err(_) => {}
            }
        } else if !told {
            info!("no route out of this host: the DHT is not asked yet");
        }
        told = true;
        finder.answered();
        time::sleep(rng.jitter(PAUSE_WITHOUT_ROUTE, JITTER)).await;
    };
    let mut search = Search::new(dht, finder.network(), rng);
    {
        let first = search.pass(finder);
        tokio::pin!(first);
        if timeout(SILENCE_IS_AN_ANSWER_AFTER, &mut first)
            .await
            .is_err()
        {
            finder.answered();
            first.await;
        }
    }
    finder.answered();
    loop {
        let pause = if finder.is_alone() {
            PAUSE_ALONE
        } else {
            PAUSE
        };
        time::sleep(search.rng.jitter(pause, JITTER)).await;
        search.pass(finder).await;
    }
}

/// The state of one node's search.
struct Search {
    dht: Dht,
    keys: Vec<SecretKey>,
    rng: Rng,
    /// When each peer that slots name was first offered. At most one per slot.
    offered: BTreeMap<PeerId, Instant>,
    written_at: Option<Instant>,
    write_pause: Duration,
}

/// What a pass may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Nothing,
    /// A correction of our own record, which should not be wrong for long.
    Correction,
    Anything,
}

impl Search {
    fn new(dht: Dht, network: NetworkId, rng: Rng) -> Self {
        let keys = keys(&network);
        let (offered, written_at, write_pause) = (BTreeMap::new(), None, REWRITE_PAUSE);
        Self {
            dht,
            keys,
            rng,
            offered,
            written_at,
            write_pause,
        }
    }

    async fn pass(&mut self, finder: &Finder) {
        let found = fetch_all(&self.dht, &self.keys, FETCH_WITHIN).await;
        let now = finder.clock().now();
        let me = finder.local_addr();
        let records = || found.iter().filter_map(|found| found.record());
        self.offered
            .retain(|peer, _| records().any(|record| record.peer() == *peer));
        for record in records().filter(|record| record.peer() != me.id) {
            if !finder.knows(&record.peer()) {
                debug!(peer = %record.peer(), "found on the DHT");
                finder.hint(record.addr().clone());
            }
            self.offered.entry(record.peer()).or_insert(now);
        }
        let offered = &self.offered;
        let healthy = |peer: &PeerId| {
            let since = offered.get(peer).map_or(Duration::ZERO, |at| now - *at);
            finder.knows(peer) || since < PROVE_WITHIN
        };
        let due = match self.written_at.map(|at| now - at) {
            Some(age) if age < REWRITE_PAUSE => Due::Nothing,
            Some(age) if age < self.write_pause => Due::Correction,
            _ => Due::Anything,
        };
        let clock = finder.clock().utc();
        let Some(slot) = choose(&found, &me, healthy, due, clock, &mut self.rng) else {
            return;
        };
        let written = store(
            &self.dht,
            &self.keys[slot],
            &me,
            found[slot].sequence,
            clock,
        );
        match timeout(STORE_WITHIN, written).await {
            Ok(Ok(_)) => debug!(slot, "wrote the address to the DHT"),
            Ok(Err(error)) => debug!(slot, %error, "could not write the address to the DHT"),
            Err(_) => debug!(slot, "could not write the address to the DHT in time"),
        }
        // A lost race, or a hostile writer, must not make us write as fast as we can.
        self.written_at = Some(now);
        let longest = Duration::from_secs(u64::from(RECORD_TTL_SECS));
        self.write_pause = (self.write_pause * 2).min(longest);
    }
}

/// Which slot to write, if any: our own when it is out of date, else a random free one.
fn choose(
    found: &[Found],
    me: &EndpointAddr,
    healthy: impl Fn(&PeerId) -> bool,
    due: Due,
    now: chrono::DateTime<chrono::Utc>,
    rng: &mut Rng,
) -> Option<usize> {
    let ours = |found: &Found| found.record().is_some_and(|record| record.peer() == me.id);
    if let Some(slot) = found.iter().position(ours) {
        let record = found[slot].record()?;
        let moved = !slots::same_place(record.addr(), me);
        let old = now - record.written_at() >= RENEW_AFTER;
        return (due >= Due::Correction && (moved || old)).then_some(slot);
    }
    if due < Due::Anything {
        return None;
    }
    let free: Vec<usize> = found
        .iter()
        .enumerate()
        .filter(|(_, found)| found.record().is_none_or(|record| !healthy(&record.peer())))
        .map(|(slot, _)| slot)
        .collect();
    rng.choose(&free).copied()
}

async fn fetch_all(dht: &Dht, keys: &[SecretKey], within: Duration) -> Vec<Found> {
    let fetches = keys.iter().map(|key| async move {
        timeout(within, fetch(dht, key))
            .await
            .unwrap_or_else(|_| Found::nothing())
    });
    join_all(fetches).await
}

/// Opens a client. Name resolution of the nodes blocks, so it happens off the runtime's workers.
async fn connect(nodes: Option<Vec<String>>) -> io::Result<Dht> {
    let runtime = Handle::current();
    let open = move || {
        let _entered = runtime.enter();
        let mut builder = Dht::builder();
        if let Some(nodes) = nodes {
            builder.bootstrap(&nodes);
        }
        builder.build()
    };
    tokio::task::spawn_blocking(open)
        .await
        .map_err(io::Error::other)?
}

/// Whether this host could send to the internet. Connecting a UDP socket asks the routing table and sends
/// nothing.
fn has_route_out() -> bool {
    let somewhere = (Ipv4Addr::new(1, 1, 1, 1), 53);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    socket.and_then(|socket| socket.connect(somewhere)).is_ok()
}

/// How to read a network's slots.
#[derive(Debug, Clone)]
pub struct DhtOptions {
    /// Nodes to start from, as `host:port`. `None` is the public ones.
    pub nodes: Option<Vec<String>>,
    /// How long one slot may take.
    pub timeout: Duration,
}

impl Default for DhtOptions {
    fn default() -> Self {
        Self {
            nodes: None,
            timeout: FETCH_WITHIN,
        }
    }
}

/// Reads the slots of a network, all at once; the answer has [`SLOTS`] items, in order.
///
/// A slot that cannot be read in time counts as empty.
///
/// # Errors
/// When no socket could be opened.
pub async fn slots(network: NetworkId, options: &DhtOptions) -> io::Result<Vec<Slot>> {
    let dht = connect(options.nodes.clone()).await?;
    let found = fetch_all(&dht, &keys(&network), options.timeout).await;
    Ok(found.into_iter().map(|found| found.slot).collect())
}

/// Asks the peer of a record whether it is there, through `discovery`, and tells how long it has been up.
///
/// # Errors
/// As [`Discovery::sync_with`]; [`Error::Cancelled`] when it does not answer within `within`.
pub async fn check(
    discovery: &Discovery,
    record: &Record,
    within: Duration,
) -> Result<Duration, Error> {
    let sync = discovery.sync_with(record.addr().clone());
    timeout(within, sync)
        .await
        .map_err(|_| Error::Cancelled)??;
    let catalog = discovery.catalog();
    let entry = catalog.get_signed(&record.peer()).ok_or(Error::Cancelled)?;
    Ok(entry.uptime())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn addr(seed: u8) -> EndpointAddr {
        let id = SecretKey::from_bytes(&[seed; 32]).public();
        EndpointAddr::from(id).with_ip_addr(([192, 0, 2, seed], 1).into())
    }

    fn taken(addr: EndpointAddr, written: DateTime<Utc>) -> Found {
        let sequence = written.timestamp_micros();
        Found {
            slot: Slot::Occupied(Record { addr, sequence }),
            sequence: Some(sequence),
        }
    }

    #[test]
    fn a_slot_is_chosen_as_the_rules_say() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let mut rng = Rng::seeded(3);
        let me = addr(1);
        let everybody = |_: &PeerId| true;
        let nobody = |_: &PeerId| false;

        // Present, up to date: nothing to do, whoever else is there.
        let found = [taken(addr(2), now), taken(addr(1), now), Found::nothing()];
        assert_eq!(
            choose(&found, &me, everybody, Due::Anything, now, &mut rng),
            None
        );

        // Present, but old or with another address: written again, when due.
        let moved = me.clone().with_ip_addr(([192, 0, 2, 77], 9).into());
        assert_eq!(
            choose(&found, &moved, everybody, Due::Anything, now, &mut rng),
            Some(1)
        );
        assert_eq!(
            choose(&found, &moved, everybody, Due::Nothing, now, &mut rng),
            None
        );
        let later = now + RENEW_AFTER;
        assert_eq!(
            choose(&found, &me, everybody, Due::Anything, later, &mut rng),
            Some(1)
        );

        // Absent: a free slot, and only when a write is due.
        let found = [taken(addr(2), now), Found::nothing(), taken(addr(3), now)];
        assert_eq!(
            choose(&found, &me, everybody, Due::Anything, now, &mut rng),
            Some(1)
        );
        assert_eq!(
            choose(&found, &me, everybody, Due::Correction, now, &mut rng),
            None
        );

        // Everything is taken by peers that answer: leave them alone. Dead ones make room.
        let found = [taken(addr(2), now), taken(addr(3), now)];
        assert_eq!(
            choose(&found, &me, everybody, Due::Anything, now, &mut rng),
            None
        );
        let slot = choose(&found, &me, nobody, Due::Anything, now, &mut rng);
        assert!(slot.is_some());
    }
}
