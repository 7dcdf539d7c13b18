//! What all tasks of a member share.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use super::{
    applier::{Audience, News},
    batch::Stamp,
    client::{Client, Failure, Outcome},
    digest::{Digests, Pulse},
    driver::Input,
    meter::Meter,
};
use crate::{
    groups::{
        Formation, GroupConfig, GroupEvent, LeadershipPreference,
        bonds::Table,
        consensus::{Replica, ReplicaView},
        flaws::Flaws,
        identity::{Lineage, Origin, ReplicaId},
        lineage::Standing,
        refusals::Refusals,
        view::Views,
    },
    primitives::{Digest, NetworkId, PeerId},
    runtime::{Clock, Rng, Shutdown},
};

/// What all tasks of a member share.
pub(in crate::groups) struct Core {
    pub(super) this: Weak<Self>,
    pub(super) config: Arc<GroupConfig>,
    pub(super) local: PeerId,
    pub(super) clock: Clock,
    pub(super) rng: Mutex<Rng>,
    pub(super) flaws: Flaws,
    views: Views,
    bonds: Table,
    events: broadcast::Sender<GroupEvent>,
    /// The replica that runs, if one does.
    pub(super) active: watch::Sender<Option<Active>>,
    /// Where this member stands, for who asks from outside.
    pub(super) place: Mutex<Place>,
    pub(super) client: Mutex<Client>,
    pub(super) client_changed: Notify,
    pub(super) reads: Mutex<Vec<oneshot::Sender<Result<(), Failure>>>>,
    pub(super) reads_changed: Notify,
    pub(super) digests: Mutex<Digests>,
    pub(super) meter: Meter,
    /// What peers say and this member does not take.
    pub(in crate::groups) refusals: Arc<Refusals>,
    /// What peers say to the driver, each once.
    pub(super) inputs: mpsc::Sender<Input>,
    /// Something is for the driver to look at.
    pub(super) driver: Notify,
    /// The history has ended in favour of another.
    pub(super) is_sealed: AtomicBool,
    /// Others say that this member was removed.
    pub(super) is_removed: AtomicBool,
    /// Whoever puts something into the log of the leader, one after the other.
    pub(super) turn: tokio::sync::Mutex<()>,
    stopped: Mutex<Option<Stopped>>,
    /// It has stopped, or is leaving: what everybody asks first, without a lock.
    is_over: AtomicBool,
    is_observer: AtomicBool,
    pub(super) leaving: Shutdown,
    pub(super) left: Shutdown,
}

/// A replica that runs.
#[derive(Clone)]
pub(super) struct Active {
    pub(super) replica: Replica,
    pub(super) id: ReplicaId,
    pub(super) origin: Origin,
}

impl Active {
    pub(super) const fn lineage(&self) -> Lineage {
        self.origin.lineage
    }
}

/// Where a member stands.
pub(super) struct Place {
    pub(super) me: ReplicaId,
    pub(super) standing: Standing,
    /// The history that stays, if this member's had to stop.
    pub(super) winner: Option<Lineage>,
    /// What it says of itself, encoded.
    pub(super) card: Bytes,
    /// One sentence on what it waits for.
    pub(super) reason: String,
    /// All that were ever members of the history, as far as this member knows, and those that are.
    pub(super) members_ever: BTreeSet<ReplicaId>,
    pub(super) members: BTreeSet<ReplicaId>,
    /// Who founds, by the settings of the handle that wants most.
    pub(super) formation: Formation,
    /// Who the bonded members say that they are.
    pub(super) present: BTreeMap<PeerId, ReplicaId>,
    /// What has to be applied here before this member is up to date with its leader; `None` before that is known.
    pub(super) catch_up_to: Option<u64>,
}

/// Why a member has stopped for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    pub(super) reason: String,
    /// Whether the state is what it was, and may be read.
    pub(super) is_readable: bool,
}

/// Commands that were handed in, or the reason why not.
#[must_use]
pub(in crate::groups) struct Submitted(Result<oneshot::Receiver<Outcome>, Failure>);

impl Future for Submitted {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        match &mut self.0 {
            Ok(outcome) => Pin::new(outcome)
                .poll(context)
                .map(|outcome| outcome.unwrap_or(Err(Failure::Terminated))),
            Err(failure) => Poll::Ready(Err(failure.clone())),
        }
    }
}

/// What a member is made of.
pub(in crate::groups) struct Making {
    pub(in crate::groups) config: Arc<GroupConfig>,
    pub(in crate::groups) network_id: NetworkId,
    pub(in crate::groups) local: PeerId,
    pub(in crate::groups) clock: Clock,
    pub(in crate::groups) rng: Rng,
    pub(in crate::groups) flaws: Flaws,
}

impl Core {
    /// A member that does nothing until its tasks run.
    pub(super) fn new(making: Making, me: ReplicaId, inputs: mpsc::Sender<Input>) -> Arc<Self> {
        let Making {
            config,
            network_id,
            local,
            clock,
            mut rng,
            flaws,
        } = making;
        let session = session(&local, &mut rng);
        let is_observer = config.preference() == LeadershipPreference::Observer;
        let formation = config.formation().clone();
        let config_id = &config.group_id().to_owned();
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            config,
            local,
            clock,
            rng: Mutex::new(rng),
            flaws,
            views: Views::default(),
            bonds: Table::default(),
            events: broadcast::Sender::new(EVENTS_BACKLOG),
            active: watch::Sender::new(None),
            place: Mutex::new(Place {
                me,
                standing: Standing::Blank,
                winner: None,
                card: Bytes::new(),
                reason: "the member is starting".to_owned(),
                members_ever: BTreeSet::new(),
                members: BTreeSet::new(),
                formation,
                present: BTreeMap::new(),
                catch_up_to: None,
            }),
            client: Mutex::new(Client::new(session)),
            client_changed: Notify::new(),
            reads: Mutex::default(),
            reads_changed: Notify::new(),
            digests: Mutex::default(),
            meter: Meter::new(&network_id, config_id),
            refusals: Arc::default(),
            inputs,
            driver: Notify::new(),
            is_sealed: AtomicBool::new(false),
            is_removed: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            stopped: Mutex::default(),
            is_over: AtomicBool::new(false),
            is_observer: AtomicBool::new(is_observer),
            leaving: Shutdown::new(),
            left: Shutdown::new(),
        })
    }

    pub(in crate::groups) fn config(&self) -> &GroupConfig {
        &self.config
    }

    pub(in crate::groups) const fn local_id(&self) -> PeerId {
        self.local
    }

    pub(in crate::groups) const fn views(&self) -> &Views {
        &self.views
    }

    pub(in crate::groups) const fn bonds(&self) -> &Table {
        &self.bonds
    }

    pub(in crate::groups) fn events(&self) -> broadcast::Receiver<GroupEvent> {
        self.events.subscribe()
    }

    pub(super) fn tell(&self, event: GroupEvent) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    /// Starts leaving the group.
    pub(in crate::groups) fn leave(&self) {
        self.leaving.cancel();
        self.is_over.store(true, Ordering::Release);
    }

    /// Until it has left: nothing of it runs any more.
    pub(in crate::groups) fn has_left(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.left.cancelled()
    }

    /// Whether this member never votes.
    pub(super) fn is_observer(&self) -> bool {
        self.is_observer.load(Ordering::Relaxed)
    }

    /// Another handle wants more of this member than the first one did: to vote, and perhaps to found.
    pub(in crate::groups) fn promote(&self, formation: &Formation) {
        if self.is_observer.swap(false, Ordering::Relaxed) {
            lock(&self.place).formation = formation.clone();
            self.driver.notify_one();
        }
    }

    /// Why the machine must not be asked, if it must not.
    pub(in crate::groups) fn failure(&self) -> Option<String> {
        let stopped = lock(&self.stopped);
        let unreadable = stopped.as_ref().filter(|stopped| !stopped.is_readable);
        unreadable.map(|stopped| stopped.reason.clone())
    }

    pub(super) fn stopped(&self) -> Option<Stopped> {
        lock(&self.stopped).clone()
    }

    /// Stops for good; the first reason counts.
    pub(super) fn stop(&self, stopped: Stopped) {
        {
            let mut current = lock(&self.stopped);
            if current.is_some() {
                return;
            }
            *current = Some(stopped.clone());
        }
        self.is_over.store(true, Ordering::Release);
        tracing::error!(group = %self.config.group_id(), reason = %stopped.reason, "member stopped");
        self.fail_all(&Failure::Failed(stopped.reason.clone()));
        self.tell(GroupEvent::Stopped {
            reason: stopped.reason,
        });
        self.driver.notify_one();
    }

    /// Takes encoded commands, in the order of calls.
    pub(in crate::groups) fn submit<C: AsRef<[u8]>>(&self, commands: &[C]) -> Submitted {
        let submitted = self.refusal().map_or_else(
            || {
                let submitted = lock(&self.client).submit(commands, self.clock.now());
                self.client_changed.notify_one();
                submitted
            },
            |refusal| {
                Err(if commands.is_empty() {
                    Failure::NoCommands
                } else {
                    refusal
                })
            },
        );
        Submitted(submitted)
    }

    /// Until everything is applied here that was acknowledged to anybody before the call.
    pub(in crate::groups) fn barrier(
        &self,
    ) -> impl Future<Output = Result<(), Failure>> + Send + Sync + 'static + use<> {
        let asked = match self.refusal() {
            Some(refusal) => Err(refusal),
            None => {
                let (answer, answered) = oneshot::channel();
                let mut reads = lock(&self.reads);
                if reads.len() >= READS_WAITING_MAX {
                    Err(Failure::Offline)
                } else {
                    reads.push(answer);
                    drop(reads);
                    self.reads_changed.notify_one();
                    Ok(answered)
                }
            }
        };
        async move {
            match asked {
                Ok(answered) => answered.await.unwrap_or(Err(Failure::Terminated)),
                Err(failure) => Err(failure),
            }
        }
    }

    /// Why nothing can be asked of the group, if nothing can.
    fn refusal(&self) -> Option<Failure> {
        if self.is_over.load(Ordering::Acquire) {
            if self.leaving.is_cancelled() {
                return Some(Failure::Terminated);
            }
            if let Some(stopped) = self.stopped() {
                return Some(Failure::Failed(stopped.reason));
            }
        }
        // Without a history there is nobody to wait for.
        self.active.borrow().is_none().then_some(Failure::Offline)
    }

    /// Fails what waits.
    pub(super) fn fail_all(&self, failure: &Failure) {
        let session = self.new_session();
        let answers = lock(&self.client).fail(failure, session);
        answers.give();
        for waiting in std::mem::take(&mut *lock(&self.reads)) {
            let _ = waiting.send(Err(failure.clone()));
        }
    }

    pub(super) fn new_session(&self) -> u128 {
        session(&self.local, &mut lock(&self.rng))
    }

    /// What the leader adds to an entry.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            utc_ms: self.utc_ms(),
            seed: lock(&self.rng).next_u64(),
        }
    }

    pub(super) fn utc_ms(&self) -> u64 {
        u64::try_from(self.clock.utc().timestamp_millis()).unwrap_or(0)
    }

    /// The leader, if it can be expected to hear what it is asked.
    ///
    /// A replica believes in a leader until it hears of another: one that was cut off would for ever, and so would one
    /// whose leader has lost its memory and is back as another replica.
    pub(super) fn leader_of(&self, active: &Active, view: &ReplicaView) -> Option<ReplicaId> {
        let leader = view.leader?;
        if leader == active.id {
            return Some(leader);
        }
        let tied = self.bonds.of(&leader)?;
        let is_another = |present: &ReplicaId| *present != leader;
        if lock(&self.place)
            .present
            .get(&tied.peer)
            .is_some_and(is_another)
        {
            return None;
        }
        let config = self.config.consensus();
        let limit = (config.election_timeout + config.election_timeout_jitter).mul_f32(1.5);
        (tied.silence(self.clock.now()) <= limit).then_some(leader)
    }

    /// What is said with each sign of life.
    pub(super) fn pulse_now(&self) -> Option<Pulse> {
        let active = self.active.borrow().clone()?;
        let applied = active.replica.watch().borrow().applied?;
        let last = lock(&self.digests).last();
        Some(Pulse {
            lineage: active.lineage(),
            applied,
            log_index: last.map_or(0, |last| last.log_index),
            digest: last.map_or(Digest::zero(), |last| last.digest),
        })
    }
}

/// Told by the applier, on the task of the consensus: nothing here waits.
impl Audience for Core {
    fn session(&self) -> (u128, u64) {
        let client = lock(&self.client);
        (client.session(), client.applied_seq())
    }

    fn applied(&self, news: News) {
        {
            let mut digests = lock(&self.digests);
            if news.is_restored {
                digests.clear();
            }
            for state in news.digests {
                digests.push(state);
            }
        }
        self.meter.committed(news.position.index().0);
        let mut is_first = false;
        self.views.update(|view| {
            is_first = view.committed.value.is_zero() && !news.position.index().is_zero();
            let committed = view.committed.set(news.position.index());
            let log = view.log.set(news.position);
            committed || log
        });
        if !news.runs.is_empty() {
            let answers: Vec<_> = {
                let mut client = lock(&self.client);
                news.runs
                    .into_iter()
                    .map(|run| client.applied(run))
                    .collect()
            };
            for answers in answers {
                answers.give();
            }
            self.client_changed.notify_one();
        }
        if news.sealed.is_some() {
            self.is_sealed.store(true, Ordering::Relaxed);
        }
        if news.has_gap {
            lock(&self.client).send_all_again();
            self.client_changed.notify_one();
        }
        if is_first || news.sealed.is_some() {
            self.driver.notify_one();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session that nobody has had: one half of it names the peer, so that no other peer can write in it.
fn session(local: &PeerId, rng: &mut Rng) -> u128 {
    u128::from(owner(local)) << 64 | u128::from(rng.next_u64())
}

/// Whether commands of this session may come from this peer.
pub(super) fn is_session_of(session: u128, peer: &PeerId) -> bool {
    session >> 64 == u128::from(owner(peer))
}

/// What keys with the same beginning share: to make one takes as long as to guess a session.
fn owner(peer: &PeerId) -> u64 {
    let (owner, _) = peer
        .as_bytes()
        .split_first_chunk()
        .expect("invariant: a key has 32 bytes");
    u64::from_be_bytes(*owner)
}

/// Strong queries that may wait for one round; more are refused at once.
const READS_WAITING_MAX: usize = 64 * 1024;

/// Events that a slow listener may be behind.
const EVENTS_BACKLOG: usize = 256;
