//! What comes in: handshakes, and the streams of an admitted connection.
//!
//! Filter, then a cap on handshakes in progress, then deadlines, then the lists of ids, then the hello, then the table.
//! Every refusal is counted. A handler that panics ends its own task only.

use std::{
    future,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{pin, sync::OwnedSemaphorePermit};

use crate::runtime::time::{self, Instant, sleep_until};

use super::{
    admission::{Origin, Verdict},
    backend::{Conn, Handshake, RecvHalf, SendHalf},
    close::CloseCode,
    endpoint::Inner,
    hello,
    protocol::Lane,
    session::Session,
};

/// How long a closing transport leaves streams that are in use, so that handlers can see the shutdown and end them.
const GRACE: Duration = Duration::from_millis(500);

/// What was written last may still be on its way: wait for two round trips, and at most this long.
const SETTLE_MAX: Duration = Duration::from_millis(250);

impl Inner {
    /// Takes handshakes until the endpoint or the transport closes.
    pub(super) async fn accept_connections(self: Arc<Self>) {
        let closing = self.tasks.shutdown().cancelled();
        pin!(closing);
        loop {
            tokio::select! {
                biased;
                () = &mut closing => return,
                handshake = self.backend.accept() => match handshake {
                    Some(handshake) => self.consider(handshake),
                    None => return,
                },
            }
        }
    }

    /// Decides about a handshake on which nothing has been spent.
    fn consider(self: &Arc<Self>, handshake: Handshake) {
        let origin = handshake.origin();
        let is_validated = handshake.is_validated();
        if !is_validated && self.handshakes.available_permits() == 0 {
            // Only who has proved an address may wait for a turn. Not charged yet: it comes again.
            self.counters.handshakes_retried.one();
            return handshake.retry();
        }
        let now = self.clock.now();
        let verdict = {
            let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
            rate.decide(now, origin, is_validated)
        };
        match verdict {
            Verdict::Accept => {}
            Verdict::Retry => {
                self.counters.handshakes_retried.one();
                return handshake.retry();
            }
            Verdict::Refuse => {
                self.counters.handshakes_refused_rate.one();
                return handshake.refuse();
            }
        }
        if let Origin::Relayed(peer) = origin
            && !self.admits(&peer)
        {
            self.counters.peers_denied.one();
            return handshake.refuse();
        }
        let Ok(lane) = handshake.lane() else {
            self.counters.handshakes_refused_alpn.one();
            return handshake.refuse();
        };
        if self.table.session_count() >= self.limits.connections_max {
            self.counters.handshakes_refused_connections.one();
            return handshake.refuse();
        }
        let inner = Arc::clone(self);
        if let Ok(permit) = Arc::clone(&self.handshakes).try_acquire_owned() {
            self.tasks.spawn("handshake", async move {
                inner.complete(handshake, lane, permit).await;
            });
        } else if let Ok(place) = Arc::clone(&self.handshakes_waiting).try_acquire_owned() {
            self.tasks.spawn("handshake", async move {
                let turn = Arc::clone(&inner.handshakes).acquire_owned();
                let turn = time::timeout(inner.limits.handshake, turn).await;
                drop(place);
                match turn {
                    Ok(Ok(permit)) => inner.complete(handshake, lane, permit).await,
                    Ok(Err(_)) | Err(_) => {
                        inner.counters.handshakes_refused_busy.one();
                        handshake.refuse();
                    }
                }
            });
        } else {
            self.counters.handshakes_refused_busy.one();
            handshake.refuse();
        }
    }

    async fn complete(
        self: Arc<Self>,
        handshake: Handshake,
        lane: Option<Lane>,
        permit: OwnedSemaphorePermit,
    ) {
        let completed = time::timeout(self.limits.handshake, handshake.complete(lane)).await;
        drop(permit);
        let conn = match completed {
            Ok(Ok(conn)) => conn,
            Ok(Err(detail)) => {
                self.counters.handshakes_failed.one();
                tracing::debug!(detail, "handshake failed");
                return;
            }
            Err(_) => {
                self.counters.handshakes_failed.one();
                tracing::debug!("handshake timed out");
                return;
            }
        };
        self.greet(conn).await;
    }

    /// Judges a peer whose identity is proved.
    async fn greet(self: Arc<Self>, conn: Conn) {
        let peer = conn.peer();
        if !self.admits(&peer) {
            self.counters.peers_denied.one();
            let code = CloseCode::NOT_ALLOWED;
            return conn.close(code, code.to_string().as_bytes());
        }
        let Ok(_permit) = Arc::clone(&self.hellos).try_acquire_owned() else {
            self.counters.handshakes_refused_busy.one();
            let code = CloseCode::OVERLOADED;
            return conn.close(code, code.to_string().as_bytes());
        };
        match hello::accepted(&conn, &self.hello, &self.limits, &self.counters).await {
            Ok(theirs) => {
                let session = Session::new(conn, false, theirs.session, self.clock);
                self.admit(&session);
            }
            Err(error) => tracing::debug!(peer = %peer.fmt_short(), ?error, "no hello"),
        }
    }

    /// Puts a connection into use.
    pub(super) fn admit(self: &Arc<Self>, session: &Arc<Session>) {
        let superseded = self.table.admit(session);
        self.counters.connections_superseded.add(superseded as u64);
        self.counters.opened(session.dialled);
        tracing::debug!(?session, "connection admitted");
        let inner = Arc::clone(self);
        let driven = Arc::clone(session);
        self.tasks.spawn("connection", async move {
            inner.drive(&driven).await;
        });
        if self.tasks.shutdown().is_cancelled() {
            // The driver may not have been spawned.
            session.close(CloseCode::GRACEFUL_SHUTDOWN);
        }
    }

    /// Takes the streams of a connection until it ends, and ends it when nobody uses it.
    async fn drive(self: &Arc<Self>, session: &Arc<Session>) {
        let ended = session.conn.ended();
        pin!(ended);
        let closing = self.tasks.shutdown().cancelled();
        pin!(closing);
        let mut closing_since = None;
        let mut accepts = true;
        let ended = loop {
            let deadline = self.deadline_of(session, closing_since);
            tokio::select! {
                biased;
                ended = &mut ended => break ended,
                () = &mut closing, if closing_since.is_none() => {
                    closing_since = Some(self.clock.now());
                }
                () = session.changed.notified() => {}
                () = until(deadline.map(|(at, _)| at)) => {
                    // Looked at again: a stream that came in the meantime did not move the timer.
                    let due = self.deadline_of(session, closing_since);
                    if let Some((at, code)) = due && at <= self.clock.now() {
                        session.close(code);
                    }
                }
                stream = session.conn.accept_bi(), if accepts && closing_since.is_none() => {
                    match stream {
                        Ok((send, recv)) => self.take_stream(session, send, recv),
                        Err(_) => accepts = false,
                    }
                }
            }
        };
        let end = session.end_with(&ended);
        tracing::debug!(?session, %end, "connection ended");
        self.counters.connections_ended.one();
        self.table.remove(session, end);
    }

    /// When to close a connection, as things stand, and with which code.
    fn deadline_of(
        &self,
        session: &Session,
        closing_since: Option<Instant>,
    ) -> Option<(Instant, CloseCode)> {
        let idle_since = session.idle_since();
        if let Some(since) = closing_since {
            let settle = (session.conn.rtt().unwrap_or_default() * 2).min(SETTLE_MAX);
            let at = idle_since.map_or(since + GRACE, |idle| (idle + settle).min(since + GRACE));
            return Some((at, CloseCode::GRACEFUL_SHUTDOWN));
        }
        let (after, code) = if session.is_superseded() {
            (self.limits.drain, CloseCode::DUPLICATE)
        } else {
            (self.limits.idle, CloseCode::IDLE)
        };
        // The dialler goes first, so that both do not do it at once.
        let after = if session.dialled {
            after
        } else {
            after * 3 / 2
        };
        Some((idle_since? + after, code))
    }

    fn take_stream(self: &Arc<Self>, session: &Arc<Session>, send: SendHalf, recv: RecvHalf) {
        let inner = Arc::clone(self);
        let session = Arc::clone(session);
        self.tasks.spawn("stream", async move {
            let handler = |protocol| inner.handler(protocol);
            let admitted = inner.gate.admit(&session, send, recv, handler).await;
            // What the transport holds is let go before a handler that may live long.
            drop((inner, session));
            if let Some((handler, incoming)) = admitted {
                handler(incoming).await;
            }
        });
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => future::pending().await,
    }
}
