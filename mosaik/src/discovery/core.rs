//! All rules of discovery, without any I/O: events and the time in, decisions out.
//!
//! The core does not know sockets, tasks, or how an address becomes a connection. Whoever drives it
//! passes each [`Input`] with the time, does what the [`Output`]s say, and comes back with
//! [`Input::Tick`] at [`Core::poll_at`]. The same inputs at the same times with the same seed give the
//! same outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::budget::{Bucket, Shares};
use super::catalog::{Catalog, Verify, VerifyAll};
use super::config::Config;
use super::counters::Counters;
use super::event::Event;
use super::graves::Graves;
use super::message::{Message, MessageError};
use super::overlay::Overlay;
use super::sync::{ElementIndex, Passed};
use crate::primitives::{EndpointAddr, NetworkId, PeerEntry, PeerId, SecretKey, SignedPeerEntry};
use crate::runtime::time::{Duration, Instant};
use crate::runtime::{Clock, Rng};

mod contacts;
mod exchange;
mod intake;
mod links;
mod local;
mod spread;
mod suspicion;
mod tickets;

pub(crate) use local::LocalChange;

use contacts::Contact;
use links::Link;
use spread::Spread;
use suspicion::{Assist, Suspicion};
use tickets::Ticket;

/// How often everything that only has to happen "soon" is looked at.
const BEAT: Duration = Duration::from_millis(250);

/// A timer that fires this late means that the process or the machine was stopped meanwhile.
const THAW_AFTER: Duration = Duration::from_secs(2);

/// The overlay is chosen again at most this often while the catalog changes.
const OVERLAY_PAUSE: Duration = Duration::from_millis(50);

/// Exchanges with a neighbour, at random between once and twice this often.
const NEAR_EVERY: Duration = Duration::from_secs(1);

/// Exchanges with a peer outside the overlay, at random between once and thrice this often.
const FAR_EVERY: Duration = Duration::from_secs(10);

/// A claim of our death is refuted at most this often: each refutation goes to the whole network.
const REFUTE_PAUSE: Duration = Duration::from_millis(300);

/// The longest that [`Output::Settled`] waits for the sources.
const SETTLE_BOUND: Duration = Duration::from_secs(1);

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) utc: DateTime<Utc>,
}

impl Now {
    pub(crate) fn of(clock: &Clock) -> Self {
        Self {
            instant: clock.now(),
            utc: clock.utc(),
        }
    }
}

/// Where a hint at a peer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    /// The configured bootstrap peers.
    Configured,
    /// The application asked to dial it.
    Dial,
    /// The same process or host.
    Local,
    /// Multicast DNS.
    Mdns,
    /// The mainline DHT.
    Dht,
}

impl Source {
    /// Whether a person named this very peer: such hints are tried at once, and all of them.
    pub(crate) const fn is_explicit(self) -> bool {
        matches!(self, Self::Configured | Self::Dial)
    }
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Nothing but time.
    Tick,
    /// A peer may be there. `forever`: never give up on it.
    Hint {
        addr: EndpointAddr,
        source: Source,
        forever: bool,
    },
    /// Our link with this peer is open. One link per peer.
    LinkUp { peer: PeerId },
    /// Our link with this peer is closed, by whoever and for whatever reason.
    LinkDown { peer: PeerId },
    /// An [`Output::Dial`] came to nothing.
    DialFailed { peer: PeerId, reason: DialFailure },
    /// A message came on the link with this peer.
    Message { from: PeerId, message: Message },
    /// A frame came that is no message.
    Undecodable { from: PeerId, error: MessageError },
    /// A source gave its first hints, or found that it has none.
    SourceAnswered(Source),
    /// Exchange catalogs with this peer; [`Output::SyncDone`] follows in any case.
    SyncWith { peer: EndpointAddr, ticket: u64 },
    /// The local node can be reached at other addresses.
    AddressChanged(EndpointAddr),
    /// The transport measured a round trip.
    Rtt { peer: PeerId, rtt: Duration },
    /// Say goodbye: nothing is announced or dialled after this.
    Leave,
}

/// Why a dial came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DialFailure {
    /// Nobody answered, or refused.
    Unreachable,
    /// Somebody answered that is in another network.
    DifferentNetwork { remote: NetworkId },
}

/// Why a link is to be closed. Discovery's link only: other protocols keep the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HangupReason {
    /// Neither side needs it.
    Idle,
    /// The peer broke the protocol.
    Violation,
    /// The local node is leaving.
    Leaving,
}

/// Why an exchange asked for by the application came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncFailure {
    /// The peer cannot be reached.
    Unreachable,
    /// The peer did not do its part in time.
    TimedOut,
    /// The peer is in another network.
    DifferentNetwork { remote: NetworkId },
    /// The local node is leaving.
    Leaving,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Output {
    /// Open a link; [`Input::LinkUp`] or [`Input::DialFailed`] answers.
    Dial { addr: EndpointAddr },
    /// Close the link. The core has forgotten it already.
    Hangup { peer: PeerId, reason: HangupReason },
    /// Send on the link with this peer; when its queue is full, drop.
    Send { to: PeerId, message: Message },
    /// Tell the application.
    Event(Event),
    /// [`Core::catalog`] is another one now.
    CatalogChanged,
    /// The answer to [`Input::SyncWith`].
    SyncDone {
        ticket: u64,
        result: Result<(), SyncFailure>,
    },
    /// Every configured source had its first answer, or took too long. Once.
    Settled,
    /// This address belongs to its peer, by the peer's own word or by a hint.
    Learn(EndpointAddr),
    /// This peer's addresses are of no use any more.
    Forget(PeerId),
}

/// What a core has to know from the start.
pub(crate) struct CoreConfig {
    pub(crate) config: Config,
    /// The sources that will answer: [`Output::Settled`] waits for them.
    pub(crate) sources: BTreeSet<Source>,
    /// Who verifies signatures.
    pub(crate) verify: Arc<dyn Verify>,
}

impl CoreConfig {
    pub(crate) fn new(config: Config, sources: impl IntoIterator<Item = Source>) -> Self {
        Self {
            config,
            sources: sources.into_iter().collect(),
            verify: Arc::new(VerifyAll),
        }
    }
}

/// The state of discovery on one node.
pub(crate) struct Core {
    config: CoreConfig,
    key: SecretKey,
    rng: Rng,
    now: Now,
    catalog: Catalog,
    /// Which peer's current version has this element; the local one included.
    index: ElementIndex,
    graves: Graves,
    /// Versions that are not wanted.
    passed: Passed,
    /// Versions that somebody was asked for a moment ago.
    pending: Passed,
    links: BTreeMap<PeerId, Link>,
    contacts: BTreeMap<PeerId, Contact>,
    shares: Shares,
    overlay: Overlay,
    overlay_dirty: bool,
    overlay_at: Instant,
    suspicions: BTreeMap<PeerId, Suspicion>,
    /// Peers that somebody declared dead: they have until then to refute it.
    doomed: BTreeMap<PeerId, Instant>,
    assists: BTreeMap<(PeerId, PeerId), Assist>,
    tickets: BTreeMap<u64, Ticket>,
    spread: Spread,
    eager: Bucket,
    dials_dirty: bool,
    beat_at: Instant,
    /// When the local entry got its version.
    announced_at: Instant,
    renew_at: Instant,
    /// The pause, before chance, that `renew_at` was planned with.
    renew_pause: Duration,
    purge_at: Option<DateTime<Utc>>,
    near_at: Instant,
    far_at: Instant,
    rotate_at: Instant,
    settle_by: Option<Instant>,
    /// When a claim of our death may be refuted, and is if there is one.
    refute_at: Instant,
    refute_due: bool,
    counters: Counters,
    serial: u32,
    left: bool,
    catalog_changed: bool,
    out: Vec<Output>,
}

impl Core {
    /// A node that knows only itself. `local` is its first entry.
    pub(crate) fn new(
        config: CoreConfig,
        key: SecretKey,
        local: SignedPeerEntry,
        clock: Clock,
        mut rng: Rng,
        now: Now,
    ) -> Self {
        let settings = &config.config;
        let catalog = Catalog::new(local, settings.purge_after, settings.max_rtt, clock);
        let local_slot = catalog.local_slot();
        let index = ElementIndex::from([(local_slot.element, catalog.local_id())]);
        let at = now.instant;
        let mut core = Self {
            overlay: Overlay::new(catalog.local_id(), at),
            near_at: at + rng.jitter(NEAR_EVERY, 0.5),
            far_at: at + rng.jitter(2 * FAR_EVERY, 0.5),
            beat_at: at + rng.jitter(BEAT, 0.5),
            config,
            key,
            rng,
            now,
            catalog,
            index,
            graves: Graves::default(),
            passed: Passed::default(),
            pending: Passed::default(),
            links: BTreeMap::new(),
            contacts: BTreeMap::new(),
            shares: Shares::default(),
            overlay_dirty: false,
            overlay_at: at,
            suspicions: BTreeMap::new(),
            doomed: BTreeMap::new(),
            assists: BTreeMap::new(),
            tickets: BTreeMap::new(),
            spread: Spread::default(),
            eager: Bucket::new(spread::EAGER_BURST, spread::EAGER_PER_SECOND, at),
            dials_dirty: false,
            announced_at: at,
            renew_at: at,
            renew_pause: Duration::ZERO,
            purge_at: None,
            rotate_at: at,
            settle_by: Some(at + SETTLE_BOUND),
            refute_at: at,
            refute_due: false,
            counters: Counters::default(),
            serial: 0,
            left: false,
            catalog_changed: false,
            out: Vec::new(),
        };
        core.plan_renewal();
        core
    }

    /// Takes in what happened; appends what to do.
    pub(crate) fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        self.advance(now);
        match input {
            Input::Tick => {}
            Input::Hint {
                addr,
                source,
                forever,
            } => self.on_hint(addr, source, forever),
            Input::LinkUp { peer } => self.on_link_up(peer),
            Input::LinkDown { peer } => self.on_link_down(peer),
            Input::DialFailed { peer, reason } => self.on_dial_failed(peer, reason),
            Input::Message { from, message } => self.on_message(from, message),
            Input::Undecodable { from, error } => {
                self.counters.undecodable(error);
                if error.is_violation() {
                    self.punish(from);
                }
            }
            Input::SourceAnswered(source) => {
                self.config.sources.remove(&source);
            }
            Input::SyncWith { peer, ticket } => self.on_sync_with(peer, ticket),
            Input::AddressChanged(addr) => self.on_address_changed(addr),
            Input::Rtt { peer, rtt } => self.on_rtt(peer, rtt),
            Input::Leave => self.on_leave(),
        }
        self.run_timers();
        self.flush_urgent();
        if core::mem::take(&mut self.catalog_changed) {
            out.push(Output::CatalogChanged);
        }
        out.append(&mut self.out);
    }

    /// When [`Input::Tick`] is due. Changes with every call of any other method.
    pub(crate) fn poll_at(&self) -> Option<Instant> {
        if !self.out.is_empty() || self.catalog_changed || self.spread.is_urgent() {
            return Some(self.now.instant);
        }
        let overlay_at = self.overlay_dirty.then_some(self.overlay_at);
        let timers = [self.spread.flush_at(), overlay_at, self.settle_by];
        timers.into_iter().flatten().chain([self.beat_at]).min()
    }

    /// A snapshot of the catalog.
    pub(crate) fn catalog(&self) -> Catalog {
        self.catalog.clone()
    }

    /// How many other peers are known by signed entries.
    #[cfg(test)]
    pub(crate) fn held_count(&self) -> usize {
        self.catalog.held_count()
    }

    /// What was refused so far, and other figures.
    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The peers to which discovery has a link.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &PeerId> {
        self.links.keys()
    }

    /// Peers that may be dead: they are being asked after, or have a moment to refute it.
    pub(crate) fn suspects(&self) -> impl Iterator<Item = &PeerId> {
        self.suspicions.keys().chain(self.doomed.keys())
    }

    fn local_id(&self) -> PeerId {
        self.catalog.local_id()
    }

    fn advance(&mut self, now: Now) {
        let instant = now.instant.max(self.now.instant);
        self.now = Now {
            instant,
            utc: now.utc,
        };
        if instant > self.beat_at + THAW_AFTER {
            self.thaw();
        }
    }

    fn run_timers(&mut self) {
        let now = self.now.instant;
        if now >= self.beat_at {
            self.beat_at = now + BEAT;
            self.beat();
        }
        if self.spread.flush_at().is_some_and(|at| now >= at) {
            self.flush_lazy();
        }
        if self.overlay_dirty && now >= self.overlay_at {
            self.choose_overlay();
        }
        if core::mem::take(&mut self.dials_dirty) {
            self.plan_dials();
        }
        self.check_settled();
    }

    /// Everything that is looked at a few times per second.
    fn beat(&mut self) {
        let now = self.now.instant;
        self.purge();
        self.graves.expire(now);
        self.beat_links();
        self.beat_suspicions();
        self.beat_tickets();
        if self.left {
            return;
        }
        self.beat_renewal();
        self.refute();
        if now >= self.near_at {
            self.near_at = now + self.rng.jitter(NEAR_EVERY.mul_f32(1.5), 1.0 / 3.0);
            self.exchange_with_neighbour();
        }
        if now >= self.far_at {
            self.far_at = now + self.rng.jitter(2 * FAR_EVERY, 0.5);
            self.exchange_far_away();
        }
        self.overlay_dirty |= self.overlay.is_due(now);
        self.plan_dials();
    }

    /// The process was stopped for a while: nobody is dead only because we did not listen.
    fn thaw(&mut self) {
        let now = self.now.instant;
        for link in self.links.values_mut() {
            link.forgive(now);
        }
        self.suspicions.clear();
        self.doomed.clear();
        self.assists.clear();
        self.near_at = now;
    }

    fn choose_overlay(&mut self) {
        self.overlay_dirty = false;
        self.overlay_at = self.now.instant + OVERLAY_PAUSE;
        let Self {
            overlay,
            catalog,
            contacts,
            rng,
            now,
            doomed,
            ..
        } = self;
        let usable = |peer: &PeerId| {
            !doomed.contains_key(peer)
                && contacts
                    .get(peer)
                    .is_none_or(|contact| contact.is_worth_a_link(now.instant))
        };
        if overlay.choose(catalog, usable, rng, now.instant) {
            self.apply_overlay();
        }
    }

    fn check_settled(&mut self) {
        let Some(by) = self.settle_by else { return };
        let answered = self.config.sources.is_empty()
            && self
                .contacts
                .values()
                .all(|contact| !contact.is_first_try_open())
            && self.links.values().all(|link| !link.is_exchanging());
        if answered || self.now.instant >= by {
            self.settle_by = None;
            self.out.push(Output::Settled);
        }
    }

    fn event(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    fn send(&mut self, to: PeerId, message: Message) {
        if self.links.contains_key(&to) {
            self.out.push(Output::Send { to, message });
        }
    }

    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// The local entry as it is now.
    fn local_entry(&self) -> PeerEntry {
        PeerEntry::from(self.catalog.local())
    }
}
