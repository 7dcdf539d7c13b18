//! Peers that we would like to reach: hints, the overlay, the dead that may come back.
//!
//! Nothing is forgotten because a dial failed. A peer is tried again at growing intervals, which stay
//! short as long as many peers are missing: that is what heals a partition.

use std::sync::Arc;

use super::{Core, DialFailure, Output, Source, SyncFailure};
use crate::discovery::catalog::Stored;
use crate::discovery::overlay::FULL_MESH_PEERS;
use crate::primitives::{EndpointAddr, PeerId};
use crate::runtime::time::{Duration, Instant};

/// Peers that we try to reach; beyond it the least important are not remembered.
const CONTACTS_MAX: usize = 8192;

/// Dials under way: each takes a socket's time and a handshake.
const DIALS_MAX: usize = 64;

/// Dials under way that follow hints of machines: in a big process everybody hints at everybody.
const HINT_DIALS_MAX: usize = 3;

/// Dead peers tried at one beat.
const DOWN_DIALS_PER_BEAT: usize = 4;

/// A dial that nobody answered for is given up; the transport's own limit is shorter.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// The first pause after a failed dial; it doubles.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// The longest pause, for a dead peer in a healthy network.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The longest pause for a peer that is never given up, while others are connected.
const RETRY_FOREVER_MAX: Duration = Duration::from_secs(15);

/// The longest pause while nobody is connected or most peers are missing: with the 5 s of a dial, in which it repeats its
/// first packet, a bootstrap peer that comes up is joined well within 5 s.
const RETRY_ALONE_MAX: Duration = Duration::from_secs(2);

/// Some dead peers are tried this often, however long they have been dead.
const ROTATE_EVERY: Duration = Duration::from_secs(4);

/// How many of them in a small network; one in a large one, where many try.
const ROTATE_SMALL: usize = 3;

/// Networks of fewer living peers are small in this respect.
const SMALL_NETWORK: usize = 32;

/// A hint is tried for this long.
const HINT_FOR: Duration = Duration::from_secs(300);

/// A peer that others can reach but we cannot is no neighbour for this long.
const VOUCHED_FOR: Duration = Duration::from_secs(60);

/// In a full mesh the lower id dials; the other only after this.
const POLITE_PAUSE: Duration = Duration::from_millis(300);

/// A peer declared dead, as we last knew it.
#[derive(Debug, Clone)]
pub(super) struct Down {
    pub(super) stored: Arc<Stored>,
    since: Instant,
}

/// What we know about reaching a peer.
#[derive(Debug)]
pub(super) struct Contact {
    addr: EndpointAddr,
    /// Never given up.
    forever: bool,
    /// A person asked for it: tried until then.
    asked_until: Option<Instant>,
    /// A machine hinted at it: tried until then, while it is unknown.
    hint_until: Option<Instant>,
    /// For one exchange or one probe: tried until then.
    errand_until: Option<Instant>,
    is_errand: bool,
    pub(super) down: Option<Down>,
    /// Others reach it, so it is not dead: until then.
    vouched_until: Option<Instant>,
    failures: u32,
    next_at: Instant,
    dialling_since: Option<Instant>,
    was_tried: bool,
}

impl Contact {
    fn new(id: PeerId, now: Instant) -> Self {
        Self {
            addr: EndpointAddr::new(id),
            forever: false,
            asked_until: None,
            hint_until: None,
            errand_until: None,
            is_errand: false,
            down: None,
            vouched_until: None,
            failures: 0,
            next_at: now,
            dialling_since: None,
            was_tried: false,
        }
    }

    /// Whether a hint has not had its first answer yet.
    pub(super) fn is_first_try_open(&self) -> bool {
        let is_hinted = self.forever || self.asked_until.is_some() || self.hint_until.is_some();
        is_hinted && !self.was_tried
    }

    /// Whether the peer can be a neighbour, as far as we tried.
    pub(super) fn is_worth_a_link(&self, now: Instant) -> bool {
        self.down.is_none() && !(self.is_vouched(now) && self.failures > 0)
    }

    pub(super) fn is_vouched(&self, now: Instant) -> bool {
        self.vouched_until.is_some_and(|until| now < until)
    }

    pub(super) const fn is_dialling(&self) -> bool {
        self.dialling_since.is_some()
    }
}

/// Why a peer is dialled, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Ticket,
    Asked,
    Suspected,
    Overlay,
    Forever,
    Errand,
    Hint,
    Down,
}

impl Core {
    pub(super) fn on_hint(&mut self, addr: EndpointAddr, source: Source, forever: bool) {
        let now = self.now.instant;
        let id = addr.id;
        if id == self.local_id() || self.left {
            return;
        }
        if !addr.addrs.is_empty() {
            self.out.push(Output::Learn(addr.clone()));
        }
        let is_linked = self.links.contains_key(&id);
        let is_known = self.catalog.contains(&id);
        let Some(contact) = self.contact(id) else {
            self.counters.hints_refused += 1;
            return;
        };
        contact.addr.addrs.extend(addr.addrs);
        contact.forever |= forever;
        if is_linked {
            contact.was_tried = true;
        } else if source.is_explicit() {
            contact.asked_until = Some(now + HINT_FOR);
            contact.next_at = now;
        } else if contact.hint_until.is_none() {
            contact.hint_until = Some(now + HINT_FOR);
            contact.next_at = contact.next_at.min(now);
        }
        contact.was_tried |= is_known && !source.is_explicit();
        self.dials_dirty = true;
    }

    pub(super) fn on_dial_failed(&mut self, peer: PeerId, reason: DialFailure) {
        let now = self.now.instant;
        if self.links.contains_key(&peer) {
            return;
        }
        let cap = self.retry_cap(&peer);
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        contact.dialling_since = None;
        contact.was_tried = true;
        contact.errand_until = None;
        contact.is_errand = false;
        contact.failures = contact.failures.saturating_add(1);
        let pause = RETRY_FIRST
            .saturating_mul(1 << (contact.failures - 1).min(6))
            .min(cap);
        contact.next_at = now + self.rng.jitter(pause, 0.2);
        if let DialFailure::DifferentNetwork { remote } = reason {
            // It is alive, and not for us: only a person's wish makes us ask again.
            contact.hint_until = None;
            self.fail_tickets_of(&peer, SyncFailure::DifferentNetwork { remote });
            return;
        }
        self.note_failed_dial(&peer);
        self.report_unreachable(&peer);
        if self.catalog.contains(&peer) {
            self.suspect(peer);
        }
        self.dials_dirty = true;
    }

    /// Notes that a link is up; true when it was for one exchange only.
    pub(super) fn contact_is_up(&mut self, peer: &PeerId) -> bool {
        let Some(contact) = self.contacts.get_mut(peer) else {
            return false;
        };
        contact.dialling_since = None;
        contact.was_tried = true;
        contact.failures = 0;
        contact.errand_until = None;
        contact.vouched_until = None;
        contact.hint_until = None;
        let was_asked = contact.asked_until.take().is_some();
        core::mem::take(&mut contact.is_errand) && !was_asked
    }

    /// The peer is gone: what machines hinted at before means nothing any more.
    pub(super) fn forget_hint(&mut self, peer: &PeerId) {
        if let Some(contact) = self.contacts.get_mut(peer) {
            contact.hint_until = None;
        }
    }

    /// Dials a peer for one exchange or probe, unless it is linked.
    pub(super) fn run_errand(&mut self, peer: PeerId, within: Duration) {
        let now = self.now.instant;
        if let Some(contact) = self.contact(peer) {
            contact.errand_until = Some(now + within);
            contact.is_errand = true;
            contact.next_at = now;
            self.dials_dirty = true;
        }
    }

    /// Remembers a dead peer, to try it again.
    pub(super) fn note_down(&mut self, peer: PeerId, stored: Arc<Stored>) {
        let now = self.now.instant;
        let first_at = now + self.rng.jitter(RETRY_FIRST, 0.5);
        if let Some(contact) = self.contact(peer) {
            contact.down = Some(Down { stored, since: now });
            contact.next_at = first_at;
        }
    }

    pub(super) fn note_alive(&mut self, peer: &PeerId) {
        if let Some(contact) = self.contacts.get_mut(peer) {
            contact.down = None;
        }
    }

    /// Others reach this peer.
    pub(super) fn vouch(&mut self, peer: PeerId) {
        let until = self.now.instant + VOUCHED_FOR;
        if let Some(contact) = self.contact(peer) {
            contact.vouched_until = Some(until);
        }
        self.overlay_dirty = true;
    }

    /// Brings links and contacts in line with a new choice of neighbours.
    pub(super) fn apply_overlay(&mut self) {
        let now = self.now.instant;
        let local = self.local_id();
        let in_mesh = self.catalog.held_count() <= FULL_MESH_PEERS;
        let targets = self.overlay.targets().clone();
        let linked: Vec<PeerId> = self.links.keys().copied().collect();
        for peer in &linked {
            self.update_wanted(peer);
        }
        for peer in targets {
            if !self.links.contains_key(&peer) && !self.contacts.contains_key(&peer) {
                let pause = if in_mesh && local > peer {
                    POLITE_PAUSE
                } else {
                    Duration::ZERO
                };
                if let Some(contact) = self.contact(peer) {
                    contact.next_at = now + pause;
                }
            }
        }
        self.dials_dirty = true;
    }

    /// Dials whoever is due, the most important first, within the limits.
    pub(super) fn plan_dials(&mut self) {
        if self.left {
            return;
        }
        self.forget_contacts();
        self.rotate_down();
        let now = self.now.instant;
        let mut due: Vec<(Reason, PeerId)> = Vec::new();
        let mut dialling = 0;
        let mut hints_dialling = 0;
        for (id, contact) in &self.contacts {
            if contact.is_dialling() {
                dialling += 1;
                hints_dialling += usize::from(contact.hint_until.is_some());
                continue;
            }
            if self.links.contains_key(id) {
                continue;
            }
            if let Some(reason) = self.dial_reason(id, contact)
                && (reason == Reason::Ticket || now >= contact.next_at)
            {
                due.push((reason, *id));
            }
        }
        self.rng.shuffle(&mut due);
        due.sort_by_key(|(reason, _)| *reason);
        let mut down = 0;
        for (reason, id) in due {
            let is_over = match reason {
                Reason::Ticket | Reason::Asked => false,
                Reason::Hint => hints_dialling >= HINT_DIALS_MAX || dialling >= DIALS_MAX,
                Reason::Down => down >= DOWN_DIALS_PER_BEAT || dialling >= DIALS_MAX,
                _ => dialling >= DIALS_MAX,
            };
            if is_over {
                continue;
            }
            dialling += 1;
            hints_dialling += usize::from(reason == Reason::Hint);
            down += usize::from(reason == Reason::Down);
            self.dial(&id);
        }
    }

    fn dial(&mut self, id: &PeerId) {
        let known = self
            .catalog
            .get_signed(id)
            .map(|entry| entry.address().clone());
        let unsigned = self.catalog.get(id).map(|entry| entry.address().clone());
        let Some(contact) = self.contacts.get_mut(id) else {
            return;
        };
        contact.dialling_since = Some(self.now.instant);
        let mut addr = contact.addr.clone();
        let down = contact
            .down
            .as_ref()
            .map(|down| down.stored.signed.address().clone());
        for other in [known, unsigned, down].into_iter().flatten() {
            addr.addrs.extend(other.addrs);
        }
        self.out.push(Output::Dial { addr });
    }

    /// Why this peer would be dialled now, if at all.
    fn dial_reason(&self, id: &PeerId, contact: &Contact) -> Option<Reason> {
        let now = self.now.instant;
        let is_before = |until: Option<Instant>| until.is_some_and(|until| now < until);
        let is_known = self.catalog.contains(id);
        if self.tickets_wait_for(id) {
            Some(Reason::Ticket)
        } else if is_before(contact.asked_until) {
            Some(Reason::Asked)
        } else if self.suspicions.contains_key(id) {
            Some(Reason::Suspected)
        } else if is_known && self.overlay.targets().contains(id) {
            // Not a neighbour that has just said goodbye, and is about to be replaced.
            Some(Reason::Overlay)
        } else if contact.forever && !is_known {
            Some(Reason::Forever)
        } else if is_before(contact.errand_until) {
            Some(Reason::Errand)
        } else if is_before(contact.hint_until) && !is_known && contact.down.is_none() {
            Some(Reason::Hint)
        } else {
            contact.down.is_some().then_some(Reason::Down)
        }
    }

    /// Some of the dead are tried soon, however long they have been dead.
    fn rotate_down(&mut self) {
        let now = self.now.instant;
        if now < self.rotate_at {
            return;
        }
        self.rotate_at = now + self.rng.jitter(ROTATE_EVERY, 0.2);
        let down = self
            .contacts
            .iter()
            .filter(|(_, contact)| contact.down.is_some());
        let mut down: Vec<PeerId> = down.map(|(id, _)| *id).collect();
        let count = if self.catalog.held_count() < SMALL_NETWORK {
            ROTATE_SMALL
        } else {
            1
        };
        self.rng.shuffle(&mut down);
        for id in down.into_iter().take(count) {
            if let Some(contact) = self.contacts.get_mut(&id) {
                contact.next_at = contact.next_at.min(now);
            }
        }
    }

    /// Forgets contacts without a reason left, and dials that nobody answered for.
    fn forget_contacts(&mut self) {
        let now = self.now.instant;
        let purge_after = self.config.config.purge_after;
        let mut lost = Vec::new();
        for (id, contact) in &mut self.contacts {
            let is_over = |until: Option<Instant>| until.is_some_and(|until| now >= until);
            if contact
                .down
                .as_ref()
                .is_some_and(|down| now >= down.since + purge_after)
            {
                contact.down = None;
            }
            if is_over(contact.asked_until) {
                contact.asked_until = None;
            }
            if is_over(contact.hint_until) {
                contact.hint_until = None;
            }
            if is_over(contact.errand_until) {
                contact.errand_until = None;
                contact.is_errand = false;
            }
            if is_over(contact.vouched_until) {
                contact.vouched_until = None;
            }
            if contact
                .dialling_since
                .is_some_and(|since| now >= since + DIAL_TIMEOUT)
            {
                lost.push(*id);
            }
        }
        let Self {
            contacts,
            tickets,
            suspicions,
            overlay,
            ..
        } = self;
        contacts.retain(|id, contact| {
            contact.forever
                || contact.asked_until.is_some()
                || contact.hint_until.is_some()
                || contact.errand_until.is_some()
                || contact.down.is_some()
                || contact.vouched_until.is_some()
                || contact.is_dialling()
                || overlay.targets().contains(id)
                || suspicions.contains_key(id)
                || tickets.values().any(|ticket| ticket.is_for(id))
        });
        for peer in lost {
            self.on_dial_failed(peer, DialFailure::Unreachable);
        }
    }

    /// The longest pause between two tries of this peer.
    fn retry_cap(&self, peer: &PeerId) -> Duration {
        let down = self
            .contacts
            .values()
            .filter(|contact| contact.down.is_some())
            .count();
        let is_lonely = self.links.is_empty() || down > self.catalog.held_count();
        let forever = self
            .contacts
            .get(peer)
            .is_some_and(|contact| contact.forever);
        if is_lonely {
            RETRY_ALONE_MAX
        } else if forever {
            RETRY_FOREVER_MAX
        } else {
            RETRY_MAX
        }
    }

    /// The contact of a peer; a new one while there is room.
    pub(super) fn contact(&mut self, id: PeerId) -> Option<&mut Contact> {
        let now = self.now.instant;
        if self.contacts.len() >= CONTACTS_MAX && !self.contacts.contains_key(&id) {
            return None;
        }
        Some(
            self.contacts
                .entry(id)
                .or_insert_with(|| Contact::new(id, now)),
        )
    }
}
