//! What goes out: dials, each shared by all who wait for it, and the opening of streams.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{pin, sync::Notify};

use crate::{
    primitives::{EndpointAddr, PeerId},
    runtime::time,
};

use super::{
    close::ConnectionEnd,
    endpoint::Inner,
    error::{DialError, LinkError, OpenError},
    frame::FrameBuffer,
    hello::{self, HelloError},
    incoming::{read_frame, write_frame},
    link::{Link, LinkContext},
    protocol::{Lane, Protocol},
    session::{Session, StreamLease},
    table::{DialOutcome, Found},
    wire::{ANSWER_FRAME_BYTES_MAX, Answer, Header},
};

/// Connections that a stream tries: one may be closed for want of use, or as a duplicate, while the header is on its way.
const ATTEMPTS_MAX: usize = 3;

impl Inner {
    pub(super) async fn open(
        self: &Arc<Self>,
        to: EndpointAddr,
        protocol: Protocol,
        request: Bytes,
    ) -> Result<Link, OpenError> {
        let peer = to.id;
        if self.tasks.shutdown().is_cancelled() {
            return Err(OpenError::Closed);
        }
        if peer == self.local {
            return Err(OpenError::ToOneself);
        }
        if request.len() > protocol.request_bytes_max {
            return Err(OpenError::RequestTooLarge {
                bytes: request.len(),
                limit: protocol.request_bytes_max,
                protocol: protocol.name,
            });
        }
        let header = Header {
            protocol: protocol.id,
            version: protocol.version,
            request,
        };
        let header = header.encode();
        let mut attempt = 1;
        loop {
            let session = self.session(&to, protocol.lane).await?;
            let opening = self.open_on(&session, protocol, &header);
            let after = self.limits.answer;
            let outcome = time::timeout(after, opening)
                .await
                .unwrap_or(Err(OpenError::NoAnswer {
                    peer,
                    protocol: protocol.name,
                    after,
                }));
            match outcome {
                // The closing end had no stream in use, so the header was not seen: try the connection that is left.
                Err(OpenError::ConnectionEnded { end, .. })
                    if end.is_housekeeping() && attempt < ATTEMPTS_MAX =>
                {
                    attempt += 1;
                }
                Err(error) => {
                    if matches!(error, OpenError::Rejected { .. }) {
                        self.counters.streams_rejected_by_peer.one();
                    }
                    return Err(error);
                }
                Ok(link) => {
                    self.counters.streams_opened.one();
                    return Ok(link);
                }
            }
        }
    }

    async fn open_on(
        &self,
        session: &Arc<Session>,
        protocol: Protocol,
        header: &[u8],
    ) -> Result<Link, OpenError> {
        let peer = session.peer;
        let lease = StreamLease::on(session);
        let ended = |end: ConnectionEnd| OpenError::ConnectionEnded { peer, end };
        let rejected = |code, reason| OpenError::Rejected {
            peer,
            protocol: protocol.name,
            code,
            reason,
        };
        let violation = OpenError::Violation {
            peer,
            protocol: protocol.name,
        };
        let (mut send, mut recv) = session
            .conn
            .open_bi()
            .await
            .map_err(|why| ended(session.end_with(&why)))?;
        match write_frame(&mut send, header, &self.counters).await {
            // The peer may stop us before it says why; its answer comes all the same.
            Ok(()) | Err(LinkError::Stopped(_)) => {}
            Err(LinkError::ConnectionEnded(end)) => {
                return Err(ended(session.end().unwrap_or(end)));
            }
            Err(_) => return Err(violation),
        }
        let mut buffer = FrameBuffer::new(ANSWER_FRAME_BYTES_MAX);
        let frame = match read_frame(&mut recv, &mut buffer).await {
            Ok(Some(frame)) => frame,
            Err(LinkError::Reset(code) | LinkError::Stopped(code)) => {
                return Err(rejected(code, String::new()));
            }
            Err(LinkError::ConnectionEnded(end)) => {
                return Err(ended(session.end().unwrap_or(end)));
            }
            Ok(None) | Err(_) => return Err(violation),
        };
        match Answer::decode(frame) {
            Ok(Answer::Accept { reply }) if reply.len() <= protocol.request_bytes_max => {
                buffer.limit_to(protocol.frame_bytes_max);
                let context = LinkContext {
                    protocol,
                    lease,
                    counters: Arc::clone(&self.counters),
                    finish: self.limits.finish,
                };
                Ok(Link::new(context, send, recv, buffer, reply))
            }
            Ok(Answer::Reject { code, reason }) => Err(rejected(code, reason)),
            Ok(Answer::Accept { .. }) | Err(_) => Err(violation),
        }
    }

    /// The connection to use, dialled if there is none. Many callers share one dial.
    async fn session(
        self: &Arc<Self>,
        to: &EndpointAddr,
        lane: Lane,
    ) -> Result<Arc<Session>, OpenError> {
        loop {
            if !self.admits(&to.id) {
                return Err(OpenError::Denied { peer: to.id });
            }
            let (outcome, arrived) = match self.table.find(to.id, lane) {
                Found::Session(session) => return Ok(session),
                Found::Dialling(outcome, arrived) => (outcome, arrived),
                Found::Dial(sender, outcome, arrived) => {
                    let (inner, to) = (Arc::clone(self), to.clone());
                    // In a task of its own: a caller that gives up must not end it for the others.
                    self.tasks.spawn("dial", async move {
                        let slot = DialSlot {
                            inner: &inner,
                            peer: to.id,
                            lane,
                        };
                        let outcome = inner.dial(to, lane).await;
                        drop(slot);
                        sender.send_replace(Some(outcome));
                    });
                    (outcome, arrived)
                }
            };
            self.outcome_or_arrival(to.id, lane, outcome, &arrived)
                .await?;
        }
    }

    /// Waits for the end of a dial, or for a connection that the peer dialled in the meantime.
    async fn outcome_or_arrival(
        &self,
        peer: PeerId,
        lane: Lane,
        mut outcome: DialOutcome,
        arrived: &Notify,
    ) -> Result<(), OpenError> {
        let arrival = arrived.notified();
        pin!(arrival);
        // Registered before the look at the table, so that nothing falls between.
        arrival.as_mut().enable();
        if self.table.current(&peer, lane).is_some() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = arrival => Ok(()),
            outcome = outcome.wait_for(Option::is_some) => match outcome.as_deref() {
                Ok(Some(Err(error))) => Err(error.clone()),
                Ok(_) => Ok(()),
                // The dial's task is gone: the transport is closing.
                Err(_) => Err(OpenError::Closed),
            },
        }
    }

    async fn dial(self: &Arc<Self>, to: EndpointAddr, lane: Lane) -> Result<(), OpenError> {
        let peer = to.id;
        let outcome = self.dial_and_greet(to, lane).await;
        if let Err(error) = &outcome {
            self.counters.dials_failed.one();
            tracing::debug!(peer = %peer.fmt_short(), %lane, %error, "dial failed");
        }
        outcome
    }

    async fn dial_and_greet(
        self: &Arc<Self>,
        mut to: EndpointAddr,
        lane: Lane,
    ) -> Result<(), OpenError> {
        let peer = to.id;
        let after = self.limits.dial;
        let timed_out = |_| OpenError::DialTimedOut { peer, after };
        let _permit = time::timeout(after, self.dials.acquire())
            .await
            .map_err(timed_out)?
            .map_err(|_| OpenError::Closed)?;
        to.addrs.extend(self.book.get(&peer).addrs);
        let dialled = time::timeout(after, self.backend.dial(to, lane)).await;
        let conn = dialled.map_err(timed_out)?.map_err(|error| match error {
            DialError::NoAddress => OpenError::NoAddress { peer },
            DialError::Refused => OpenError::Refused { peer },
            DialError::Unreachable(detail) => OpenError::Unreachable { peer, detail },
        })?;
        let theirs = hello::dialled(&conn, &self.hello, &self.limits, &self.counters)
            .await
            .map_err(|error| match error {
                HelloError::DifferentNetwork(remote) => OpenError::DifferentNetwork {
                    local: self.hello.network,
                    remote,
                },
                HelloError::Silent => OpenError::DialTimedOut {
                    peer,
                    after: self.limits.hello,
                },
                HelloError::Malformed => OpenError::Violation {
                    peer,
                    protocol: "hello",
                },
                HelloError::Ended(ended) => OpenError::ConnectionEnded {
                    peer,
                    end: ended.end,
                },
            })?;
        let session = Session::new(conn, true, theirs.session, self.clock);
        self.admit(&session);
        Ok(())
    }
}

/// Frees the slot of a dial, however its task ends.
struct DialSlot<'a> {
    inner: &'a Inner,
    peer: PeerId,
    lane: Lane,
}

impl Drop for DialSlot<'_> {
    fn drop(&mut self) {
        self.inner.table.dial_over(self.peer, self.lane);
    }
}
