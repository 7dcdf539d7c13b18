//! The first exchange on every connection, from both ends.
//!
//! The dialler opens a stream, says hello and ends it; the acceptor answers with its own. Until that is done no other
//! stream is accepted. Knows nothing of tables and protocols.

use bytes::Bytes;

use crate::{
    primitives::{Digest, NetworkId},
    runtime::time,
};

use super::{
    backend::{Conn, Ended, RecvHalf, SendHalf},
    close::{CloseCode, ConnectionEnd},
    config::Limits,
    error::LinkError,
    frame::{FrameBuffer, FrameQueue},
    stats::Counters,
    wire::{HELLO_BYTES_MAX, Hello},
};

/// Why a connection was not admitted. It is closed by then.
#[derive(Debug)]
pub(crate) enum HelloError {
    Silent,
    Malformed,
    DifferentNetwork(NetworkId),
    Ended(Ended),
}

/// Says hello first and hears the answer.
pub(crate) async fn dialled(
    conn: &Conn,
    ours: &Hello,
    limits: &Limits,
    counters: &Counters,
) -> Result<Hello, HelloError> {
    let exchange = async {
        let (mut send, mut recv) = conn.open_bi().await.map_err(HelloError::Ended)?;
        say(&mut send, ours)
            .await
            .map_err(|error| lost(conn, error))?;
        hear(conn, &mut recv).await
    };
    let outcome = time::timeout(limits.hello, unless_ended(conn, exchange)).await;
    judge(
        conn,
        ours,
        outcome.unwrap_or(Err(HelloError::Silent)),
        counters,
    )
}

/// Hears hello first and answers it.
pub(crate) async fn accepted(
    conn: &Conn,
    ours: &Hello,
    limits: &Limits,
    counters: &Counters,
) -> Result<Hello, HelloError> {
    let exchange = async {
        let (send, mut recv) = conn.accept_bi().await.map_err(HelloError::Ended)?;
        Ok((hear(conn, &mut recv).await?, send))
    };
    let outcome = time::timeout(limits.hello, unless_ended(conn, exchange)).await;
    let (theirs, send) = match outcome.unwrap_or(Err(HelloError::Silent)) {
        Ok((theirs, send)) => (Ok(theirs), Some(send)),
        Err(error) => (Err(error), None),
    };
    let theirs = judge(conn, ours, theirs, counters)?;
    if let Some(mut send) = send {
        say(&mut send, ours)
            .await
            .map_err(|error| lost(conn, error))?;
    }
    Ok(theirs)
}

/// Runs an exchange for as long as there is a connection.
async fn unless_ended<T>(
    conn: &Conn,
    exchange: impl Future<Output = Result<T, HelloError>>,
) -> Result<T, HelloError> {
    tokio::select! {
        biased;
        outcome = exchange => outcome,
        ended = conn.ended() => Err(HelloError::Ended(ended)),
    }
}

/// Refuses what must not go on, and tells the peer why.
fn judge(
    conn: &Conn,
    ours: &Hello,
    theirs: Result<Hello, HelloError>,
    counters: &Counters,
) -> Result<Hello, HelloError> {
    let peer = conn.peer();
    let (code, reason, error) = match theirs {
        Ok(theirs) if theirs.network == ours.network => return Ok(theirs),
        Ok(theirs) => {
            counters.networks_different.one();
            tracing::debug!(peer = %peer.fmt_short(), network = %theirs.network, "peer of another network");
            // The reason carries our network, so that the other end can say which two differ.
            let reason = ours.network.to_string();
            let error = HelloError::DifferentNetwork(theirs.network);
            (CloseCode::DIFFERENT_NETWORK, reason, error)
        }
        Err(HelloError::Silent) => {
            counters.hellos_missing.one();
            let code = CloseCode::SILENT;
            (code, code.to_string(), HelloError::Silent)
        }
        Err(HelloError::Malformed) => {
            counters.hellos_malformed.one();
            let code = CloseCode::PROTOCOL_VIOLATION;
            (code, code.to_string(), HelloError::Malformed)
        }
        Err(error) => return Err(with_network(error)),
    };
    conn.close(code, reason.as_bytes());
    Err(error)
}

/// Reads the network out of a close for that reason.
fn with_network(error: HelloError) -> HelloError {
    let HelloError::Ended(ended) = &error else {
        return error;
    };
    if ended.end != ConnectionEnd::ByPeer(CloseCode::DIFFERENT_NETWORK) {
        return error;
    }
    match network_in(&ended.reason) {
        Some(network) => HelloError::DifferentNetwork(network),
        None => error,
    }
}

/// Exactly the 64 hex digits that `judge` writes; anything else is somebody else's text.
fn network_in(reason: &Bytes) -> Option<NetworkId> {
    let text = std::str::from_utf8(reason).ok()?;
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| Digest::from(text))
}

fn lost(conn: &Conn, error: LinkError) -> HelloError {
    let end = match error {
        LinkError::ConnectionEnded(end) => end,
        _ => return HelloError::Malformed,
    };
    HelloError::Ended(conn.end().unwrap_or(Ended {
        end,
        reason: Bytes::new(),
    }))
}

async fn say(send: &mut SendHalf, hello: &Hello) -> Result<(), LinkError> {
    let mut queue = FrameQueue::default();
    queue.push(&hello.encode());
    while !queue.is_empty() {
        let (chunk_count, bytes) = send.write(queue.chunks()).await?;
        queue.advance(chunk_count, bytes);
    }
    send.finish();
    Ok(())
}

async fn hear(conn: &Conn, recv: &mut RecvHalf) -> Result<Hello, HelloError> {
    let mut buffer = FrameBuffer::new(HELLO_BYTES_MAX);
    loop {
        match buffer.next_frame() {
            Ok(Some(frame)) => return Hello::decode(frame).map_err(|_| HelloError::Malformed),
            Ok(None) => {}
            Err(_) => return Err(HelloError::Malformed),
        }
        match recv.read(buffer.room()).await {
            Ok(0) => return Err(HelloError::Malformed),
            Ok(bytes) => buffer.filled(bytes),
            Err(error) => return Err(lost(conn, error)),
        }
    }
}
