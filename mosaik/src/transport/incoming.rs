//! A stream that a peer has opened: its header, and our answer.

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::{primitives::PeerId, runtime::time};

use super::{
    backend::{RecvHalf, SendHalf},
    close::CloseCode,
    config::Limits,
    error::LinkError,
    frame::{FrameBuffer, FrameQueue},
    link::{Link, LinkContext},
    protocol::Protocol,
    session::{Session, StreamCounts, StreamLease},
    stats::Counters,
    wire::{Answer, HEADER_FRAME_BYTES_MAX, Header},
};

/// What takes the streams of a protocol.
pub(crate) type Handler = Arc<dyn Fn(Incoming) -> BoxFuture<'static, ()> + Send + Sync>;

/// The protocols that are served, by number.
pub(crate) type Handlers = BTreeMap<u16, (Protocol, Handler)>;

/// A stream that a peer wants to open. Dropping it without an answer rejects it.
pub(crate) struct Incoming {
    /// The authenticated id of the peer.
    pub(crate) peer: PeerId,
    /// What the peer asks for, at most as long as the protocol allows.
    pub(crate) request: Bytes,
    parts: Option<Parts>,
}

struct Parts {
    context: LinkContext,
    send: SendHalf,
    recv: RecvHalf,
    buffer: FrameBuffer,
}

impl Incoming {
    /// The protocol that was asked for.
    pub(crate) fn protocol(&self) -> Protocol {
        self.parts().context.protocol
    }

    /// Opens the stream. `reply` is what the opener gets to read first.
    ///
    /// Errors if the reply is longer than the protocol allows, or if the connection has ended.
    pub(crate) async fn accept(mut self, reply: Bytes) -> Result<Link, LinkError> {
        let Some(mut parts) = self.parts.take() else {
            return Err(LinkError::Closed);
        };
        let protocol = parts.context.protocol;
        if reply.len() > protocol.request_bytes_max {
            let bytes = reply.len();
            self.parts = Some(parts);
            return Err(LinkError::Frame(super::frame::FrameError::TooLarge {
                bytes,
                limit: protocol.request_bytes_max,
                protocol: protocol.name,
            }));
        }
        let answer = Answer::Accept {
            reply: reply.clone(),
        };
        write_frame(&mut parts.send, &answer.encode(), &parts.context.counters).await?;
        parts.context.counters.streams_accepted.one();
        Ok(Link::new(
            parts.context,
            parts.send,
            parts.recv,
            parts.buffer,
            reply,
        ))
    }

    /// Turns the stream away. The opener gets the code, and the first kilobyte of the reason.
    pub(crate) async fn reject(mut self, code: CloseCode, reason: &str) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        parts.context.counters.streams_rejected.one();
        let Parts {
            context,
            send,
            recv,
            ..
        } = parts;
        reject(send, recv, code, reason, &context.counters).await;
    }

    fn parts(&self) -> &Parts {
        self.parts
            .as_ref()
            .expect("invariant: only accept, reject and drop take the parts, and they consume")
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let Some(mut parts) = self.parts.take() else {
            return;
        };
        let code = if std::thread::panicking() {
            CloseCode::HANDLER_FAILED
        } else {
            CloseCode::UNANSWERED
        };
        parts.context.counters.streams_unanswered.one();
        parts.send.reset(code);
        parts.recv.stop(code);
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("peer", &self.peer.fmt_short().to_string())
            .field("protocol", &self.protocol().name)
            .field("request_bytes", &self.request.len())
            .finish_non_exhaustive()
    }
}

/// What judging a stream takes.
pub(crate) struct Gate {
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) counts: Arc<StreamCounts>,
}

impl Gate {
    /// Reads the header of a stream and finds its handler, or tells the peer why there is none.
    pub(crate) async fn admit(
        &self,
        session: &Arc<Session>,
        send: SendHalf,
        mut recv: RecvHalf,
        handler: impl Fn(u16) -> Option<(Protocol, Handler)>,
    ) -> Option<(Handler, Incoming)> {
        let _lease = StreamLease::on(session);
        let mut send = send;
        let mut buffer = FrameBuffer::new(HEADER_FRAME_BYTES_MAX);
        let read = read_frame(&mut recv, &mut buffer);
        let header = match time::timeout(self.limits.header, read).await {
            Ok(Ok(Some(frame))) => Header::decode(frame).ok(),
            Ok(Ok(None)) => None,
            // The stream or the connection is gone: nobody is left to be told.
            Ok(Err(_)) => return None,
            Err(_) => {
                self.counters.headers_missing.one();
                send.reset(CloseCode::SILENT);
                recv.stop(CloseCode::SILENT);
                return None;
            }
        };
        let verdict = match &header {
            None => {
                self.counters.headers_malformed.one();
                Err((CloseCode::PROTOCOL_VIOLATION, "malformed header".to_owned()))
            }
            Some(header) => self.judge(session, header, handler),
        };
        match (verdict, header) {
            (Ok((protocol, handler, lease)), Some(header)) => {
                buffer.limit_to(protocol.frame_bytes_max);
                let context = LinkContext {
                    protocol,
                    lease,
                    counters: Arc::clone(&self.counters),
                    finish: self.limits.finish,
                };
                let incoming = Incoming {
                    peer: session.peer,
                    request: header.request,
                    parts: Some(Parts {
                        context,
                        send,
                        recv,
                        buffer,
                    }),
                };
                Some((handler, incoming))
            }
            (Err((code, reason)), _) => {
                tracing::debug!(peer = %session.peer.fmt_short(), %code, reason, "stream rejected");
                reject(send, recv, code, &reason, &self.counters).await;
                None
            }
            (Ok(_), None) => None,
        }
    }

    fn judge(
        &self,
        session: &Arc<Session>,
        header: &Header,
        handler: impl Fn(u16) -> Option<(Protocol, Handler)>,
    ) -> Result<(Protocol, Handler, StreamLease), (CloseCode, String)> {
        let Some((protocol, handler)) = handler(header.protocol) else {
            self.counters.protocols_unknown.one();
            let reason = format!("protocol {} is not served here", header.protocol);
            return Err((CloseCode::UNKNOWN_PROTOCOL, reason));
        };
        if header.version != protocol.version {
            self.counters.protocols_mismatched.one();
            let reason = format!(
                "{} is served in version {}, not {}",
                protocol.name, protocol.version, header.version
            );
            return Err((CloseCode::UNSUPPORTED_VERSION, reason));
        }
        if session.lane != protocol.lane {
            self.counters.protocols_mismatched.one();
            let reason = format!("{} belongs to the {} lane", protocol.name, protocol.lane);
            return Err((CloseCode::PROTOCOL_VIOLATION, reason));
        }
        if header.request.len() > protocol.request_bytes_max {
            self.counters.headers_malformed.one();
            let reason = format!("requests of {} are shorter", protocol.name);
            return Err((CloseCode::FRAME_TOO_LARGE, reason));
        }
        let Some(lease) = self.counts.take(session, &protocol) else {
            self.counters.streams_over_cap.one();
            let reason = format!(
                "{} streams of {} are open already",
                protocol.streams_per_peer_max, protocol.name
            );
            return Err((CloseCode::TOO_MANY_STREAMS, reason));
        };
        Ok((protocol, handler, lease))
    }
}

/// Writes a rejection and ends both halves.
async fn reject(
    mut send: SendHalf,
    mut recv: RecvHalf,
    code: CloseCode,
    reason: &str,
    counters: &Counters,
) {
    recv.stop(code);
    let answer = Answer::Reject {
        code,
        reason: reason.to_owned(),
    };
    // An opener that has gone needs no answer.
    if write_frame(&mut send, &answer.encode(), counters)
        .await
        .is_ok()
    {
        send.finish();
    }
}

/// Writes one frame.
pub(crate) async fn write_frame(
    send: &mut SendHalf,
    frame: &[u8],
    counters: &Counters,
) -> Result<(), LinkError> {
    let mut queue = FrameQueue::default();
    queue.push(frame);
    while !queue.is_empty() {
        let (chunk_count, bytes) = send.write(queue.chunks()).await?;
        queue.advance(chunk_count, bytes);
        counters.sent(bytes);
    }
    Ok(())
}

/// Reads one frame; `None` if the stream ends before, or announces too much.
pub(crate) async fn read_frame(
    recv: &mut RecvHalf,
    buffer: &mut FrameBuffer,
) -> Result<Option<Bytes>, LinkError> {
    loop {
        match buffer.next_frame() {
            Ok(Some(frame)) => return Ok(Some(frame)),
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
        match recv.read(buffer.room()).await? {
            0 => return Ok(None),
            bytes => buffer.filled(bytes),
        }
    }
}
