//! A door for `benches/link.rs`, which cannot name what is inside the crate. Not public interface.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::mpsc;

use crate::{
    primitives::{NetworkId, SecretKey},
    runtime::Clock,
};

use super::{Link, Protocol, Transport, TransportConfig, protocol::Lane};

const BENCH: Protocol = Protocol {
    id: 9000,
    name: "bench",
    version: 1,
    lane: Lane::Data,
    frame_bytes_max: 1024 * 1024,
    request_bytes_max: 0,
    streams_per_peer_max: 1,
};

/// What the bench measures goes wrong only where the bench cannot go on.
const ALIVE: &str = "invariant: nothing ends a link between two nodes of one idle process";

async fn pair() -> [(Transport, Link); 2] {
    let bind = || {
        let mut config = TransportConfig::new(NetworkId::from("bench"), SecretKey::generate());
        config.loopback = true;
        Transport::bind(config)
    };
    let (ours, theirs) = tokio::join!(bind(), bind());
    let (ours, theirs) = (ours.expect(ALIVE), theirs.expect(ALIVE));
    let (tx, mut rx) = mpsc::channel(1);
    theirs.serve(BENCH, move |incoming| {
        let tx = tx.clone();
        async move {
            let link = incoming.accept(Bytes::new()).await.expect(ALIVE);
            // The receiver is there until it has this one.
            let _ = tx.send(link).await;
        }
        .boxed()
    });
    let opened = ours.open(theirs.local_addr(), BENCH, Bytes::new()).await;
    let accepted = rx.recv().await.expect(ALIVE);
    [(ours, opened.expect(ALIVE)), (theirs, accepted)]
}

/// Sends `frame_count` frames over one link, `batch` of them a flush. The time until the last has arrived.
pub async fn link_throughput(frame_bytes: usize, frame_count: usize, batch: usize) -> Duration {
    let [(_ours, opened), (_theirs, accepted)] = Box::pin(pair()).await;
    let (mut sender, _receiver) = opened.split();
    let (_sender, mut receiver) = accepted.split();
    let clock = Clock::system();
    let start = clock.now();
    let frame = vec![7; frame_bytes];
    let sending = async move {
        for index in 1..=frame_count {
            sender.queue(&frame).expect(ALIVE);
            if index % batch == 0 {
                sender.flush().await.expect(ALIVE);
            }
        }
        sender.finish().await.expect(ALIVE);
    };
    let sending = tokio::runtime::Handle::current().spawn(sending);
    let (mut count, mut bytes) = (0, 0);
    while let Some(frames) = receiver.recv_batch().await.expect(ALIVE) {
        for frame in &frames {
            count += 1;
            bytes += frame.len();
        }
    }
    let took = clock.now() - start;
    assert_eq!((count, bytes), (frame_count, frame_count * frame_bytes));
    sending.await.expect(ALIVE);
    took
}

/// Sends one frame of 64 bytes there and back, `count` times, and tells how long each took.
pub async fn link_round_trips(count: usize) -> Vec<Duration> {
    let [(_ours, mut opened), (_theirs, mut accepted)] = Box::pin(pair()).await;
    let echo = tokio::runtime::Handle::current().spawn(async move {
        while let Ok(Some(frame)) = accepted.recv().await {
            accepted.send(&frame).await.expect(ALIVE);
        }
    });
    let clock = Clock::system();
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = clock.now();
        opened.send(&[7; 64]).await.expect(ALIVE);
        opened.recv().await.expect(ALIVE);
        times.push(clock.now() - start);
    }
    drop(opened);
    echo.await.expect(ALIVE);
    times
}
