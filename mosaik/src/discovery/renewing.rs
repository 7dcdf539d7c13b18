//! A ticket in this node's entry that is always fresh.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{debug, warn};

use super::{Discovery, LocalChange};
use crate::{
    primitives::{Short, UniqueId},
    runtime::{Shutdown, time::sleep},
    tickets::{Expiration, JwtTicketBuilder},
};

impl JwtTicketBuilder {
    /// Keeps a fresh ticket in the entry of a node, each valid for `lifetime`, while the returned value lives.
    ///
    /// The first is there when this returns. Each is replaced by the next in one announcement when two thirds of its
    /// time are over, so that a node that is slow to hear of it does not close a connection; whatever end the builder
    /// has is not used. A lifetime under a second counts as a second. The key signs on a task of the node: one that
    /// waits for something far away should not be used here.
    ///
    /// ```no_run
    /// # async fn example(key: mosaik::tickets::Es256SigningKey) -> Result<(), mosaik::network::Error> {
    /// use std::time::Duration;
    /// use mosaik::tickets::JwtTicketBuilder;
    ///
    /// let network = mosaik::Network::new("orders").await?;
    /// let _ticket = JwtTicketBuilder::new(key)
    ///     .issuer("https://issuer.example")
    ///     .renewing(network.discovery(), Duration::from_secs(3600));
    /// # Ok(())
    /// # }
    /// ```
    pub fn renewing(self, discovery: &Discovery, lifetime: Duration) -> RenewedTicket {
        let lifetime = TimeDelta::from_std(lifetime.max(LIFETIME_MIN)).unwrap_or(TimeDelta::MAX);
        let stop = discovery.tasks().shutdown().child();
        let renewal = Renewal {
            builder: self,
            lifetime,
            discovery: discovery.clone(),
            state: Arc::default(),
        };
        let handle = RenewedTicket {
            state: renewal.state.clone(),
            discovery: discovery.clone(),
            stop: stop.clone(),
        };
        let due = renewal.renew();
        let run = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = renewal.run(due) => {}
            }
        };
        discovery.tasks().spawn("ticket.renewal", run);
        handle
    }
}

/// A ticket that is kept fresh: see [`JwtTicketBuilder::renewing`].
///
/// When it is dropped the ticket is renewed no more, and stays until it expires; [`revoke`](Self::revoke) takes it out
/// at once.
#[must_use = "a ticket is renewed only while this value lives"]
pub struct RenewedTicket {
    state: Arc<Mutex<State>>,
    discovery: Discovery,
    stop: Shutdown,
}

#[derive(Debug, Default)]
struct State {
    ticket: Option<(UniqueId, DateTime<Utc>)>,
    failure: Option<String>,
    revoked: bool,
}

impl RenewedTicket {
    /// The id of the ticket that is installed now, if one could be made.
    pub fn id(&self) -> Option<UniqueId> {
        lock(&self.state).ticket.map(|(id, _)| id)
    }

    /// Until when the installed ticket is valid.
    pub fn expiration(&self) -> Option<Expiration> {
        let state = lock(&self.state);
        state.ticket.map(|(_, end)| Expiration::At(end))
    }

    /// Why the last attempt to renew it failed; `None` after one that did not.
    pub fn failure(&self) -> Option<String> {
        lock(&self.state).failure.clone()
    }

    /// Ends the renewal and takes the ticket out of the entry.
    pub fn revoke(self) {
        self.stop.cancel();
        let mut state = lock(&self.state);
        // A renewal may be under way: it finds this when it has the lock.
        state.revoked = true;
        if let Some((id, _)) = state.ticket.take() {
            self.discovery.remove_ticket(id);
        }
    }
}

impl Drop for RenewedTicket {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for RenewedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RenewedTicket")
            .field(&*lock(&self.state))
            .finish()
    }
}

struct Renewal {
    builder: JwtTicketBuilder,
    lifetime: TimeDelta,
    discovery: Discovery,
    state: Arc<Mutex<State>>,
}

impl Renewal {
    async fn run(&self, mut due: DateTime<Utc>) {
        loop {
            let left = (due - self.discovery.clock().utc()).to_std();
            match left {
                // In steps: the calendar may be set meanwhile.
                Ok(left) if !left.is_zero() => sleep(left.min(LOOK_EVERY)).await,
                _ => due = self.renew(),
            }
        }
    }

    /// Puts a new ticket in the place of the last; when the next is due.
    fn renew(&self) -> DateTime<Utc> {
        let now = self.discovery.clock().utc();
        let end = now
            .checked_add_signed(self.lifetime)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        match self.install(now, end) {
            Ok(id) => {
                debug!(ticket = %Short(id), until = %end, "ticket renewed");
                next_after(now, end)
            }
            Err(failure) => {
                let mut state = lock(&self.state);
                let until = state.ticket.map(|(_, end)| end);
                warn!(failure, ?until, "ticket not renewed");
                state.failure = Some(failure);
                now + self.lifetime.min(RETRY_AFTER)
            }
        }
    }

    fn install(&self, now: DateTime<Utc>, end: DateTime<Utc>) -> Result<UniqueId, String> {
        let me = *self.discovery.me().id();
        let ticket = self
            .builder
            .build_at(&me, Expiration::At(end), now)
            .map_err(|error| error.to_string())?;
        let id = ticket.id();
        // Held until the entry is changed: who revokes the ticket meanwhile waits, and takes the new one out.
        let mut state = lock(&self.state);
        if state.revoked {
            return Err("it was revoked".to_owned());
        }
        let last = state.ticket.map(|(id, _)| id).filter(|last| *last != id);
        let change = self.discovery.update_local(|entry| {
            let entry = match last {
                Some(last) => entry.remove_ticket(last),
                None => entry,
            };
            entry.add_ticket(ticket)
        });
        if let LocalChange::Refused(error) = change {
            return Err(error.to_string());
        }
        state.ticket = Some((id, end));
        state.failure = None;
        Ok(id)
    }
}

/// When two thirds of a ticket's time are over.
fn next_after(now: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
    now + (end - now) / 3 * 2
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A shorter life is over before everybody has heard of it.
const LIFETIME_MIN: Duration = Duration::from_secs(1);

/// How often the calendar is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// After a renewal that failed.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(1);
