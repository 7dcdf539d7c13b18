//! Peers that do not behave. Each refusal is counted, and an honest peer is served all the while.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::super::{
    ConnectionEnd,
    backend::{Backend, Conn, RecvHalf, SendHalf},
    hello,
    memory::MemoryEndpoint,
    quic::QuicEndpoint,
    stats::Counters,
    wire::{Answer, Header, Hello},
};
use super::*;

in_both_worlds![
    a_peer_that_connects_and_says_nothing_is_dropped,
    a_hello_that_makes_no_sense_is_refused,
    a_peer_that_opens_a_protocol_and_says_nothing_is_dropped,
    a_header_that_makes_no_sense_is_refused,
    an_announcement_of_four_gigabytes_costs_nothing,
    no_stream_is_served_before_the_hello,
];

/// An endpoint without a transport: it says what a test tells it to.
struct Raw {
    backend: Arc<Backend>,
}

impl Raw {
    async fn new(world: &World) -> Self {
        let config = world.config(world.key(66));
        let backend = match world {
            World::Memory(net) => Backend::Memory(MemoryEndpoint::bind(net, &config).unwrap()),
            World::Quic => Backend::Quic(QuicEndpoint::bind(&config).await.unwrap()),
        };
        Self {
            backend: Arc::new(backend),
        }
    }

    /// A connection without a hello. Its end is awaited, since that is what drives it in memory.
    async fn dial(&self, to: &Transport, lane: Lane) -> Conn {
        let conn = self.backend.dial(to.local_addr(), lane).await.unwrap();
        let driven = conn.clone();
        let driver = crate::runtime::Tasks::root("raw");
        driver.spawn("drive", async move {
            driven.ended().await;
        });
        conn
    }

    async fn greet(&self, to: &Transport, lane: Lane) -> Conn {
        let conn = self.dial(to, lane).await;
        let hello = hello_of(to.network_id());
        let limits = super::super::config::Limits::default();
        hello::dialled(&conn, &hello, &limits, &Counters::default())
            .await
            .unwrap();
        conn
    }
}

fn hello_of(network: NetworkId) -> Hello {
    Hello {
        network,
        session: 1,
        version: "0.0.0".to_owned(),
        features: 0,
    }
}

fn frame(payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u32(u32::try_from(payload.len()).unwrap());
    bytes.put_slice(payload);
    bytes.freeze()
}

async fn write(send: &mut SendHalf, bytes: impl Into<Bytes>) {
    let mut chunks = [bytes.into()];
    while !chunks[0].is_empty() {
        send.write(&mut chunks).await.unwrap();
        if chunks[0].is_empty() {
            return;
        }
    }
}

async fn open(conn: &Conn, bytes: impl Into<Bytes>) -> (SendHalf, RecvHalf) {
    let (mut send, recv) = conn.open_bi().await.unwrap();
    let mut chunks = [bytes.into()];
    send.write(&mut chunks).await.unwrap();
    (send, recv)
}

async fn end_of(conn: &Conn) -> ConnectionEnd {
    within(async {
        loop {
            if let Some(ended) = conn.end() {
                return ended.end;
            }
            time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// The error that a read ends with.
async fn error_of(recv: &mut RecvHalf) -> Result<usize, LinkError> {
    let mut buffer = BytesMut::with_capacity(1024);
    within(recv.read(&mut buffer)).await
}

async fn victim_and_friend(world: &World) -> (Transport, Transport, Link) {
    let victim = world.node(1).await;
    let friend = world.node(2).await;
    serve_echo(&victim, ECHO);
    serve_echo(&victim, BULK);
    let opened = friend.open(victim.local_addr(), ECHO, Bytes::new()).await;
    let link = opened.unwrap();
    (victim, friend, link)
}

async fn a_peer_that_connects_and_says_nothing_is_dropped(world: World) {
    let (victim, _friend, mut link) = victim_and_friend(&world).await;
    let raw = Raw::new(&world).await;
    let silent = raw.dial(&victim, Lane::Control).await;
    let half_silent = raw.dial(&victim, Lane::Data).await;
    let (_send, _recv) = open(&half_silent, &b"\0\0"[..]).await;
    round_trip(&mut link, "meanwhile").await;
    let silenced = ConnectionEnd::ByPeer(CloseCode::SILENT);
    assert_eq!(end_of(&silent).await, silenced);
    assert_eq!(end_of(&half_silent).await, silenced);
    assert_eq!(victim.stats().hellos_missing, 2);
    assert_eq!(victim.stats().connections_accepted, 1);
    round_trip(&mut link, "and after").await;
}

async fn a_hello_that_makes_no_sense_is_refused(world: World) {
    let (victim, _friend, mut link) = victim_and_friend(&world).await;
    let raw = Raw::new(&world).await;
    let header = Header {
        protocol: ECHO.id,
        version: 1,
        request: Bytes::new(),
    };
    let mut later = BytesMut::from(hello_of(victim.network_id()).encode().as_ref());
    later[0] = 2;
    let hellos: [Bytes; 4] = [
        frame(&header.encode()),
        frame(&later),
        frame(b""),
        Bytes::from_static(b"\xff\xff\xff\xff"),
    ];
    for (index, bytes) in hellos.into_iter().enumerate() {
        let conn = raw.dial(&victim, Lane::Control).await;
        let (_send, _recv) = open(&conn, bytes).await;
        let expected = ConnectionEnd::ByPeer(CloseCode::PROTOCOL_VIOLATION);
        assert_eq!(end_of(&conn).await, expected, "hello {index}");
    }
    assert_eq!(victim.stats().hellos_malformed, 4);
    round_trip(&mut link, "unharmed").await;
}

async fn a_peer_that_opens_a_protocol_and_says_nothing_is_dropped(world: World) {
    let (victim, _friend, mut link) = victim_and_friend(&world).await;
    let raw = Raw::new(&world).await;
    let conn = raw.greet(&victim, Lane::Control).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(open(&conn, &b"\0"[..]).await);
    }
    round_trip(&mut link, "meanwhile").await;
    for (_send, recv) in &mut streams {
        assert_eq!(
            error_of(recv).await,
            Err(LinkError::Reset(CloseCode::SILENT))
        );
    }
    assert_eq!(victim.stats().headers_missing, 50);
    assert_eq!(victim.stats().streams_accepted, 1);
    // Its connection is still good for streams that say something.
    let header = Header {
        protocol: ECHO.id,
        version: 1,
        request: Bytes::new(),
    };
    let (_send, mut recv) = open(&conn, frame(&header.encode())).await;
    let answer = Answer::Accept {
        reply: Bytes::new(),
    };
    let mut buffer = BytesMut::with_capacity(64);
    within(recv.read(&mut buffer)).await.unwrap();
    assert_eq!(buffer, frame(&answer.encode()));
}

async fn a_header_that_makes_no_sense_is_refused(world: World) {
    let (victim, _friend, mut link) = victim_and_friend(&world).await;
    let raw = Raw::new(&world).await;
    let conn = raw.greet(&victim, Lane::Control).await;
    for bytes in [
        frame(b""),
        frame(b"\x01\x23"),
        frame(b"\x07abcdef"),
        Bytes::from_static(b"\xff\xff\xff\xff"),
    ] {
        let (_send, mut recv) = open(&conn, bytes).await;
        let mut buffer = BytesMut::with_capacity(1024);
        within(recv.read(&mut buffer)).await.unwrap();
        let answer = Answer::decode(buffer.freeze().slice(4..)).unwrap();
        let reason = "malformed header".to_owned();
        assert_eq!(
            answer,
            Answer::Reject {
                code: CloseCode::PROTOCOL_VIOLATION,
                reason
            }
        );
    }
    assert_eq!(victim.stats().headers_malformed, 4);
    round_trip(&mut link, "unharmed").await;
}

async fn an_announcement_of_four_gigabytes_costs_nothing(world: World) {
    let (victim, _friend, mut link) = victim_and_friend(&world).await;
    let mut links = serve_links(&victim, BULK);
    let raw = Raw::new(&world).await;
    let conn = raw.greet(&victim, Lane::Data).await;
    let header = Header {
        protocol: BULK.id,
        version: 1,
        request: Bytes::new(),
    };
    let (mut send, _recv) = open(&conn, frame(&header.encode())).await;
    let mut theirs = within(links.recv()).await.unwrap();
    write(&mut send, frame(b"good")).await;
    assert_eq!(
        within(theirs.recv()).await.unwrap().as_deref(),
        Some(&b"good"[..])
    );
    write(&mut send, &b"\xff\xff\xff\xff and then some"[..]).await;
    let error = within(theirs.recv()).await.unwrap_err();
    let expected = LinkError::FrameTooLarge {
        bytes: 0xffff_ffff,
        limit: BULK.frame_bytes_max,
        protocol: "bulk",
    };
    assert_eq!(error, expected);
    assert_eq!(
        within(theirs.recv()).await,
        Err(expected),
        "it stays closed"
    );
    assert_eq!(victim.stats().frames_oversize, 1);
    let stopped = within(async {
        loop {
            if let Err(error) = send.write(&mut [Bytes::from_static(b"more")]).await {
                return error;
            }
            time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(
        stopped.await,
        LinkError::Stopped(CloseCode::FRAME_TOO_LARGE)
    );
    assert!(conn.end().is_none(), "only the stream is closed");
    round_trip(&mut link, "unharmed").await;
}

async fn no_stream_is_served_before_the_hello(world: World) {
    let (victim, _friend, mut link) = victim_and_friend(&world).await;
    let raw = Raw::new(&world).await;
    let conn = raw.dial(&victim, Lane::Control).await;
    // The first stream begins a hello and does not end it; the second asks for a protocol.
    let (_send, _recv) = open(&conn, &b"\0\0\0\x20"[..]).await;
    let header = Header {
        protocol: ECHO.id,
        version: 1,
        request: Bytes::new(),
    };
    let (_send2, mut recv2) = open(&conn, frame(&header.encode())).await;
    let error = error_of(&mut recv2).await.unwrap_err();
    assert_eq!(error.code(), Some(CloseCode::SILENT));
    assert_eq!(victim.stats().streams_accepted, 1, "the friend's");
    round_trip(&mut link, "unharmed").await;
}
