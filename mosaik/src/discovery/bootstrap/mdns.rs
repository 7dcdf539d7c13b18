//! Peers on the local network, by multicast DNS.
//!
//! The service name is derived from the network id, so networks do not see each other. Nothing is signed:
//! anybody on the link can claim any id, which a handshake then refutes.

use std::time::Duration;

use futures::StreamExt as _;
use iroh_mdns_address_lookup::{DiscoveryEvent, MdnsAddressLookup};
use tracing::{debug, warn};

use super::{Finder, SILENCE_IS_AN_ANSWER_AFTER};
use crate::{primitives::NetworkId, runtime::time};

/// Time between queries while nobody else asks. Twice as fast as the library's, for a first answer within
/// a second.
const CADENCE: Duration = Duration::from_millis(350);

pub(super) async fn run(finder: Finder) {
    let shutdown = finder.shutdown();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = listen(&finder) => {}
    }
}

async fn listen(finder: &Finder) {
    let service = service_name(&finder.network());
    let builder = MdnsAddressLookup::builder()
        .service_name(service)
        .discovery_cadence(CADENCE);
    let lookup = match builder.build(finder.me()) {
        Ok(lookup) => lookup,
        Err(error) => return give_up(finder, &error),
    };
    // The endpoint tells the service our own addresses, now and at each change.
    match finder.transport().endpoint().address_lookup() {
        Ok(services) => services.add(lookup.clone()),
        Err(error) => return give_up(finder, &error),
    }
    let mut events = lookup.subscribe().await;
    let silence = time::sleep(SILENCE_IS_AN_ANSWER_AFTER);
    tokio::pin!(silence);
    let mut answered = false;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = &mut silence, if !answered => {
                finder.answered();
                answered = true;
                continue;
            }
        };
        match event {
            Some(DiscoveryEvent::Discovered { endpoint_info, .. }) => {
                let addr = endpoint_info.into_endpoint_addr();
                debug!(peer = %addr.id, "found on the local network");
                finder.hint(addr);
                if !answered {
                    finder.answered();
                    answered = true;
                }
            }
            // The catalog decides by itself who is gone.
            Some(_) => {}
            None => return,
        }
    }
}

fn give_up(finder: &Finder, error: &dyn std::fmt::Display) {
    warn!(%error, "peers on the local network are not looked for");
    finder.answered();
}

/// At most 15 characters, as RFC 6763 asks for.
fn service_name(network: &NetworkId) -> String {
    let digits = network.to_string();
    format!("mk-{}", &digits[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
