//! Peers on the local network, by multicast DNS.
//!
//! The service name is derived from the network id, so networks do not see each other. Nothing is signed:
//! anybody on the link can claim any id, which a handshake then refutes. Queries go out on every interface
//! that can multicast, by name: without that a host with no default route would send none. A host without
//! such an interface asks nobody until its addresses change.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use swarm_discovery::{Discoverer, DropGuard, IpClass, Peer};
use tokio::runtime::Handle;
use tracing::{
    debug, info,
    subscriber::{self, NoSubscriber},
    warn,
};

use super::{Finder, SILENCE_IS_AN_ANSWER_AFTER};
use crate::{
    primitives::{EndpointAddr, NetworkId, PeerId, TransportAddr},
    runtime::time,
};

/// Time between queries while nobody else asks: short enough for a first answer within a second.
const CADENCE: Duration = Duration::from_millis(350);

/// Answers per second that all nodes of a link together aim at.
const ANSWERS_PER_SECOND: f32 = 6.0;

/// How long addresses must be quiet before the service is started anew.
const ADDRESSES_SETTLE: Duration = Duration::from_secs(1);

/// Addresses taken from one announcement; anybody can write one.
const ADDRESSES_PER_PEER_MAX: usize = 8;

/// Where queries and answers go (RFC 6762).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

pub(super) async fn run(finder: Finder) {
    let shutdown = finder.shutdown();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = serve_for_ever(&finder) => {}
    }
}

async fn serve_for_ever(finder: &Finder) {
    let mut addr_changes = finder.addr_changes();
    let mut told = false;
    loop {
        let place = Place::of(&addr_changes.borrow_and_update());
        let service = place.interfaces.first().and_then(|_| start(finder, &place));
        if service.is_none() {
            if !std::mem::replace(&mut told, true) {
                info!("no interface to look for peers on the local network");
            }
            finder.answered();
        }
        // The service cannot say "nobody is there"; the first peer it finds counts as an answer too.
        time::sleep(SILENCE_IS_AN_ANSWER_AFTER).await;
        finder.answered();
        loop {
            if addr_changes.changed().await.is_err() {
                return std::future::pending().await;
            }
            time::sleep(ADDRESSES_SETTLE).await;
            if Place::of(&addr_changes.borrow_and_update()) != place {
                break;
            }
        }
    }
}

/// Announces this node and asks for others, until the guard is dropped.
fn start(finder: &Finder, place: &Place) -> Option<DropGuard> {
    let (me, found) = (finder.me(), finder.clone());
    let service = service_name(&finder.network());
    let mut discoverer = Discoverer::new(service, me.to_z32())
        .with_cadence(CADENCE)
        .with_response_rate(ANSWERS_PER_SECOND)
        .with_ip_class(IpClass::V4Only)
        .with_multicast_interfaces_v4(place.interfaces.iter().copied().collect())
        .with_callback(move |id, peer| {
            let Some(addr) = announced(id, peer).filter(|addr| addr.id != me) else {
                return;
            };
            if !found.knows(&addr.id) {
                debug!(peer = %addr.id, "found on the local network");
                found.hint(addr);
            }
            found.answered();
        });
    for (port, ips) in &place.ports {
        discoverer = discoverer.with_addrs(*port, ips.iter().copied());
    }
    // It warns that there is no default interface, which is why it is told of all of them.
    let spawn = || {
        discoverer
            .spawn(&Handle::current())
            .map_err(|error| error.to_string())
    };
    match subscriber::with_default(NoSubscriber::default(), spawn) {
        Ok(service) => Some(service),
        Err(error) => {
            warn!(%error, "peers on the local network are not looked for");
            None
        }
    }
}

/// Where this node is on its links.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    interfaces: BTreeSet<Ipv4Addr>,
    ports: BTreeMap<u16, BTreeSet<IpAddr>>,
}

impl Place {
    fn of(addr: &EndpointAddr) -> Self {
        let mut place = Self::default();
        for addr in addr.ip_addrs().filter(|addr| !addr.ip().is_loopback()) {
            place
                .ports
                .entry(addr.port())
                .or_default()
                .insert(addr.ip());
            if let IpAddr::V4(ip) = addr.ip()
                && can_multicast(ip)
            {
                place.interfaces.insert(ip);
            }
        }
        place
    }
}

/// Whether `ip` is an address of this host whose interface takes part in multicast.
fn can_multicast(ip: Ipv4Addr) -> bool {
    let socket = UdpSocket::bind((ip, 0));
    socket
        .and_then(|socket| socket.join_multicast_v4(&GROUP, &ip))
        .is_ok()
}

/// What an announcement says, as far as it makes sense.
fn announced(id: &str, peer: &Peer) -> Option<EndpointAddr> {
    if peer.is_expiry() {
        // The catalog decides by itself who is gone.
        return None;
    }
    let id = PeerId::from_z32(id).ok()?;
    let addrs = peer.addrs().iter().take(ADDRESSES_PER_PEER_MAX);
    let addrs = addrs.map(|(ip, port)| TransportAddr::Ip(SocketAddr::new(*ip, *port)));
    Some(EndpointAddr::from_parts(id, addrs))
}

/// At most 15 characters, as RFC 6763 asks for.
fn service_name(network: &NetworkId) -> String {
    let digits = network.to_string();
    format!("mk-{}", &digits[..12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    #[test]
    fn the_service_name_fits_a_label_and_tells_networks_apart() {
        let one = service_name(&NetworkId::from("one"));
        assert_eq!(one.len(), 15);
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        );
        assert_ne!(one, service_name(&NetworkId::from("two")));
    }

    #[test]
    fn loopback_is_no_link_and_foreign_addresses_are_no_interface() {
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let addr = EndpointAddr::from(id)
            .with_ip_addr(([127, 0, 0, 1], 7).into())
            .with_ip_addr(([192, 0, 2, 1], 7).into());
        let place = Place::of(&addr);
        assert_eq!(place.ports.len(), 1);
        assert!(place.interfaces.is_empty(), "192.0.2.1 is nobody's address");
    }

    #[test]
    fn the_peer_id_fits_a_label() {
        let id = SecretKey::from_bytes(&[1; 32]).public();
        assert!(id.to_z32().len() <= 63);
        assert_eq!(PeerId::from_z32(&id.to_z32()).unwrap(), id);
    }
}
