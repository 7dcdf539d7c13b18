//! One face for the two ways of reaching a peer: QUIC, and memory.
//!
//! Everything above (hello, headers, links, connection table, accept loop) is the same code for both.

use std::{fmt, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use iroh::address_lookup::AddressLookup;

use crate::primitives::{EndpointAddr, PeerId};

use super::{
    admission::Origin,
    close::{CloseCode, ConnectionEnd},
    error::{DialError, LinkError},
    protocol::Lane,
    quic,
};

#[cfg(feature = "test-util")]
use super::memory;

/// How packets reach a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum PathKind {
    /// From socket to socket.
    Direct,
    /// Through a relay server.
    Relay,
    /// In this process's memory, in tests.
    Memory,
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::Memory => "memory",
        })
    }
}

/// The end of a connection, with the closing side's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) end: ConnectionEnd,
    pub(crate) reason: Bytes,
}

/// A bound endpoint.
pub(crate) enum Backend {
    Quic(quic::QuicEndpoint),
    #[cfg(feature = "test-util")]
    Memory(memory::MemoryEndpoint),
}

impl Backend {
    pub(crate) async fn dial(&self, to: EndpointAddr, lane: Lane) -> Result<Conn, DialError> {
        match self {
            Self::Quic(endpoint) => endpoint.dial(to, lane).await.map(Conn::Quic),
            #[cfg(feature = "test-util")]
            Self::Memory(endpoint) => endpoint.dial(to, lane).await.map(Conn::Memory),
        }
    }

    /// The next connection that wants in, or `None` once the endpoint is closed.
    pub(crate) async fn accept(&self) -> Option<Handshake> {
        match self {
            Self::Quic(endpoint) => {
                let handshake = endpoint.accept().await?;
                Some(Handshake::Quic(Box::new(handshake)))
            }
            #[cfg(feature = "test-util")]
            Self::Memory(endpoint) => endpoint.accept().await.map(Handshake::Memory),
        }
    }

    /// Adds a service that finds addresses by id; in memory there is nothing to find.
    pub(crate) fn add_lookup(&self, lookup: impl AddressLookup) {
        match self {
            Self::Quic(endpoint) => endpoint.add_lookup(lookup),
            #[cfg(feature = "test-util")]
            Self::Memory(_) => {}
        }
    }

    pub(crate) fn bound(&self) -> Vec<SocketAddr> {
        match self {
            Self::Quic(endpoint) => endpoint.bound(),
            #[cfg(feature = "test-util")]
            Self::Memory(endpoint) => endpoint.bound(),
        }
    }

    /// Runs what the endpoint itself needs, until it closes.
    pub(crate) async fn background(&self) {
        match self {
            Self::Quic(endpoint) => endpoint.background().await,
            #[cfg(feature = "test-util")]
            Self::Memory(endpoint) => endpoint.background().await,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Quic(endpoint) => endpoint.close().await,
            #[cfg(feature = "test-util")]
            Self::Memory(endpoint) => endpoint.close(),
        }
    }
}

/// A connection that wants in; nothing has been spent on it yet.
pub(crate) enum Handshake {
    Quic(Box<quic::QuicHandshake>),
    #[cfg(feature = "test-util")]
    Memory(memory::MemoryHandshake),
}

impl Handshake {
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Quic(handshake) => handshake.origin(),
            #[cfg(feature = "test-util")]
            Self::Memory(handshake) => handshake.origin(),
        }
    }

    /// Whether the origin has proved that it receives what is sent there.
    pub(crate) fn is_validated(&self) -> bool {
        match self {
            Self::Quic(handshake) => handshake.is_validated(),
            #[cfg(feature = "test-util")]
            Self::Memory(_) => true,
        }
    }

    /// The lane asked for. `Err` when it is certain that none of ours is.
    pub(crate) fn lane(&self) -> Result<Option<Lane>, ()> {
        match self {
            Self::Quic(handshake) => handshake.lane(),
            #[cfg(feature = "test-util")]
            Self::Memory(handshake) => Ok(Some(handshake.lane())),
        }
    }

    pub(crate) fn refuse(self) {
        match self {
            Self::Quic(handshake) => handshake.refuse(),
            #[cfg(feature = "test-util")]
            Self::Memory(handshake) => handshake.refuse(),
        }
    }

    /// Asks for proof of the address. Refuses if that was asked before.
    pub(crate) fn retry(self) {
        match self {
            Self::Quic(handshake) => handshake.retry(),
            #[cfg(feature = "test-util")]
            Self::Memory(handshake) => handshake.refuse(),
        }
    }

    pub(crate) async fn complete(self, lane: Option<Lane>) -> Result<Conn, String> {
        match self {
            Self::Quic(handshake) => handshake.complete(lane).await.map(Conn::Quic),
            #[cfg(feature = "test-util")]
            Self::Memory(handshake) => handshake.complete().map(Conn::Memory),
        }
    }
}

/// A connection to an authenticated peer.
#[derive(Clone)]
pub(crate) enum Conn {
    Quic(quic::QuicConn),
    #[cfg(feature = "test-util")]
    Memory(memory::MemoryConn),
}

impl Conn {
    pub(crate) fn peer(&self) -> PeerId {
        match self {
            Self::Quic(conn) => conn.peer(),
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.peer(),
        }
    }

    pub(crate) fn lane(&self) -> Lane {
        match self {
            Self::Quic(conn) => conn.lane(),
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.lane(),
        }
    }

    pub(crate) async fn open_bi(&self) -> Result<(SendHalf, RecvHalf), Ended> {
        match self {
            Self::Quic(conn) => conn.open_bi().await,
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.open_bi(),
        }
    }

    pub(crate) async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), Ended> {
        match self {
            Self::Quic(conn) => conn.accept_bi().await,
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.accept_bi().await,
        }
    }

    /// Completes when the connection has ended. In memory this also is what keeps its time-outs.
    pub(crate) async fn ended(&self) -> Ended {
        match self {
            Self::Quic(conn) => conn.ended().await,
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.run().await,
        }
    }

    pub(crate) fn end(&self) -> Option<Ended> {
        match self {
            Self::Quic(conn) => conn.end(),
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.end(),
        }
    }

    pub(crate) fn close(&self, code: CloseCode, reason: &[u8]) {
        match self {
            Self::Quic(conn) => conn.close(code, reason),
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.close(code, reason),
        }
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        match self {
            Self::Quic(conn) => conn.rtt(),
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.rtt(),
        }
    }

    pub(crate) fn path(&self) -> Option<PathKind> {
        match self {
            Self::Quic(conn) => conn.path(),
            #[cfg(feature = "test-util")]
            Self::Memory(_) => Some(PathKind::Memory),
        }
    }

    pub(crate) fn export_keying_material(&self, label: &[u8], context: &[u8]) -> [u8; 32] {
        match self {
            Self::Quic(conn) => conn.export_keying_material(label, context),
            #[cfg(feature = "test-util")]
            Self::Memory(conn) => conn.export_keying_material(label, context),
        }
    }
}

/// The outgoing half of a stream. Dropping it ends the stream in good order.
pub(crate) enum SendHalf {
    Quic(quic::QuicSend),
    #[cfg(feature = "test-util")]
    Memory(memory::MemorySend),
}

impl SendHalf {
    /// Writes from the front of `chunks`, cutting the last one touched. Writes nothing when dropped before it is ready.
    ///
    /// Returns how many chunks were written whole and how many bytes in all.
    pub(crate) async fn write(
        &mut self,
        chunks: &mut [Bytes],
    ) -> Result<(usize, usize), LinkError> {
        match self {
            Self::Quic(send) => send.write(chunks).await,
            #[cfg(feature = "test-util")]
            Self::Memory(send) => send.write(chunks).await,
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Quic(send) => send.finish(),
            #[cfg(feature = "test-util")]
            Self::Memory(send) => send.finish(),
        }
    }

    /// Waits until the peer's transport has everything.
    pub(crate) async fn acknowledged(&mut self) -> Result<(), LinkError> {
        match self {
            Self::Quic(send) => send.acknowledged().await,
            #[cfg(feature = "test-util")]
            Self::Memory(send) => send.acknowledged().await,
        }
    }

    pub(crate) fn reset(&mut self, code: CloseCode) {
        match self {
            Self::Quic(send) => send.reset(code),
            #[cfg(feature = "test-util")]
            Self::Memory(send) => send.reset(code),
        }
    }
}

/// The incoming half of a stream. Dropping it tells the peer to stop.
pub(crate) enum RecvHalf {
    Quic(quic::QuicRecv),
    #[cfg(feature = "test-util")]
    Memory(memory::MemoryRecv),
}

impl RecvHalf {
    /// Appends what has arrived to `buffer`, which has room. 0 is the end. Loses nothing when dropped before it is ready.
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> Result<usize, LinkError> {
        match self {
            Self::Quic(recv) => recv.read(buffer).await,
            #[cfg(feature = "test-util")]
            Self::Memory(recv) => recv.read(buffer).await,
        }
    }

    pub(crate) fn stop(&mut self, code: CloseCode) {
        match self {
            Self::Quic(recv) => recv.stop(code),
            #[cfg(feature = "test-util")]
            Self::Memory(recv) => recv.stop(code),
        }
    }
}
