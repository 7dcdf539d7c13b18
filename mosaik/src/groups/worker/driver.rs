//! Drives one member: into a history, as a part of it, and out of the group again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::{mpsc, oneshot};

use super::{
    applier::NotBlank,
    batch::Entry,
    core::{Active, Core, Stopped, lock},
    follow::Follow,
    settings::{settings, timings},
    settle::settled,
    traffic::{self, Line},
    wire::{self, Card, NOTE_CARD, NOTE_FOUNDING, Said},
};
use crate::{
    discovery::{Discovery, LocalChange},
    groups::{
        GroupEvent, LineageId,
        consensus::{Applier, Replica, ReplicaConfig},
        founding::{Action, Event, Facts, Founding},
        identity::{Founders, Lineage, Origin, ReplicaId},
        lineage::Standing,
    },
    primitives::Digest,
    runtime::{
        Tasks,
        time::{self, Instant},
    },
};

/// What peers say to a member that has to be taken in once.
pub(super) enum Input {
    /// Another member says this about founding.
    Said(Box<Said>),
    /// The consensus of this history has called.
    Touched {
        lineage: Lineage,
        handled: oneshot::Sender<()>,
    },
}

/// Makes what applies the log of a history to this node's machine.
pub(in crate::groups) type Appliers =
    Box<dyn Fn(Lineage) -> Result<Box<dyn Applier>, NotBlank> + Send + Sync>;

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) core: Arc<Core>,
    pub(super) me: ReplicaId,
    pub(super) appliers: Appliers,
    pub(super) discovery: Discovery,
    pub(super) tasks: Tasks,
    pub(super) inputs: mpsc::Receiver<Input>,
}

/// Drives one member.
pub(super) struct Driver {
    pub(super) core: Arc<Core>,
    appliers: Appliers,
    discovery: Discovery,
    tasks: Tasks,
    inputs: mpsc::Receiver<Input>,
    founding: Founding,
    /// What founding counts its time from.
    start: Instant,
    /// The cards that founding was told of.
    cards: BTreeMap<Digest, Bytes>,
    candidates: BTreeSet<Digest>,
    has_told_commands: bool,
    told_voters: BTreeSet<ReplicaId>,
    /// The tasks of the replica that runs.
    replica_tasks: Option<Tasks>,
    /// As what founding and the others know this member.
    is_observer: bool,
    is_settled: bool,
    /// When everything was looked at last.
    looked_at: Instant,
    pub(super) change: Option<BoxFuture<'static, ()>>,
    pub(super) follow: Follow,
}

impl Driver {
    /// Drives the member until it is asked to leave, and has left.
    pub(super) async fn run(parts: Parts) {
        let Parts {
            core,
            me,
            appliers,
            discovery,
            tasks,
            inputs,
        } = parts;
        let settings = match settings(&core) {
            Ok(settings) => settings,
            Err(error) => {
                core.stop(Stopped {
                    reason: format!("formation: {error}"),
                    is_readable: true,
                });
                return core.leaving.cancelled().await;
            }
        };
        let start = core.clock.now();
        let is_observer = core.is_observer();
        let driver = Self {
            founding: Founding::new(settings, me, Duration::ZERO),
            core,
            appliers,
            discovery,
            tasks,
            inputs,
            start,
            cards: BTreeMap::new(),
            candidates: BTreeSet::new(),
            has_told_commands: false,
            told_voters: BTreeSet::new(),
            replica_tasks: None,
            is_observer,
            is_settled: false,
            looked_at: start,
            change: None,
            follow: Follow::default(),
        };
        driver.drive().await;
    }

    async fn drive(mut self) {
        let core = self.core.clone();
        let advertise =
            |entry: crate::primitives::PeerEntry| entry.add_groups(*core.config.group_id());
        if let LocalChange::Refused(error) = self.discovery.update_local(advertise) {
            core.stop(Stopped {
                reason: format!("group not advertised: {error}"),
                is_readable: true,
            });
        }
        let mut catalog = self.discovery.catalog_watch();
        catalog.mark_changed();
        let mut settled = Box::pin(settled(self.discovery.clone(), core.flaws));
        let mut leaving = std::pin::pin!(core.leaving.cancelled());
        self.look_for_candidates().await;
        self.handle(Event::Tick).await;
        loop {
            let bonds = core.bonds().changes_count();
            self.look().await;
            let now = core.clock.now();
            let deadlines = [
                self.founding.deadline(),
                self.follow.deadline(self.since_start(now)),
            ];
            let due = deadlines.into_iter().flatten().map(|at| self.start + at);
            let due = due.fold(now + TICK, Instant::min);
            let mut view = core
                .active
                .borrow()
                .as_ref()
                .map(|active| active.replica.watch());
            if let Some(view) = &mut view {
                view.mark_unchanged();
                if self.follow.is_behind(&view.borrow()) {
                    view.mark_changed();
                }
            }
            let look_again_at = self.looked_at + LOOK_INTERVAL;
            let view_changed = async {
                match &mut view {
                    Some(view) => {
                        // Every commit changes the view: there is no need to follow each.
                        time::sleep_until(look_again_at).await;
                        view.changed().await.is_ok()
                    }
                    None => std::future::pending().await,
                }
            };
            let changed = async {
                match &mut self.change {
                    Some(change) => change.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut leaving => break,
                () = core.driver.notified() => {}
                () = core.bonds().changed_since(bonds) => {}
                _ = view_changed => {}
                () = changed => self.change = None,
                Some(input) = self.inputs.recv() => self.take(input).await,
                () = &mut settled, if !self.is_settled => {
                    self.is_settled = true;
                    // What was learnt meanwhile comes first: who has settled founds with those that it knows.
                    self.look_for_candidates().await;
                    self.look_at_bonds().await;
                    self.handle(Event::DiscoverySettled).await;
                }
                Ok(()) = catalog.changed() => {
                    catalog.mark_unchanged();
                    self.look_for_candidates().await;
                }
                () = time::sleep_until(due) => self.handle(Event::Tick).await,
            }
        }
        self.leave().await;
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Said(said) => {
                let Said { from, to, message } = *said;
                self.handle(Event::Message { from, to, message }).await;
            }
            Input::Touched { lineage, handled } => {
                self.handle(Event::Touched(lineage)).await;
                // Whoever asked may have given up.
                let _ = handled.send(());
            }
        }
    }

    /// Takes in what is the case by now, in whatever order it came about.
    async fn look(&mut self) {
        self.looked_at = self.core.clock.now();
        self.look_at_preference().await;
        self.look_at_bonds().await;
        let core = self.core.clone();
        if !self.has_told_commands && core.views().read(|view| !view.committed.value.is_zero()) {
            self.has_told_commands = true;
            self.handle(Event::HasCommands).await;
        }
        if core.is_sealed.swap(false, Ordering::Relaxed) {
            if let Some(active) = core.active.borrow().as_ref() {
                let from = public(active.lineage());
                core.tell(GroupEvent::Yielded { from });
            }
            self.handle(Event::Sealed).await;
        }
        if core.is_removed.swap(false, Ordering::Relaxed) {
            self.handle(Event::Removed).await;
        }
        if core.stopped().is_some() {
            self.end_replica().await;
        }
        self.follow().await;
    }

    /// Another handle may want to vote, where the first one did not.
    async fn look_at_preference(&mut self) {
        if self.is_observer == self.core.is_observer() {
            return;
        }
        self.is_observer = self.core.is_observer();
        if self.founding.standing() == Standing::Blank
            && let Ok(settings) = settings(&self.core)
        {
            let now = self.core.clock.now().saturating_duration_since(self.start);
            self.founding = Founding::new(settings, self.founding.me(), now);
            self.cards.clear();
            let candidates = std::mem::take(&mut self.candidates);
            self.handle(Event::Candidates(candidates)).await;
            if self.is_settled {
                self.handle(Event::DiscoverySettled).await;
            }
        }
        self.announce(self.founding.facts());
    }

    async fn look_at_bonds(&mut self) {
        let bonds = self.core.bonds().all();
        let gone = |key: &&Digest| {
            !bonds
                .iter()
                .any(|tied| tied.peer.as_bytes() == key.as_bytes())
        };
        let gone: Vec<Digest> = self.cards.keys().filter(gone).copied().collect();
        for key in gone {
            self.cards.remove(&key);
            lock(&self.core.place)
                .present
                .retain(|peer, _| peer.as_bytes() != key.as_bytes());
            self.handle(Event::BondDown(key)).await;
        }
        for tied in &bonds {
            let (key, bytes) = (Digest::from_bytes(*tied.peer.as_bytes()), tied.facts());
            if self.cards.get(&key) == Some(&bytes) {
                continue;
            }
            let is_new = self.cards.insert(key, bytes.clone()).is_none();
            match wire::decode_note::<Card>(&bytes) {
                Ok(card) if card.facts.replica.is_of(&tied.peer) => {
                    let present = (tied.peer, card.facts.replica);
                    lock(&self.core.place).present.extend([present]);
                    if is_new && let Some(active) = self.core.active.borrow().clone() {
                        let replica = card.facts.replica;
                        // Nobody waits for it: it only ends a wait.
                        self.tasks.spawn("peer back", async move {
                            active.replica.peer_back(replica).await;
                        });
                    }
                    let facts = self.unnamed(card.facts);
                    self.handle(Event::Peer(facts)).await;
                }
                // Before it has said anything there is nothing to say of it.
                _ => tracing::debug!(peer = %tied.peer.fmt_short(), "no card"),
            }
        }
    }

    /// Without a fence, a member of any history is one of ours.
    fn unnamed(&self, mut facts: Facts) -> Facts {
        if self.core.flaws.no_fence() {
            let ours = self.founding.standing();
            if matches!(
                (&ours, &facts.standing),
                (Standing::Member(_), Standing::Member(_))
            ) {
                facts.standing = ours;
            }
        }
        facts
    }

    /// What bonded members say of themselves.
    pub(super) fn present(&self) -> impl Iterator<Item = Card> {
        self.cards
            .values()
            .filter_map(|bytes| wire::decode_note::<Card>(bytes).ok())
    }

    async fn look_for_candidates(&mut self) {
        let group = *self.core.config.group_id();
        let catalog = self.discovery.catalog();
        let offers = catalog
            .peers()
            .filter(|peer| peer.groups().contains(&group));
        let candidates: BTreeSet<Digest> = offers
            .map(|peer| Digest::from_bytes(*peer.id().as_bytes()))
            .collect();
        if candidates != self.candidates {
            self.candidates.clone_from(&candidates);
            self.handle(Event::Candidates(candidates)).await;
        }
    }

    /// Tells the voters, when they are certain.
    pub(super) async fn tell_voters(&mut self, voters: BTreeSet<ReplicaId>) {
        if voters != self.told_voters {
            self.told_voters.clone_from(&voters);
            let peers = voters.iter().filter_map(ReplicaId::peer).collect();
            self.core.tell(GroupEvent::VotersChanged { voters: peers });
            self.handle(Event::Voters(voters)).await;
        }
    }

    pub(super) async fn handle(&mut self, event: Event) {
        let now = self.since_start(self.core.clock.now());
        let actions = self.founding.handle(now, self.core.utc_ms(), event);
        self.publish();
        for action in actions {
            // Boxed: what starts a replica is large, and few events do.
            Box::pin(self.execute(action)).await;
        }
    }

    /// Founding and membership count time from when the driver began.
    pub(super) fn since_start(&self, time: Instant) -> Duration {
        time.saturating_duration_since(self.start)
    }

    /// Shows the fence and the status where this member stands.
    fn publish(&self) {
        let mut place = lock(&self.core.place);
        place.me = self.founding.me();
        place.standing = self.founding.standing();
        place.winner = self
            .founding
            .divergence()
            .map(|divergence| divergence.winner.origin.lineage);
        place.reason = self.founding.reason().to_string();
        if place.card.is_empty() {
            place.card = self.card(self.founding.facts());
        }
    }

    fn announce(&self, facts: Facts) {
        let card = self.card(facts);
        lock(&self.core.place).card = card.clone();
        for tied in self.core.bonds().all() {
            tied.note(NOTE_CARD, card.clone());
        }
    }

    fn card(&self, facts: Facts) -> Bytes {
        wire::encode_note(&Card {
            facts,
            is_observer: self.core.is_observer(),
        })
    }

    async fn execute(&mut self, action: Action) {
        let core = self.core.clone();
        match action {
            // Nothing is durable.
            Action::Record { .. } => {}
            Action::Renew(_) => self.end_replica().await,
            Action::Announce(facts) => self.announce(facts),
            Action::Send { to, message } => {
                let said = Said {
                    from: self.founding.me(),
                    to,
                    message,
                };
                if let Some(tied) = core.bonds().of(&to) {
                    tied.note(NOTE_FOUNDING, wire::encode_note(&said));
                }
            }
            Action::Found { origin, founders } => {
                let lineage = public(origin.lineage);
                let founders_count = founders.as_set().len();
                if let Some(replica) = self.start_replica(origin).await {
                    self.begin(replica, founders).await;
                }
                tracing::info!(
                    group = %core.config.group_id(),
                    lineage = %lineage.id,
                    founders_count,
                    formation = ?core.config.formation(),
                    "history founded"
                );
                core.tell(GroupEvent::Founded {
                    lineage,
                    founders_count,
                });
            }
            Action::Join { origin, .. } => {
                let lineage = origin.lineage;
                // The leader sees by our card that we want to be taken in.
                if core.active_in(lineage).is_none() && self.start_replica(origin).await.is_some() {
                    core.tell(GroupEvent::Joined {
                        lineage: public(lineage),
                    });
                }
            }
            Action::Yield { to } => {
                let active = core.active.borrow().clone();
                if let Some(active) = active
                    && active.replica.watch().borrow().is_leader()
                {
                    let seal = Entry::of_seal(core.stamp(), to);
                    let sealed = traffic::propose(active, seal);
                    self.tasks.spawn("seal", sealed.map(|_| ()));
                }
            }
            Action::Fence(divergence) => {
                self.end_replica().await;
                core.stop(Stopped {
                    reason: divergence.to_string(),
                    is_readable: true,
                });
            }
        }
    }

    /// Begins the history: one founder at once, so that nobody stands against it, the others if nothing comes of that.
    async fn begin(&mut self, replica: Replica, founders: Founders) {
        let begin = |replica: Replica, founders: Founders| async move {
            if let Err(error) = replica.initialize(founders.as_set()).await {
                // Another founder was faster: the log says the same.
                tracing::debug!(%error, "not initialised");
            }
        };
        if founders.as_set().first() == Some(&self.founding.me()) {
            return begin(replica, founders).await;
        }
        if let Some(tasks) = &self.replica_tasks {
            tasks.spawn("begin", async move {
                time::sleep(BEGIN_AFTER).await;
                if replica.watch().borrow().members.log_index.is_none() {
                    begin(replica, founders).await;
                }
            });
        }
    }

    /// Starts a blank replica in a history, in the place of the one that runs.
    async fn start_replica(&mut self, origin: Origin) -> Option<Replica> {
        self.end_replica().await;
        let core = self.core.clone();
        if core.stopped().is_some() {
            return None;
        }
        let lineage = origin.lineage;
        let Ok(applier) = (self.appliers)(lineage) else {
            core.stop(Stopped {
                reason: format!(
                    "the machine holds another history than {lineage}, and cannot be emptied"
                ),
                is_readable: true,
            });
            return None;
        };
        let me = self.founding.me();
        let tasks = self.tasks.child("replica");
        let mut config = ReplicaConfig::new(me, lock(&core.rng).next_u64(), tasks.clone());
        config.name = format!("group {}", core.config.group_id());
        config.timings = timings(&core);
        config.is_guarded = !core.flaws.no_fence();
        config.refusals = core.refusals.clone();
        let line = Arc::new(Line {
            core: core.this.clone(),
            me,
            lineage,
        });
        match Replica::start(config, applier, line).await {
            Ok(replica) => {
                self.replica_tasks = Some(tasks);
                core.active.send_replace(Some(Active {
                    replica: replica.clone(),
                    id: me,
                    origin,
                }));
                Some(replica)
            }
            Err(error) => {
                core.stop(Stopped {
                    reason: format!("consensus did not start: {error}"),
                    is_readable: true,
                });
                None
            }
        }
    }

    /// Ends the replica that runs. The machine keeps what it has.
    pub(super) async fn end_replica(&mut self) {
        self.change = None;
        let Some(active) = self.core.active.send_replace(None) else {
            return;
        };
        active.replica.shutdown().await;
        if let Some(tasks) = self.replica_tasks.take() {
            tasks.close(REPLICA_ENDS_WITHIN).await;
        }
        {
            let mut place = lock(&self.core.place);
            place.members.clear();
            place.members_ever.clear();
            place.catch_up_to = None;
        }
        lock(&self.core.digests).clear();
        self.told_voters.clear();
        self.unfollow();
    }

    pub(super) fn retract(&self) {
        let group = *self.core.config.group_id();
        self.discovery
            .update_local(|entry| entry.remove_groups(group));
    }
}

/// The name of a history, as users see it.
pub(super) fn public(lineage: Lineage) -> LineageId {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(lineage.id.as_bytes());
    LineageId {
        id: Digest::from_bytes(bytes),
        epoch: lineage.epoch,
    }
}

/// A first founder that has not begun by then is not there.
const BEGIN_AFTER: Duration = Duration::from_millis(1_500);

/// How often the view of the replica is followed at most.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// What nobody tells is looked at this often: silence, mostly.
const TICK: Duration = Duration::from_millis(200);

/// The replica's own tasks only watch it.
const REPLICA_ENDS_WITHIN: Duration = Duration::from_millis(100);
