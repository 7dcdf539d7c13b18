//! Round trips over bare iroh: what latencies are held against.

use std::time::{Duration, Instant};

use iroh::{
    Endpoint, RelayMode,
    endpoint::{Connection, PortmapperConfig, presets::Minimal},
};

const ALPN: &[u8] = b"bench";

async fn endpoint() -> Endpoint {
    Endpoint::builder(Minimal)
        .alpns(vec![ALPN.to_vec()])
        .relay_mode(RelayMode::Disabled)
        .portmapper_config(PortmapperConfig::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("one address")
        .bind()
        .await
        .expect("a free port")
}

/// Two endpoints on loopback in this process, with the connection between them.
pub(crate) async fn connected() -> [(Endpoint, Connection); 2] {
    let (ours, theirs) = (endpoint().await, endpoint().await);
    let accepting = async {
        theirs
            .accept()
            .await
            .expect("a dial")
            .await
            .expect("a handshake")
    };
    let (dialled, accepted) = tokio::join!(ours.connect(theirs.addr(), ALPN), accepting);
    [(ours, dialled.expect("a handshake")), (theirs, accepted)]
}

/// What each round trip of 68 bytes on one stream took.
pub(crate) async fn round_trips(count: usize) -> Vec<Duration> {
    let [(ours, dialled), (theirs, accepted)] = connected().await;
    let echo = tokio::spawn(async move {
        let (mut send, mut recv) = accepted.accept_bi().await.expect("a stream");
        let mut frame = [0; 68];
        while recv.read_exact(&mut frame).await.is_ok() {
            send.write_all(&frame).await.expect("a reader");
        }
    });
    let (mut send, mut recv) = dialled.open_bi().await.expect("a stream");
    let mut frame = [7; 68];
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        send.write_all(&frame).await.expect("a reader");
        recv.read_exact(&mut frame).await.expect("a writer");
        times.push(start.elapsed());
    }
    send.finish().expect("an open stream");
    echo.await.expect("no panic");
    ours.close().await;
    theirs.close().await;
    times
}
