//! The transport's contract, held against both backends, and what only one of them can show.

mod contract;
mod faults;
mod hostile;
mod lifecycle;
mod quic;

use std::{future::Future, time::Duration};

use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::mpsc;

use crate::{
    primitives::{EndpointAddr, NetworkId, PeerId, SecretKey},
    runtime::{Rng, time},
};

use super::{
    CloseCode, Incoming, Link, LinkError, MemoryNet, Protocol, Transport, TransportConfig,
    protocol::Lane, table::PeerEvent,
};

/// Longer than any deadline of the transport.
const PATIENCE: Duration = Duration::from_secs(30);

/// A protocol of each lane, for tests.
const ECHO: Protocol = Protocol {
    id: 9001,
    name: "echo",
    version: 1,
    lane: Lane::Control,
    frame_bytes_max: 64 * 1024,
    request_bytes_max: 1024,
    streams_per_peer_max: 100,
};
const BULK: Protocol = Protocol {
    id: 9002,
    name: "bulk",
    version: 1,
    lane: Lane::Data,
    frame_bytes_max: 4 * 1024 * 1024,
    request_bytes_max: 1024,
    streams_per_peer_max: 100,
};

/// Where the transports of a test live.
#[derive(Clone)]
enum World {
    Memory(MemoryNet),
    Quic,
}

impl World {
    fn memory() -> Self {
        Self::Memory(MemoryNet::new(7))
    }

    fn config(&self, key: SecretKey) -> TransportConfig {
        let mut config = TransportConfig::new(NetworkId::from("transport tests"), key);
        config.loopback = true;
        if matches!(self, Self::Memory(_)) {
            let [seed, ..] = config.secret_key.to_bytes();
            config.rng = Rng::seeded(seed.into());
        }
        config
    }

    async fn bind(&self, config: TransportConfig) -> Transport {
        let bound = match self {
            Self::Memory(net) => Transport::memory(net, config).await,
            Self::Quic => Transport::bind(config).await,
        };
        bound.expect("a transport of a test can be bound")
    }

    /// A transport whose id is a function of `seed` in memory, and random on real sockets, whose registry is shared.
    async fn node(&self, seed: u8) -> Transport {
        self.bind(self.config(self.key(seed))).await
    }

    fn key(&self, seed: u8) -> SecretKey {
        match self {
            Self::Memory(_) => key(seed),
            Self::Quic => SecretKey::generate(),
        }
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

/// Accepts every stream, replies with the request, and sends each frame back.
fn serve_echo(transport: &Transport, protocol: Protocol) {
    transport.serve(protocol, |incoming| echo(incoming).boxed());
}

async fn echo(incoming: Incoming) {
    let reply = incoming.request.clone();
    let Ok(mut link) = incoming.accept(reply).await else {
        return;
    };
    while let Ok(Some(frame)) = link.recv().await {
        if link.send(&frame).await.is_err() {
            return;
        }
    }
}

/// Accepts every stream and hands it to the test.
fn serve_links(transport: &Transport, protocol: Protocol) -> mpsc::Receiver<Link> {
    let (tx, rx) = mpsc::channel(256);
    transport.serve(protocol, move |incoming| {
        let tx = tx.clone();
        async move {
            if let Ok(link) = incoming.accept(Bytes::new()).await {
                let _ = tx.send(link).await;
            }
        }
        .boxed()
    });
    rx
}

async fn round_trip(link: &mut Link, text: &'static str) {
    link.send(text.as_bytes()).await.expect("the link is up");
    let back = within(link.recv()).await.expect("the link is up");
    assert_eq!(back.as_deref(), Some(text.as_bytes()));
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    time::timeout(PATIENCE, future)
        .await
        .expect("within the patience of a test")
}

/// Waits for a condition that nothing announces.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waited = time::timeout(PATIENCE, async {
        while !condition() {
            time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

/// Runs each case in both worlds.
macro_rules! in_both_worlds {
    ($($case:ident,)*) => {
        mod memory {
            $(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    Box::pin(super::$case(super::World::memory())).await;
                }
            )*
        }
        mod sockets {
            $(
                #[tokio::test]
                async fn $case() {
                    Box::pin(super::$case(super::World::Quic)).await;
                }
            )*
        }
    };
}
use in_both_worlds;
