//! What others wait for: published changes, dials in progress, the ends of syncs.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{broadcast, oneshot, watch};

use super::{Catalog, Error, Event, SyncFailure};
use crate::primitives::{NetworkId, PeerId};

/// The newest catalog and the channels that tell of changes.
#[derive(Debug)]
pub(super) struct Published {
    /// A leaf lock of its own: reading the catalog never waits for a change in progress.
    newest: Mutex<Catalog>,
    /// The number of the snapshot in the watch.
    announced: Mutex<u64>,
    catalogs: watch::Sender<Catalog>,
    events: broadcast::Sender<Event>,
    settled: watch::Sender<bool>,
}

impl Published {
    pub(super) fn new(catalog: Catalog, events_backlog: usize) -> Self {
        let newest = Mutex::new(catalog.clone());
        let (catalogs, events) = (
            watch::Sender::new(catalog),
            broadcast::Sender::new(events_backlog.max(1)),
        );
        Self {
            newest,
            announced: Mutex::new(0),
            catalogs,
            events,
            settled: watch::Sender::new(false),
        }
    }

    pub(super) fn newest(&self) -> Catalog {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From now on [`Published::newest`] returns `catalog`.
    pub(super) fn keep(&self, catalog: Catalog) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = catalog;
    }

    /// Tells those who watch, unless a newer snapshot was announced already.
    ///
    /// Not to be called with the core locked: a watcher that holds a borrowed catalog makes this wait.
    pub(super) fn announce(&self, serial: u64, catalog: Catalog) {
        let mut announced = self
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if serial > *announced {
            *announced = serial;
            self.catalogs.send_replace(catalog);
        }
    }

    pub(super) fn event(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    pub(super) fn settle(&self) {
        self.settled.send_replace(true);
    }

    pub(super) fn catalogs(&self) -> watch::Receiver<Catalog> {
        self.catalogs.subscribe()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(super) fn settled(&self) -> watch::Receiver<bool> {
        self.settled.subscribe()
    }
}

/// Dials in progress.
#[derive(Debug, Default)]
pub(super) struct Dials(Mutex<BTreeSet<PeerId>>);

impl Dials {
    /// Enters a dial; false when one to this peer is in progress.
    pub(super) fn begin(&self, peer: PeerId) -> bool {
        self.lock().insert(peer)
    }

    /// Removes a dial.
    pub(super) fn end(&self, peer: &PeerId) {
        self.lock().remove(peer);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PeerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Callers that wait for a sync.
#[derive(Debug, Default)]
pub(super) struct Syncs(Mutex<SyncTable>);

#[derive(Debug, Default)]
struct SyncTable {
    ticket: u64,
    waiting: HashMap<u64, (PeerId, oneshot::Sender<Result<(), Error>>)>,
}

/// A sync that somebody waits for; forgotten when dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    pub(super) ticket: u64,
    pub(super) outcome: oneshot::Receiver<Result<(), Error>>,
    syncs: &'a Syncs,
}

impl Syncs {
    pub(super) fn begin(&self, peer: PeerId) -> Waiting<'_> {
        let mut table = self.lock();
        table.ticket += 1;
        let ticket = table.ticket;
        let (sender, outcome) = oneshot::channel();
        table.waiting.insert(ticket, (peer, sender));
        Waiting {
            ticket,
            outcome,
            syncs: self,
        }
    }

    /// Tells whoever waits how the sync ended, as the core sees it.
    pub(super) fn done(&self, ticket: u64, local: NetworkId, outcome: Result<(), SyncFailure>) {
        if let Some((peer, waiting)) = self.lock().waiting.remove(&ticket) {
            let outcome = outcome.map_err(|failure| match failure {
                SyncFailure::Unreachable => Error::Unreachable(peer),
                SyncFailure::TimedOut => Error::SyncTimeout(peer),
                SyncFailure::DifferentNetwork { remote } => Error::DifferentNetwork {
                    local_network: local,
                    remote_network: remote,
                },
                SyncFailure::Leaving => Error::Cancelled,
            });
            // Whoever waited may have given up.
            let _ = waiting.send(outcome);
        }
    }

    /// Ends every sync with `peer`, which could not be reached, with the reason that the core does not know.
    pub(super) fn fail(&self, peer: &PeerId, error: &Error) {
        let mut table = self.lock();
        let tickets = table.waiting.iter().filter(|(_, (with, _))| with == peer);
        let tickets: Vec<u64> = tickets.map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            if let Some((_, waiting)) = table.waiting.remove(&ticket) {
                let _ = waiting.send(Err(error.clone()));
            }
        }
    }

    /// Ends every sync: the node is leaving.
    pub(super) fn cancel_all(&self) {
        self.lock().waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, SyncTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.syncs.lock().waiting.remove(&self.ticket);
    }
}
