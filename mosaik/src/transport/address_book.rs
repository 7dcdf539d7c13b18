//! Where peers can be reached: what discovery learnt, and who lives in this process.
//!
//! Consulted by every dial. A remote's addresses are learnt here and never published as ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt, stream, stream::BoxStream};
use iroh::address_lookup::{AddressLookup, EndpointInfo, Error as LookupError, Item};

use crate::primitives::{EndpointAddr, PeerId, TransportAddr};

use super::stats::Counters;

/// Peers remembered at a time. The catalog is smaller; this only bounds what hints can cost.
const PEERS_MAX: usize = 65_536;

/// Addresses remembered for a peer: interfaces of both families and a relay or two. Each is a packet per dial, so a liar
/// must not make the network knock on many doors.
const ADDRESSES_PER_PEER_MAX: usize = 8;

/// The addresses of other peers, as this node knows them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AddressBook {
    inner: Arc<Inner>,
}

struct Inner {
    local: PeerId,
    /// Whether 127.0.0.1 as dialled from here is a place where peers may be.
    loopback_reachable: bool,
    counters: Arc<Counters>,
    known: Mutex<BTreeMap<PeerId, Known>>,
}

struct Known {
    addrs: BTreeSet<TransportAddr>,
    source: &'static str,
}

impl AddressBook {
    pub(crate) fn new(local: PeerId, loopback_reachable: bool, counters: Arc<Counters>) -> Self {
        Self {
            inner: Arc::new(Inner {
                local,
                loopback_reachable,
                counters,
                known: Mutex::default(),
            }),
        }
    }

    /// Replaces what is known of a peer's addresses. `source` is for logs.
    ///
    /// Addresses that cannot be dialled are left out, and more than eight are not kept. Returns whether anything changed.
    pub(crate) fn learn(&self, addr: EndpointAddr, source: &'static str) -> bool {
        if addr.id == self.inner.local {
            return false;
        }
        let offered = addr.addrs.len();
        let addrs: BTreeSet<_> = addr
            .addrs
            .into_iter()
            .filter(|addr| self.is_dialable(addr))
            .take(ADDRESSES_PER_PEER_MAX)
            .collect();
        let refused = offered - addrs.len();
        self.inner.counters.addresses_refused.add(refused as u64);
        if addrs.is_empty() {
            return false;
        }
        let mut known = self.known();
        if known.len() >= PEERS_MAX && !known.contains_key(&addr.id) {
            self.inner.counters.addresses_refused.one();
            return false;
        }
        let before = known.insert(addr.id, Known { addrs, source });
        let now = &known[&addr.id].addrs;
        before.is_none_or(|before| before.addrs != *now)
    }

    /// Forgets a peer's addresses. Returns whether there were any.
    pub(crate) fn forget(&self, peer: &PeerId) -> bool {
        self.known().remove(peer).is_some()
    }

    /// What is known of a peer; an address without places if nothing is.
    pub(crate) fn get(&self, peer: &PeerId) -> EndpointAddr {
        match self.known().get(peer) {
            Some(known) => EndpointAddr::from_parts(*peer, known.addrs.iter().cloned()),
            None => EndpointAddr::new(*peer),
        }
    }

    /// How many peers have an address here.
    pub(crate) fn len(&self) -> usize {
        self.known().len()
    }

    fn is_dialable(&self, addr: &TransportAddr) -> bool {
        let TransportAddr::Ip(addr) = addr else {
            return addr.is_relay();
        };
        let ip = addr.ip().to_canonical();
        let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        addr.port() != 0
            && !ip.is_unspecified()
            && !ip.is_multicast()
            && !is_broadcast
            && (self.inner.loopback_reachable || !ip.is_loopback())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<PeerId, Known>> {
        self.inner
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AddressBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressBook")
            .field("peers", &self.len())
            .finish()
    }
}

impl AddressLookup for AddressBook {
    fn resolve(&self, id: PeerId) -> Option<BoxStream<'static, Result<Item, LookupError>>> {
        let known = self.known();
        let known = known.get(&id)?;
        tracing::trace!(peer = %id.fmt_short(), source = known.source, "address from the book");
        Some(once(
            EndpointAddr::from_parts(id, known.addrs.iter().cloned()),
            "mosaik-book",
        ))
    }
}

fn once(
    addr: EndpointAddr,
    provenance: &'static str,
) -> BoxStream<'static, Result<Item, LookupError>> {
    let item = Item::new(EndpointInfo::from(addr), provenance, None);
    stream::once(async move { Ok(item) }).boxed()
}

/// The transports that live in this process; any id of theirs resolves at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessRegistry;

struct Resident {
    addr: EndpointAddr,
    /// Two transports of one process may share a key, one after the other.
    serial: u64,
}

static RESIDENTS: Mutex<BTreeMap<PeerId, Resident>> = Mutex::new(BTreeMap::new());

impl ProcessRegistry {
    fn residents() -> MutexGuard<'static, BTreeMap<PeerId, Resident>> {
        RESIDENTS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a transport, or what is new about it.
    pub(crate) fn enter(addr: EndpointAddr, serial: u64) {
        let mut residents = Self::residents();
        if residents
            .get(&addr.id)
            .is_none_or(|old| old.serial <= serial)
        {
            residents.insert(addr.id, Resident { addr, serial });
        }
    }

    pub(crate) fn leave(peer: &PeerId, serial: u64) {
        let mut residents = Self::residents();
        if residents
            .get(peer)
            .is_some_and(|resident| resident.serial == serial)
        {
            residents.remove(peer);
        }
    }

    pub(crate) fn get(peer: &PeerId) -> Option<EndpointAddr> {
        Self::residents()
            .get(peer)
            .map(|resident| resident.addr.clone())
    }
}

impl AddressLookup for ProcessRegistry {
    fn resolve(&self, id: PeerId) -> Option<BoxStream<'static, Result<Item, LookupError>>> {
        Some(once(Self::get(&id)?, "mosaik-process"))
    }
}

/// The places where sockets bound to every interface are reached from this host.
pub(crate) fn loopback_of(bound: &[SocketAddr]) -> impl Iterator<Item = TransportAddr> + '_ {
    bound
        .iter()
        .filter(|addr| addr.ip().is_unspecified())
        .map(|addr| {
            let ip = match addr.ip() {
                IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
                IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            };
            TransportAddr::Ip(SocketAddr::new(ip, addr.port()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    fn peer(seed: u8) -> PeerId {
        SecretKey::from_bytes(&[seed; 32]).public()
    }

    fn addr(seed: u8, addrs: &[&str]) -> EndpointAddr {
        let addrs = addrs
            .iter()
            .map(|addr| TransportAddr::Ip(addr.parse().unwrap()));
        EndpointAddr::from_parts(peer(seed), addrs)
    }

    fn book(loopback_reachable: bool) -> AddressBook {
        AddressBook::new(peer(0), loopback_reachable, Arc::default())
    }

    #[test]
    fn learns_replaces_and_forgets() {
        let book = book(true);
        assert!(book.learn(addr(1, &["10.0.0.1:1"]), "test"));
        assert!(!book.learn(addr(1, &["10.0.0.1:1"]), "test"));
        assert!(book.learn(addr(1, &["10.0.0.1:2"]), "test"));
        assert_eq!(book.get(&peer(1)), addr(1, &["10.0.0.1:2"]));
        assert!(book.forget(&peer(1)));
        assert!(!book.forget(&peer(1)));
        assert!(book.get(&peer(1)).is_empty());
    }

    #[test]
    fn senseless_addresses_are_left_out() {
        let book = book(false);
        let senseless = [
            "0.0.0.0:1",
            "10.0.0.1:0",
            "224.0.0.1:1",
            "255.255.255.255:1",
            "127.0.0.1:1",
            "[::]:1",
            "[::1]:1",
            "[ff02::1]:1",
            "[::ffff:127.0.0.1]:1",
        ];
        assert!(!book.learn(addr(1, &senseless), "test"));
        assert_eq!(book.len(), 0);
        assert_eq!(book.inner.counters.snapshot().addresses_refused, 9);
        assert!(!book.learn(addr(0, &["10.0.0.1:1"]), "test"), "not our own");
    }

    #[test]
    fn loopback_counts_where_it_can_be_reached() {
        let book = book(true);
        assert!(book.learn(addr(1, &["127.0.0.1:1", "[::1]:1"]), "test"));
        assert_eq!(book.get(&peer(1)).addrs.len(), 2);
    }

    #[test]
    fn a_peer_has_a_few_addresses_at_most() {
        let book = book(true);
        let many: Vec<String> = (1..40).map(|n| format!("10.0.0.{n}:1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        book.learn(addr(1, &many), "test");
        assert_eq!(book.get(&peer(1)).addrs.len(), ADDRESSES_PER_PEER_MAX);
    }

    #[test]
    fn the_registry_forgets_only_the_one_that_leaves() {
        ProcessRegistry::enter(addr(101, &["127.0.0.1:1"]), 1);
        ProcessRegistry::enter(addr(101, &["127.0.0.1:2"]), 2);
        ProcessRegistry::leave(&peer(101), 1);
        let left = addr(101, &["127.0.0.1:2"]);
        assert_eq!(ProcessRegistry::get(&peer(101)), Some(left));
        ProcessRegistry::leave(&peer(101), 2);
        assert!(ProcessRegistry::get(&peer(101)).is_none());
    }
}
