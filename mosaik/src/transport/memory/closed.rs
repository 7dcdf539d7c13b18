//! An endpoint that is closed, for whoever asks a transport in memory for one.
//!
//! iroh makes none without a socket, so it has one on the loopback interface, which nobody reads.

use std::{net::SocketAddr, sync::OnceLock, thread};

use iroh::{
    Endpoint, RelayMode,
    endpoint::{PortmapperConfig, presets::Minimal},
};

use crate::primitives::SecretKey;

/// Made when first asked for: it needs a runtime and some milliseconds, and hardly anybody asks.
pub(crate) struct ClosedEndpoint {
    secret_key: SecretKey,
    endpoint: OnceLock<Endpoint>,
}

impl ClosedEndpoint {
    pub(crate) fn new(secret_key: SecretKey) -> Self {
        Self {
            secret_key,
            endpoint: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> &Endpoint {
        self.endpoint.get_or_init(|| {
            let secret_key = self.secret_key.clone();
            // On a thread of its own: the caller's runtime may be paused, and must not be blocked on.
            thread::spawn(move || make(secret_key))
                .join()
                .expect("invariant: an endpoint on the loopback interface can always be made")
        })
    }
}

fn make(secret_key: SecretKey) -> Endpoint {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("invariant: a process with memory for a thread has some for its runtime");
    runtime.block_on(async {
        let endpoint = Endpoint::builder(Minimal)
            .secret_key(secret_key)
            .relay_mode(RelayMode::Disabled)
            .portmapper_config(PortmapperConfig::Disabled)
            .clear_ip_transports()
            .bind_addr(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("invariant: one address cannot contradict another")
            .bind()
            .await
            .expect("invariant: a host has a free port on its loopback interface");
        endpoint.close().await;
        endpoint
    })
}
