//! What discovery has done and dropped.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Counters as CoreCounters, Refusal};

/// Figures of one node's discovery, from its start on. Everything that is dropped has a number here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Peers that discovery has a link with, now.
    pub links: usize,
    /// Dials begun.
    pub dials: u64,
    /// Dials that did not lead to a link.
    pub dials_failed: u64,
    /// Links that peers opened.
    pub links_accepted: u64,
    /// Links that peers wanted to open beside the one there is, or with an unknown greeting.
    pub links_refused: u64,
    /// Messages queued for peers.
    pub messages_sent: u64,
    /// Messages that came.
    pub messages_received: u64,
    /// Messages dropped because their peer does not take what is queued. Anti-entropy makes up for them.
    pub dropped_queue_full: u64,
    /// Messages dropped because the link had just ended.
    pub dropped_no_link: u64,
    /// Messages that did not fit in a frame.
    pub dropped_unsendable: u64,
    /// Messages of formats and kinds that this version does not know.
    pub messages_unknown: u64,
    /// Frames that were no messages.
    pub messages_malformed: u64,
    /// Peers cut off for breaking the protocol.
    pub violations: u64,
    /// Entries from elsewhere that were not taken, by reason.
    pub entries_refused: BTreeMap<&'static str, u64>,
    /// Signatures verified, right or wrong.
    pub verifications: u64,
    /// Exchanges of catalogs that were completed.
    pub exchanges: u64,
    /// Exchanges of catalogs that were given up.
    pub exchanges_failed: u64,
    /// Goodbyes that were not believed.
    pub departures_refused: u64,
    /// Claims of a peer's death that were not taken further.
    pub obituaries_refused: u64,
    /// Claims of this node's death that it refuted.
    pub refutations: u64,
    /// Requests beyond their peer's share.
    pub requests_refused: u64,
    /// Hints for which there was no room.
    pub hints_refused: u64,
}

/// What the shell counts by itself.
#[derive(Debug, Default)]
pub(super) struct ShellCounters {
    pub(super) dials: AtomicU64,
    pub(super) dials_failed: AtomicU64,
    pub(super) links_accepted: AtomicU64,
    pub(super) links_refused: AtomicU64,
    pub(super) messages_sent: AtomicU64,
    pub(super) messages_received: AtomicU64,
    pub(super) dropped_queue_full: AtomicU64,
    pub(super) dropped_no_link: AtomicU64,
    pub(super) dropped_unsendable: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Stats {
    /// Entries from elsewhere that were not taken, whatever the reason.
    #[must_use]
    pub fn entries_refused_total(&self) -> u64 {
        self.entries_refused.values().sum()
    }

    pub(super) fn of(shell: &ShellCounters, core: &CoreCounters, links: usize) -> Self {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let refused = Refusal::ALL
            .iter()
            .map(|reason| (reason.name(), core.refused(*reason)));
        Self {
            links,
            dials: read(&shell.dials),
            dials_failed: read(&shell.dials_failed),
            links_accepted: read(&shell.links_accepted),
            links_refused: read(&shell.links_refused),
            messages_sent: read(&shell.messages_sent),
            messages_received: read(&shell.messages_received),
            dropped_queue_full: read(&shell.dropped_queue_full),
            dropped_no_link: read(&shell.dropped_no_link),
            dropped_unsendable: read(&shell.dropped_unsendable),
            messages_unknown: core.messages_unknown,
            messages_malformed: core.messages_malformed,
            violations: core.violations,
            entries_refused: refused.filter(|(_, count)| *count > 0).collect(),
            verifications: core.verifications,
            exchanges: core.exchanges,
            exchanges_failed: core.exchanges_failed,
            departures_refused: core.departures_refused,
            obituaries_refused: core.obituaries_refused,
            refutations: core.refutations,
            requests_refused: core.requests_refused,
            hints_refused: core.hints_refused,
        }
    }
}

/// What this node thinks of a peer that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Health {
    /// A link with the peer is open, and the peer answers on it.
    Linked,
    /// The peer is known from others or from before; nothing speaks against it.
    Known,
    /// The peer does not answer, and others are asked about it.
    Suspect,
}

impl Health {
    /// Whether nothing speaks against the peer.
    #[must_use]
    pub const fn is_good(self) -> bool {
        !matches!(self, Self::Suspect)
    }
}
