//! What handles, links and timers of one node share: the core behind a lock, and the I/O it asks for.
//!
//! Whoever brings an input locks the core, and carries out what it answers before the lock is released.
//! That is possible because nothing the core asks for waits: messages are queued, dials are tasks,
//! events and catalogs are published. So a public call acts before it returns, and events and snapshots
//! keep the order of the changes behind them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::sync::Notify;
use tracing::{debug, trace};

use super::{
    Catalog, Config, Core, DialFailure, Error, Event, HangupReason, Input, Message, MessageError,
    Now, Output,
    links::{self, Attached, Ends, Greeting, Links, Unsent},
    stats::{ShellCounters, count},
    waiting::{Dials, Published, Syncs},
};
use crate::{
    primitives::{EndpointAddr, NetworkId, PeerId, Short},
    runtime::{
        Clock, Shutdown, Tasks,
        time::{Instant, timeout},
    },
    transport::{CloseCode, Incoming, Link, Protocol, Transport},
};

/// How long the opener of a link may leave the acceptor waiting for its table.
const ACCEPT_WITHIN: Duration = Duration::from_secs(5);

/// The least time between two round-trip samples of one peer: the smoothing needs no more.
const RTT_SAMPLE_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Shell {
    pub(super) network: NetworkId,
    /// The network's name in metrics.
    pub(super) label: String,
    pub(super) config: Config,
    pub(super) transport: Transport,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) links: Links,
    /// Wakes the actor when the core wants to be called earlier than it had said.
    pub(super) wake: Notify,
    pub(super) counters: ShellCounters,
    pub(super) syncs: Syncs,
    pub(super) dials: Dials,
    greeting: Greeting,
    state: Mutex<State>,
    published: Published,
}

struct State {
    core: Core,
    /// Counts snapshots, so that an older one is never published over a newer one.
    snapshots: u64,
    /// When the actor will call, as far as it knows.
    armed: Option<Instant>,
}

/// What a new shell is made of.
pub(super) struct Parts {
    pub(super) network: NetworkId,
    pub(super) config: Config,
    pub(super) transport: Transport,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) core: Core,
    pub(super) incarnation: u64,
}

impl Shell {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            network,
            config,
            transport,
            clock,
            tasks,
            core,
            incarnation,
        } = parts;
        // Links outlive the node's shutdown until its goodbye is sent.
        let links = Links::new(transport.local_id(), Shutdown::new());
        let published = Published::new(core.catalog(), config.events_backlog);
        let state = State {
            core,
            snapshots: 0,
            armed: None,
        };
        Arc::new(Self {
            network,
            label: Short(network).to_string(),
            config,
            transport,
            clock,
            tasks,
            links,
            wake: Notify::new(),
            counters: ShellCounters::default(),
            syncs: Syncs::default(),
            dials: Dials::default(),
            greeting: Greeting { incarnation },
            state: Mutex::new(state),
            published,
        })
    }

    pub(super) fn published(&self) -> &Published {
        &self.published
    }

    /// Lets `act` use the core, then carries out what it asked for.
    pub(super) fn drive<R>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Core, Now, &mut Vec<Output>) -> R,
    ) -> R {
        let mut outputs = Vec::new();
        let mut state = self.lock();
        let now = Now::of(&self.clock);
        let syncs_before = state.core.counters().exchanges;
        let result = act(&mut state.core, now, &mut outputs);
        let syncs = state.core.counters().exchanges - syncs_before;
        if syncs > 0 {
            metrics::counter!("mosaik.discovery.catalog.syncs", "network" => self.label.clone())
                .increment(syncs);
        }
        let snapshot = self.perform(&mut state, outputs);
        let poll_at = state.core.poll_at();
        if poll_at.is_some_and(|at| state.armed.is_none_or(|armed| at < armed)) {
            state.armed = poll_at;
            self.wake.notify_one();
        }
        drop(state);
        if let Some((serial, catalog)) = snapshot {
            self.published.announce(serial, catalog);
        }
        result
    }

    /// Changes the core directly; what follows from the change happens before this returns.
    pub(super) fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut Core, Now) -> R) -> R {
        self.drive(|core, now, out| {
            let result = change(core, now);
            core.handle(now, Input::Tick, out);
            result
        })
    }

    pub(super) fn input(self: &Arc<Self>, input: Input) {
        self.drive(|core, now, out| core.handle(now, input, out));
    }

    /// Looks at the core without changing it.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Core) -> R) -> R {
        look(&self.lock().core)
    }

    /// When the actor has to call next; from now on it is taken to know.
    pub(super) fn arm(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.armed = state.core.poll_at();
        state.armed
    }

    /// Carries out what the core asked for. Nothing here waits.
    fn perform(
        self: &Arc<Self>,
        state: &mut State,
        outputs: Vec<Output>,
    ) -> Option<(u64, Catalog)> {
        let changed = outputs
            .iter()
            .any(|output| matches!(output, Output::CatalogChanged));
        // Who hears of an event finds the catalog changed already.
        let snapshot = changed.then(|| {
            state.snapshots += 1;
            let catalog = state.core.catalog();
            self.published.keep(catalog.clone());
            metrics::gauge!("mosaik.discovery.catalog.size", "network" => self.label.clone())
                .set(catalog.held_count() as f64);
            (state.snapshots, catalog)
        });
        for output in outputs {
            match output {
                Output::CatalogChanged => {}
                Output::Event(event) => self.publish_event(event),
                Output::Send { to, message } => self.send(&to, message),
                Output::Dial { addr } => self.dial(addr),
                Output::Hangup { peer, reason } => self.hang_up(&peer, reason),
                Output::Learn(addr) => self.learn(addr),
                Output::Forget(peer) => drop(self.transport.addresses().forget(&peer)),
                Output::SyncDone { ticket, result } => {
                    self.syncs.done(ticket, self.network, result)
                }
                Output::Settled => self.published.settle(),
            }
        }
        snapshot
    }

    fn publish_event(&self, event: Event) {
        let name = match &event {
            Event::PeerDiscovered(_) => "mosaik.discovery.peers.discovered",
            Event::PeerUpdated(_) => "mosaik.discovery.peers.updated",
            Event::PeerDeparted(_) => "mosaik.discovery.peers.departed",
        };
        metrics::counter!(name, "network" => self.label.clone()).increment(1);
        self.published.event(event);
    }

    fn send(&self, to: &PeerId, message: Message) {
        match self.links.send(to, message) {
            Ok(()) => count(&self.counters.messages_sent),
            // Anti-entropy repairs what is not told here.
            Err(Unsent::Full) => count(&self.counters.dropped_queue_full),
            Err(Unsent::NoLink) => count(&self.counters.dropped_no_link),
        }
    }

    fn hang_up(&self, peer: &PeerId, reason: HangupReason) {
        match reason {
            HangupReason::Idle | HangupReason::Leaving => self.links.close(peer),
            HangupReason::Violation => self.links.cut(peer, CloseCode::PROTOCOL_VIOLATION),
        }
        self.count_links();
    }

    /// Addresses come signed by their owner. The book keeps a few: a list of victims is of no use.
    fn learn(&self, addr: EndpointAddr) {
        self.transport.addresses().learn(addr, "catalog");
    }

    fn dial(self: &Arc<Self>, addr: EndpointAddr) {
        if addr.id == self.transport.local_id() || !self.dials.begin(addr.id) {
            return;
        }
        count(&self.counters.dials);
        let shell = self.clone();
        self.tasks.spawn(
            "discovery.dial",
            async move { shell.carry_out_dial(addr).await },
        );
    }

    async fn carry_out_dial(self: Arc<Self>, addr: EndpointAddr) {
        let peer = addr.id;
        let request = self.greeting.encode();
        let open = self.transport.open(addr, Protocol::DISCOVERY, request);
        let outcome = tokio::select! {
            outcome = open => outcome,
            // A node that leaves does not wait for those that do not answer.
            () = self.tasks.shutdown().cancelled() => return,
        };
        self.dials.end(&peer);
        let error = match outcome {
            Ok(link) => match Greeting::decode(link.reply()) {
                Some(greeting) => return self.attach(link, true, greeting.incarnation).await,
                None => {
                    link.close(CloseCode::PROTOCOL_VIOLATION);
                    Error::NotUnderstood(peer)
                }
            },
            // Both dialled, and the peer keeps the link that it opened.
            Err(_) if self.links.contains(&peer) => return,
            Err(error) => Error::of_failed_dial(error),
        };
        debug!(%peer, %error, "could not reach the peer");
        count(&self.counters.dials_failed);
        let reason = match &error {
            Error::DifferentNetwork { remote_network, .. } => DialFailure::DifferentNetwork {
                remote: *remote_network,
            },
            _ => DialFailure::Unreachable,
        };
        self.syncs.fail(&peer, &error);
        self.input(Input::DialFailed { peer, reason });
    }

    /// Serves one link that a peer has opened, until it ends.
    pub(super) async fn accept(self: Arc<Self>, incoming: Incoming) {
        let peer = incoming.peer;
        let Some(greeting) = Greeting::decode(&incoming.request) else {
            count(&self.counters.links_refused);
            return incoming
                .reject(CloseCode::PROTOCOL_VIOLATION, "unknown greeting")
                .await;
        };
        if self.links.is_closed() {
            return incoming
                .reject(CloseCode::GRACEFUL_SHUTDOWN, "leaving")
                .await;
        }
        if !self.links.would_take(peer, false, greeting.incarnation) {
            count(&self.counters.links_refused);
            return incoming
                .reject(CloseCode::DUPLICATE, "there is a link already")
                .await;
        }
        let accept = incoming.accept(self.greeting.encode());
        if let Ok(Ok(link)) = timeout(ACCEPT_WITHIN, accept).await {
            count(&self.counters.links_accepted);
            self.attach(link, false, greeting.incarnation).await;
        }
    }

    /// Uses a link until it ends.
    async fn attach(self: &Arc<Self>, link: Link, opened_by_us: bool, incarnation: u64) {
        let peer = link.peer();
        // In one step with the core, so that it sees links come and go in the order in which they do.
        let ends =
            self.drive(
                |core, now, out| match self.links.attach(peer, opened_by_us, incarnation) {
                    Attached::New(ends) => {
                        core.handle(now, Input::LinkUp { peer }, out);
                        Some(ends)
                    }
                    Attached::Replaced(ends) => Some(ends),
                    Attached::Reborn(ends) => {
                        core.handle(now, Input::LinkDown { peer }, out);
                        core.handle(now, Input::LinkUp { peer }, out);
                        Some(ends)
                    }
                    Attached::Refused => None,
                },
            );
        let Some(Ends {
            serial,
            queue,
            cut,
            open,
        }) = ends
        else {
            return self.drain(link).await;
        };
        trace!(%peer, opened_by_us, "linked");
        self.count_links();
        let (sender, receiver) = link.split();
        let (shell, writer_cut) = (self.clone(), cut.clone());
        self.tasks.spawn("discovery.write", async move {
            let unsendable = links::write(sender, queue, writer_cut).await;
            shell
                .counters
                .dropped_unsendable
                .fetch_add(unsendable, Ordering::Relaxed);
            drop(open);
        });
        let mut sample_rtt_at = self.clock.now();
        links::read(receiver, cut, |frame| {
            self.receive(peer, frame, &mut sample_rtt_at)
        })
        .await;
        self.drive(|core, now, out| {
            if self.links.detach(&peer, serial) {
                core.handle(now, Input::LinkDown { peer }, out);
            }
        });
        self.count_links();
        trace!(%peer, "link ended");
    }

    /// Takes what the peer has sent on a link that gave way to another while it was being opened.
    ///
    /// The peer's end may have been the only one it had, for a moment: a question that is lost there is not asked again
    /// before the exchange that it began counts as stalled.
    async fn drain(self: &Arc<Self>, link: Link) {
        let peer = link.peer();
        if self.links.is_closed() {
            return link.close(CloseCode::DUPLICATE);
        }
        trace!(%peer, "link beside another");
        // Ended in good order by the drop: nothing was sent on it.
        let (_, receiver) = link.split();
        let mut sample_rtt_at = self.clock.now() + RTT_SAMPLE_EVERY;
        links::read(receiver, self.links.beside(), |frame| {
            self.receive(peer, frame, &mut sample_rtt_at)
        })
        .await;
    }

    fn receive(
        self: &Arc<Self>,
        from: PeerId,
        frame: Result<Message, MessageError>,
        sample_rtt_at: &mut Instant,
    ) {
        count(&self.counters.messages_received);
        let now = self.clock.now();
        let due = *sample_rtt_at <= now;
        let rtt = due.then(|| self.transport.rtt(&from)).flatten();
        if due {
            *sample_rtt_at = now + RTT_SAMPLE_EVERY;
        }
        self.drive(|core, at, out| {
            core.handle(
                at,
                match frame {
                    Ok(message) => Input::Message { from, message },
                    Err(error) => Input::Undecodable { from, error },
                },
                out,
            );
            if let Some(rtt) = rtt {
                core.handle(at, Input::Rtt { peer: from, rtt }, out);
            }
        });
    }

    fn count_links(&self) {
        metrics::gauge!("mosaik.discovery.gossip.neighbors", "network" => self.label.clone())
            .set(self.links.count() as f64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside the core is a bug that its tests must find; the catalog stays readable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
