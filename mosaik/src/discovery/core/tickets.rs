//! Exchanges that the application asked for: each is answered, whatever happens.

use super::links::Link;
use super::{Core, Output, Source, SyncFailure};
use crate::primitives::{EndpointAddr, PeerId};
use crate::runtime::time::{Duration, Instant};

/// How long an exchange asked for by the application may take, the dial included.
const TICKET_TIMEOUT: Duration = Duration::from_secs(10);

/// Exchanges asked for by the application and under way.
const TICKETS_MAX: usize = 1024;

/// Requests that one exchange answers.
pub(super) const TICKETS_PER_EXCHANGE_MAX: usize = 256;

/// An exchange that the application asked for.
#[derive(Debug)]
pub(super) struct Ticket {
    peer: PeerId,
    deadline: Instant,
    /// Whether an exchange works on it.
    is_running: bool,
    tries: u8,
}

/// A ticket is tried again once: the link may have been about to close.
const TICKET_TRIES: u8 = 2;

impl Ticket {
    pub(super) fn is_for(&self, peer: &PeerId) -> bool {
        self.peer == *peer
    }
}

impl Core {
    pub(super) fn on_sync_with(&mut self, addr: EndpointAddr, ticket: u64) {
        let peer = addr.id;
        let refused = if peer == self.local_id() {
            Some(Ok(()))
        } else if self.left {
            Some(Err(SyncFailure::Leaving))
        } else if self.tickets.len() >= TICKETS_MAX {
            self.counters.requests_refused += 1;
            Some(Err(SyncFailure::TimedOut))
        } else {
            None
        };
        if let Some(result) = refused {
            self.out.push(Output::SyncDone { ticket, result });
            return;
        }
        let deadline = self.now.instant + TICKET_TIMEOUT;
        self.tickets.insert(
            ticket,
            Ticket {
                peer,
                deadline,
                is_running: false,
                tries: 0,
            },
        );
        if self.links.contains_key(&peer) {
            self.start_exchange(peer);
        }
        self.on_hint(addr, Source::Dial, false);
    }

    pub(super) fn tickets_wait_for(&self, peer: &PeerId) -> bool {
        self.tickets
            .values()
            .any(|ticket| ticket.peer == *peer && !ticket.is_running)
    }

    fn waiting_tickets(&self, peer: &PeerId) -> Vec<u64> {
        let waiting = self.tickets.iter();
        let waiting = waiting.filter(|(_, ticket)| ticket.peer == *peer && !ticket.is_running);
        waiting.map(|(id, _)| *id).collect()
    }

    pub(super) fn take_waiting_tickets(&mut self, peer: &PeerId) -> Vec<u64> {
        let waiting = self.waiting_tickets(peer);
        for id in &waiting {
            if let Some(ticket) = self.tickets.get_mut(id) {
                ticket.is_running = true;
            }
        }
        waiting
    }

    /// The peer could not be reached: its tickets have one try less.
    pub(super) fn note_failed_dial(&mut self, peer: &PeerId) {
        let waiting = self.waiting_tickets(peer);
        self.count_try(waiting);
    }

    /// Gives up on those that were tried often enough.
    fn count_try(&mut self, tickets: Vec<u64>) {
        let mut given_up = Vec::new();
        for id in tickets {
            if let Some(ticket) = self.tickets.get_mut(&id) {
                ticket.is_running = false;
                ticket.tries += 1;
                if ticket.tries >= TICKET_TRIES {
                    given_up.push(id);
                }
            }
        }
        self.fail_tickets(given_up, SyncFailure::Unreachable);
    }

    /// The link is gone: what it worked on is tried on another one, once.
    pub(super) fn reopen_tickets(&mut self, peer: &PeerId, link: Link) {
        let running = link
            .exchange
            .map(|exchange| exchange.tickets)
            .unwrap_or_default();
        self.count_try(running.into_iter().chain(link.next_tickets).collect());
        if self.tickets_wait_for(peer) {
            // The contact may be gone by now.
            self.contact(*peer);
            self.dials_dirty = true;
        }
    }

    pub(super) fn beat_tickets(&mut self) {
        let now = self.now.instant;
        let late = self
            .tickets
            .iter()
            .filter(|(_, ticket)| now >= ticket.deadline);
        let late: Vec<u64> = late.map(|(id, _)| *id).collect();
        self.fail_tickets(late, SyncFailure::TimedOut);
    }

    pub(super) fn fail_tickets_of(&mut self, peer: &PeerId, failure: SyncFailure) {
        let waiting = self.waiting_tickets(peer);
        self.fail_tickets(waiting, failure);
    }

    pub(super) fn take_all_tickets(&self) -> Vec<u64> {
        self.tickets.keys().copied().collect()
    }

    pub(super) fn fail_tickets(&mut self, tickets: Vec<u64>, failure: SyncFailure) {
        for ticket in tickets {
            if self.tickets.remove(&ticket).is_some() {
                self.out.push(Output::SyncDone {
                    ticket,
                    result: Err(failure),
                });
            }
        }
    }
}
