//! What is too big for the bond's own link: requests with long answers, on the data connection of the two peers.
//!
//! A link of its own carries one request after the other in one direction. It is opened at the first of them, by the end
//! that asks, and needs no proof: the other end takes it only from a peer that it has a bond with, and the transport has
//! shown that it is that peer. It ends with the bond.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    member::Member,
    tied::{CallError, Tied},
    wire::{Frame, FrameReader, Opening},
};
use crate::{
    primitives::{GroupId, PeerId},
    runtime::time::{self, Instant},
    transport::{CloseCode, Link, LinkError, Protocol, Transport, WeakTransport},
};

/// The way to ask one peer for much.
pub(super) struct Bulk {
    /// Bonds are kept by handles on a group, which do not keep their network open.
    transport: WeakTransport,
    peer: PeerId,
    group: GroupId,
    /// Locked while something is asked: one at a time.
    idle: tokio::sync::Mutex<Option<(Link, Instant)>>,
}

impl Bulk {
    pub(super) fn new(transport: &Transport, peer: PeerId, group: GroupId) -> Self {
        Self {
            transport: transport.downgrade(),
            peer,
            group,
            idle: tokio::sync::Mutex::default(),
        }
    }

    /// Asks, and waits for the answer. Dropping the future ends the link.
    async fn ask(&self, request: Frame, now: impl Fn() -> Instant) -> Result<Bytes, CallError> {
        let mut idle = self.idle.lock().await;
        if let Some((mut link, _)) = idle.take()
            && let Ok(answer) = ask_on(&mut link, request.clone()).await
        {
            *idle = Some((link, now()));
            return Ok(answer);
        }
        // The other end lets go of a link that is not used, and may just have done so.
        let request_of = Opening { group: self.group };
        let transport = self.transport.upgrade().ok_or(CallError::NotSent)?;
        let opened = transport.open(self.peer, Protocol::SNAPSHOT, request_of.encode());
        let mut link = opened.await.map_err(|error| {
            tracing::debug!(peer = %self.peer.fmt_short(), %error, "no way for bulk");
            CallError::NotSent
        })?;
        drop(transport);
        let answer = ask_on(&mut link, request).await.map_err(|error| {
            tracing::debug!(peer = %self.peer.fmt_short(), %error, "bulk ended");
            CallError::Ended
        })?;
        *idle = Some((link, now()));
        Ok(answer)
    }

    /// Lets go of the link if it has not been used for a while.
    pub(super) fn release(&self, now: Instant) {
        let Ok(mut idle) = self.idle.try_lock() else {
            return;
        };
        let is_old = |(_, used): &(Link, Instant)| now.saturating_duration_since(*used) > IDLE;
        if idle.as_ref().is_some_and(is_old) {
            *idle = None;
        }
    }

    /// Lets go of the link, used or not. What is being asked ends with the bond.
    pub(super) fn end(&self) {
        if let Ok(mut idle) = self.idle.try_lock() {
            *idle = None;
        }
    }
}

async fn ask_on(link: &mut Link, request: Frame) -> Result<Bytes, LinkError> {
    send(link, request).await?;
    let mut reader = FrameReader::default();
    loop {
        let frame = link.recv().await?.ok_or(LinkError::Closed)?;
        match reader.take(frame) {
            Ok(None) => {}
            Ok(Some(Frame::Reply { body, .. })) => return Ok(body),
            Ok(Some(_)) | Err(_) => return Err(LinkError::Closed),
        }
    }
}

async fn send(link: &mut Link, frame: Frame) -> Result<(), LinkError> {
    let (head, body) = frame.encode();
    link.send(&head).await?;
    match body {
        Some(body) => link.send(&body).await,
        None => Ok(()),
    }
}

impl Tied {
    /// Asks the peer for much, on a way of its own: see [`Bulk`].
    pub(in crate::groups) fn call_bulk(
        self: &Arc<Self>,
        kind: u8,
        (head, body): (Bytes, Bytes),
        deadline: Duration,
    ) -> impl Future<Output = Result<Bytes, CallError>> + Send + 'static + use<> {
        let tied = Arc::clone(self);
        let request = Frame::Request {
            id: 0,
            kind,
            head,
            body,
        };
        async move {
            let ended = tied.ended();
            let asked = time::timeout(deadline, tied.bulk.ask(request, || tied.clock.now()));
            tokio::select! {
                _ = ended => Err(CallError::Ended),
                asked = asked => asked.unwrap_or(Err(CallError::Deadline)),
            }
        }
    }
}

/// Answers what comes on a link that the peer of this bond has opened, until it or the bond ends.
pub(super) async fn serve(tied: Arc<Tied>, mut link: Link, member: Arc<dyn Member>) {
    let code = tokio::select! {
        code = tied.ended() => code,
        code = answer_all(&tied, &mut link, &member) => code,
    };
    link.close(code);
}

async fn answer_all(tied: &Arc<Tied>, link: &mut Link, member: &Arc<dyn Member>) -> CloseCode {
    let mut reader = FrameReader::default();
    loop {
        let received = match time::timeout(2 * IDLE, link.recv()).await {
            Ok(Ok(Some(frame))) => frame,
            Ok(Ok(None)) => return CloseCode::SUCCESS,
            Ok(Err(error)) => return error.code().unwrap_or(CloseCode::UNEXPECTED_CLOSE),
            Err(_) => return CloseCode::IDLE,
        };
        let (kind, head, body) = match reader.take(received) {
            Ok(None) => continue,
            Ok(Some(Frame::Request {
                kind, head, body, ..
            })) => (kind, head, body),
            Ok(Some(_)) | Err(_) => return CloseCode::PROTOCOL_VIOLATION,
        };
        let body = member.request_bulk(tied, kind, head, body).await;
        // A peer that does not take the answer holds its piece, and nothing else.
        match time::timeout(TAKEN_WITHIN, send(link, Frame::Reply { id: 0, body })).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.code().unwrap_or(CloseCode::UNEXPECTED_CLOSE),
            Err(_) => return CloseCode::TOO_SLOW,
        }
    }
}

/// Time after which a link that is not used is let go, by the end that asks.
const IDLE: Duration = Duration::from_secs(10);

/// How long an answer may take to be taken: as long as whoever asked may wait for it.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
