//! A framed stream between two peers, once its header has been accepted.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{primitives::PeerId, runtime::time};

use super::{
    backend::{RecvHalf, SendHalf},
    close::CloseCode,
    error::LinkError,
    frame::{FrameBatch, FrameBuffer, FrameError, FrameQueue, Oversize},
    protocol::Protocol,
    session::{Session, StreamLease},
    stats::Counters,
};

/// What both halves of a link share.
pub(crate) struct LinkContext {
    pub(crate) protocol: Protocol,
    pub(crate) lease: StreamLease,
    pub(crate) counters: Arc<Counters>,
    pub(crate) finish: Duration,
}

impl LinkContext {
    fn session(&self) -> &Arc<Session> {
        self.lease.session()
    }

    /// The error with our own close code in it, which the QUIC layer does not keep.
    fn explain(&self, error: LinkError) -> LinkError {
        match error {
            LinkError::ConnectionEnded(end) => {
                LinkError::ConnectionEnded(self.session().end().unwrap_or(end))
            }
            other => other,
        }
    }
}

/// One stream of one protocol with one peer.
///
/// Dropping it ends the outgoing half in good order and tells the peer to stop sending.
pub(crate) struct Link {
    sender: LinkSender,
    receiver: LinkReceiver,
    reply: Bytes,
}

impl Link {
    pub(crate) fn new(
        context: LinkContext,
        send: SendHalf,
        recv: RecvHalf,
        buffer: FrameBuffer,
        reply: Bytes,
    ) -> Self {
        let context = Arc::new(context);
        Self {
            sender: LinkSender {
                half: send,
                queue: FrameQueue::default(),
                context: Arc::clone(&context),
            },
            receiver: LinkReceiver {
                half: recv,
                buffer,
                ended: None,
                context,
            },
            reply,
        }
    }

    /// The authenticated id of the other end.
    pub(crate) fn peer(&self) -> PeerId {
        self.sender.peer()
    }

    /// What the acceptor said when it accepted.
    pub(crate) fn reply(&self) -> &Bytes {
        &self.reply
    }

    /// 32 bytes that only the two ends of this connection can compute (RFC 5705), for proofs bound to it.
    pub(crate) fn export_keying_material(&self, label: &[u8], context: &[u8]) -> [u8; 32] {
        let session = self.sender.context.session();
        session.conn.export_keying_material(label, context)
    }

    /// Sends one frame now; see [`LinkSender::send`].
    pub(crate) async fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        self.sender.send(frame).await
    }

    /// Receives one frame; see [`LinkReceiver::recv`].
    pub(crate) async fn recv(&mut self) -> Result<Option<Bytes>, LinkError> {
        self.receiver.recv().await
    }

    /// The two halves, for two tasks.
    pub(crate) fn split(self) -> (LinkSender, LinkReceiver) {
        (self.sender, self.receiver)
    }

    /// Ends both halves with a reason, at once. What is queued or on its way may be lost.
    pub(crate) fn close(self, code: CloseCode) {
        self.sender.reset(code);
        self.receiver.stop(code);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Link", &self.sender.context)
    }
}

/// The outgoing half of a [`Link`].
///
/// Frames are queued and go out together: queue what there is, then flush once. The queue has no limit of its own; flush
/// when [`queued_bytes`](Self::queued_bytes) says so.
pub(crate) struct LinkSender {
    half: SendHalf,
    queue: FrameQueue,
    context: Arc<LinkContext>,
}

impl LinkSender {
    /// The authenticated id of the other end.
    pub(crate) fn peer(&self) -> PeerId {
        self.context.session().peer
    }

    /// Adds a frame to what the next flush writes. Does not wait.
    ///
    /// Errors if the frame is longer than the protocol allows; then nothing is queued.
    pub(crate) fn queue(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        self.check(frame.len())?;
        self.queue.push(frame);
        Ok(())
    }

    /// As [`queue`](Self::queue), without a copy when the frame is long. For bytes that several links share.
    pub(crate) fn queue_shared(&mut self, frame: Bytes) -> Result<(), FrameError> {
        self.check(frame.len())?;
        self.queue.push_shared(frame);
        Ok(())
    }

    /// Bytes that the next flush has to write.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Writes all that is queued, waiting for the peer's window when it must.
    ///
    /// Dropping the future loses nothing: the rest stays queued.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        while !self.queue.is_empty() {
            let written = self.half.write(self.queue.chunks()).await;
            let (chunk_count, bytes) = written.map_err(|error| self.context.explain(error))?;
            self.queue.advance(chunk_count, bytes);
            let lane = self.context.protocol.lane;
            self.context.counters.sent_on(lane, bytes);
        }
        Ok(())
    }

    /// Queues a frame and flushes. If the future is dropped, the frame stays queued.
    pub(crate) async fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        self.queue(frame)?;
        self.flush().await
    }

    /// Flushes, ends the stream and waits until the peer's transport has acknowledged all of it.
    ///
    /// After `Ok`, closing the connection cannot lose any of it on the way. The peer's application may not have read it.
    pub(crate) async fn finish(mut self) -> Result<(), LinkError> {
        let after = self.context.finish;
        let all = async {
            self.flush().await?;
            self.half.finish();
            self.half.acknowledged().await
        };
        match time::timeout(after, all).await {
            Ok(outcome) => outcome,
            Err(_) => Err(LinkError::NotAcknowledged { after }),
        }
    }

    /// Ends the stream at once with a reason. What is queued or on its way may be lost.
    pub(crate) fn reset(mut self, code: CloseCode) {
        self.half.reset(code);
    }

    fn check(&self, bytes: usize) -> Result<(), FrameError> {
        let protocol = &self.context.protocol;
        if bytes > protocol.frame_bytes_max {
            return Err(FrameError::TooLarge {
                bytes,
                limit: protocol.frame_bytes_max,
                protocol: protocol.name,
            });
        }
        self.context.counters.messages_sent.one();
        Ok(())
    }
}

impl Drop for LinkSender {
    fn drop(&mut self) {
        // A handler that panicked must not look like one that said all it had to say.
        if std::thread::panicking() {
            self.half.reset(CloseCode::HANDLER_FAILED);
        }
    }
}

impl fmt::Debug for LinkSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "LinkSender", &self.context)
    }
}

/// The incoming half of a [`Link`].
///
/// Somebody must always be reading it. The QUIC implementation ends the whole connection when some 2,000 small messages wait
/// unread in one stream of the data lane, so a protocol that wants to slow its peer down does it with credits of its
/// own, never by not reading.
pub(crate) struct LinkReceiver {
    half: RecvHalf,
    buffer: FrameBuffer,
    /// The end, once it has come.
    ended: Option<Result<(), LinkError>>,
    context: Arc<LinkContext>,
}

impl LinkReceiver {
    /// The authenticated id of the other end.
    pub(crate) fn peer(&self) -> PeerId {
        self.context.session().peer
    }

    /// The next frame, or `None` once the peer has finished.
    ///
    /// The bytes share the memory of one read and keep all of it alive. Dropping the future loses nothing.
    pub(crate) async fn recv(&mut self) -> Result<Option<Bytes>, LinkError> {
        loop {
            match self.buffer.next_frame() {
                Ok(Some(frame)) => {
                    self.context.counters.messages_received.one();
                    return Ok(Some(frame));
                }
                Ok(None) => {}
                Err(oversize) => return Err(self.refuse(oversize)),
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// All frames that have arrived, as slices of one block, or `None` once the peer has finished.
    ///
    /// Waits for the first one only. Dropping the future loses nothing.
    pub(crate) async fn recv_batch(&mut self) -> Result<Option<FrameBatch>, LinkError> {
        loop {
            match self.buffer.next_batch() {
                Ok(Some(batch)) => {
                    self.context
                        .counters
                        .messages_received
                        .add(batch.len() as u64);
                    return Ok(Some(batch));
                }
                Ok(None) => {}
                Err(oversize) => return Err(self.refuse(oversize)),
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Tells the peer to stop sending, with a reason.
    pub(crate) fn stop(mut self, code: CloseCode) {
        self.half.stop(code);
    }

    /// Reads once. `false` at the end of the stream.
    async fn fill(&mut self) -> Result<bool, LinkError> {
        if let Some(ended) = &self.ended {
            return ended.clone().map(|()| false);
        }
        let ended = match self.half.read(self.buffer.room()).await {
            Ok(0) if self.buffer.is_between_frames() => Ok(()),
            Ok(0) => {
                self.context.counters.frames_truncated.one();
                Err(LinkError::Truncated)
            }
            Ok(bytes) => {
                self.buffer.filled(bytes);
                let lane = self.context.protocol.lane;
                self.context.counters.received_on(lane, bytes);
                return Ok(true);
            }
            Err(error) => Err(self.context.explain(error)),
        };
        self.ended = Some(ended.clone());
        ended.map(|()| false)
    }

    fn refuse(&mut self, oversize: Oversize) -> LinkError {
        let protocol = &self.context.protocol;
        let error = LinkError::FrameTooLarge {
            bytes: oversize.bytes,
            limit: protocol.frame_bytes_max,
            protocol: protocol.name,
        };
        if self.ended.is_none() {
            self.context.counters.frames_oversize.one();
            self.half.stop(CloseCode::FRAME_TOO_LARGE);
            tracing::debug!(peer = %self.peer().fmt_short(), %error, "stream closed");
            self.ended = Some(Err(error.clone()));
        }
        error
    }
}

impl fmt::Debug for LinkReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "LinkReceiver", &self.context)
    }
}

fn debug(f: &mut fmt::Formatter<'_>, name: &str, context: &LinkContext) -> fmt::Result {
    f.debug_struct(name)
        .field("peer", &context.session().peer.fmt_short().to_string())
        .field("protocol", &context.protocol.name)
        .finish_non_exhaustive()
}
