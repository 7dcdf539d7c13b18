//! Making the bonds of one group: dialling its members, taking their dials, judging their tickets again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    bulk::{self, Bulk},
    codes,
    member::Member,
    roster::Roster,
    run::{self, Pace},
    table::Table,
    tied::Tied,
    wire::{Introduction, Opening},
};
use crate::{
    discovery::Discovery,
    groups::{
        Error, GroupConfig,
        key::{PROOF_CONTEXT, proof_label},
    },
    primitives::{Digest, PeerId, SignedPeerEntry},
    runtime::{
        Clock, Rng, Tasks,
        time::{self, Instant},
    },
    tickets::{Admission, Gate, Refused},
    transport::{CloseCode, Incoming, Link, LinkError, OpenError, Protocol, Transport},
};

/// What the bonds of one group are made with.
pub(in crate::groups) struct Bonding {
    pub(in crate::groups) config: Arc<GroupConfig>,
    pub(in crate::groups) gate: Arc<Gate>,
    pub(in crate::groups) local: PeerId,
    pub(in crate::groups) table: Table,
    pub(in crate::groups) member: Arc<dyn Member>,
    pub(in crate::groups) discovery: Discovery,
    pub(in crate::groups) transport: Transport,
    pub(in crate::groups) handshake_timeout: Duration,
    pub(in crate::groups) tasks: Tasks,
    pub(in crate::groups) clock: Clock,
    pub(in crate::groups) rng: std::sync::Mutex<Rng>,
    /// Who is being dialled: a dial from the other side gives way, or ours does.
    pub(in crate::groups) dialling: std::sync::Mutex<BTreeMap<PeerId, Instant>>,
}

impl Bonding {
    /// Dials whoever offers the group, again and again, and judges tickets again, until the group is left.
    pub(in crate::groups) async fn run(self: Arc<Self>) {
        let mut roster = Roster::new(self.local);
        let mut rng = self.fork("roster");
        let mut catalog = self.discovery.catalog_watch();
        catalog.mark_changed();
        let mut dials: FuturesUnordered<BoxFuture<'static, (PeerId, Result<(), Error>)>> =
            FuturesUnordered::new();
        let shutdown = self.tasks.shutdown().cancelled();
        let mut shutdown = std::pin::pin!(shutdown);
        let mut judge_at = None;
        // The bonds that were judged: one that a dial below has made is not among them.
        let mut judged = self.table.changes_count();
        loop {
            let now = self.clock.now();
            for peer in roster.due(now, |peer| self.table.contains(peer)) {
                let this = self.clone();
                let dial = async move { (peer, this.dial(peer).await) };
                dials.push(dial.boxed());
            }
            let dial_at = roster.next_at(|peer| self.table.contains(peer));
            tokio::select! {
                () = &mut shutdown => return,
                changed = catalog.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let newest = catalog.borrow_and_update().clone();
                    let offers: Vec<_> = newest
                        .peers()
                        .filter(|peer| peer.groups().contains(self.config.group_id()))
                        .map(|peer| (*peer.id(), peer.update_version()))
                        .collect();
                    roster.offers(&offers, self.clock.now());
                    judge_at = self.judge_all(&mut roster);
                }
                Some((peer, outcome)) = dials.next(), if !dials.is_empty() => {
                    if let Err(error) = &outcome {
                        tracing::debug!(peer = %peer.fmt_short(), %error, "no bond");
                    }
                    roster.dialled(&peer, outcome, self.clock.now(), &mut rng);
                }
                () = self.table.changed_since(judged) => {
                    judged = self.table.changes_count();
                    judge_at = self.judge_all(&mut roster);
                }
                () = time::sleep_until(dial_at.unwrap_or(now + FAR)) => {}
                () = time::sleep(until(judge_at, self.clock.utc())) => {
                    judge_at = self.judge_all(&mut roster);
                }
            }
        }
    }

    /// Ends the bonds with peers whose right has ended, and has those dialled whose right has begun; when to look again
    /// though no entry changes.
    fn judge_all(&self, roster: &mut Roster) -> Option<DateTime<Utc>> {
        if self.gate.is_open() && self.table.len() == 0 {
            return None;
        }
        let catalog = self.discovery.catalog();
        let now = self.clock.utc();
        let mut soonest = None;
        for tied in self.table.all() {
            if let Some(entry) = catalog.get_signed(&tied.peer) {
                tied.update_entry(entry);
            }
            let admission = self.gate.judge(&tied.peer, &tied.entry(), now);
            if let Admission::Refused(reason) = &admission {
                tracing::info!(peer = %tied.peer.fmt_short(), %reason, "bond ends: no valid ticket");
                self.note(tied.peer, reason);
                tied.close(CloseCode::MEMBER_NOT_ALLOWED);
            }
            soonest = [soonest, admission.judge_again_at()]
                .into_iter()
                .flatten()
                .min();
        }
        if self.gate.is_open() {
            return soonest;
        }
        let offers: Vec<PeerId> = roster.peers().collect();
        for peer in offers {
            let Some(entry) = catalog.get_signed(&peer) else {
                continue;
            };
            if self.table.contains(&peer) {
                continue;
            }
            match self.gate.judge(&peer, entry, now) {
                Admission::Refused(reason) => {
                    self.note(peer, &reason);
                    soonest = [soonest, reason.judge_again_at()]
                        .into_iter()
                        .flatten()
                        .min();
                }
                Admission::Admitted { .. } => {
                    if self.table.allow(&peer) {
                        roster.allowed(&peer, self.clock.now());
                    }
                }
            }
        }
        soonest
    }

    /// Remembers why a peer is refused, for the status of this node.
    fn note(&self, peer: PeerId, reason: &Refused) {
        let reason = reason.to_string();
        if self.table.refuse(peer, reason.clone(), self.clock.now()) {
            self.member.refused(peer, &reason);
        }
    }

    async fn dial(self: Arc<Self>, peer: PeerId) -> Result<(), Error> {
        self.dialling().insert(peer, self.clock.now());
        let outcome = self.dial_twice(peer).await;
        self.dialling().remove(&peer);
        outcome
    }

    /// A peer that has not heard of this node is told who we are, and asked again.
    async fn dial_twice(&self, peer: PeerId) -> Result<(), Error> {
        match self.dial_once(peer).await {
            Err(Error::Discovery(_)) => {}
            outcome => return outcome,
        }
        let synced = self.discovery.sync_with(peer).await;
        synced.map_err(|error| Error::Discovery(error.to_string()))?;
        self.dial_once(peer).await
    }

    async fn dial_once(&self, peer: PeerId) -> Result<(), Error> {
        let entry = self.entry_of(&peer)?;
        self.admit(&entry)?;
        let request = Opening {
            group: *self.config.group_id(),
        };
        let opened = self
            .transport
            .open(peer, Protocol::BOND, request.encode())
            .await;
        let mut link = opened.map_err(open_error)?;
        let introduction = self.introduce(&link);
        let introduced = async {
            link.send(&introduction.encode()).await?;
            link.recv().await
        };
        let theirs = match time::timeout(self.handshake_timeout, introduced).await {
            Ok(Ok(Some(theirs))) => theirs,
            Ok(Ok(None)) => return Err(Error::Link("it ended the introduction".to_owned())),
            Ok(Err(error)) => return Err(link_error(&error)),
            Err(_) => {
                link.close(CloseCode::MEMBER_TIMEOUT);
                return Err(Error::Link(
                    "it did not introduce itself in time".to_owned(),
                ));
            }
        };
        match self.check(&link, &theirs) {
            Ok(theirs) => self.tie(link, entry, theirs, self.local),
            Err(code) => {
                link.close(code);
                Err(codes::error(code))
            }
        }
    }

    /// Takes or refuses the dial of a peer, which has named this group.
    pub(in crate::groups) async fn accept(self: Arc<Self>, incoming: Incoming) {
        let peer = incoming.peer;
        let entry = match self.judge_dial(&peer) {
            Ok(entry) => entry,
            Err(code) => {
                tracing::debug!(peer = %peer.fmt_short(), %code, "bond refused");
                return incoming.reject(code, "").await;
            }
        };
        let Ok(mut link) = incoming.accept(bytes::Bytes::new()).await else {
            return;
        };
        let theirs = match time::timeout(self.handshake_timeout, link.recv()).await {
            Ok(Ok(Some(theirs))) => theirs,
            Ok(_) => return link.close(CloseCode::INVALID_HANDSHAKE),
            Err(_) => return link.close(CloseCode::MEMBER_TIMEOUT),
        };
        let theirs = match self.check(&link, &theirs) {
            Ok(theirs) => theirs,
            Err(code) => {
                tracing::debug!(peer = %peer.fmt_short(), %code, "bond refused");
                return link.close(code);
            }
        };
        let introduction = self.introduce(&link).encode();
        let sent = time::timeout(self.handshake_timeout, link.send(&introduction)).await;
        if matches!(sent, Ok(Ok(()))) {
            // The other end learns of a refusal by the end of the link.
            let _ = self.tie(link, entry, theirs, peer);
        }
    }

    /// Takes or refuses a link for bulk of a peer, which has named this group: of those only with whom there is a bond.
    pub(in crate::groups) async fn accept_bulk(self: Arc<Self>, incoming: Incoming) {
        let bonded = self.table.get(&incoming.peer);
        let Some(tied) = bonded.filter(|tied| tied.end().is_none()) else {
            tracing::debug!(peer = %incoming.peer.fmt_short(), "bulk refused: no bond");
            return incoming.reject(CloseCode::MEMBER_NOT_ALLOWED, "").await;
        };
        let Ok(link) = incoming.accept(bytes::Bytes::new()).await else {
            return;
        };
        bulk::serve(tied, link, self.member.clone()).await;
    }

    fn judge_dial(&self, peer: &PeerId) -> Result<SignedPeerEntry, CloseCode> {
        if self.tasks.shutdown().is_cancelled() {
            return Err(CloseCode::GROUP_NOT_FOUND);
        }
        let entry = self.entry_of(peer).map_err(|_| CloseCode::UNKNOWN_PEER)?;
        self.admit(&entry)
            .map_err(|_| CloseCode::MEMBER_NOT_ALLOWED)?;
        // A dial that takes long may go nowhere: then theirs is the better one after all.
        let begun = self.dialling().get(peer).copied();
        let is_fresh = |begun| self.clock.now().saturating_duration_since(begun) < DIAL_WINS_FOR;
        let is_ours_better = self.local < *peer && begun.is_some_and(is_fresh);
        let is_bonded = self.table.get(peer).is_some_and(|tied| self.stays(&tied));
        if is_ours_better || is_bonded {
            return Err(CloseCode::ALREADY_BONDED);
        }
        Ok(entry)
    }

    /// Whether an existing bond is alive, so that the peer can have no reason to make another.
    fn stays(&self, tied: &Tied) -> bool {
        let silence = tied.silence(self.clock.now());
        tied.end().is_none() && silence < self.config.consensus().heartbeat_interval * 3
    }

    /// The proof that this end knows the key, and what the member says of itself.
    fn introduce(&self, link: &Link) -> Introduction {
        Introduction {
            proof: self.proof(link, &self.local),
            facts: self.member.facts(),
        }
    }

    fn check(&self, link: &Link, bytes: &[u8]) -> Result<Introduction, CloseCode> {
        let theirs = Introduction::decode(bytes).map_err(|_| CloseCode::INVALID_HANDSHAKE)?;
        if theirs.proof != self.proof(link, &link.peer()) {
            return Err(CloseCode::INVALID_PROOF);
        }
        Ok(theirs)
    }

    fn proof(&self, link: &Link, prover: &PeerId) -> Digest {
        let label = proof_label(self.config.group_id());
        let exported = link.export_keying_material(&label, PROOF_CONTEXT);
        self.config.key().prove(&exported, prover)
    }

    /// Makes a bond of a link whose ends have introduced themselves.
    fn tie(
        &self,
        link: Link,
        entry: SignedPeerEntry,
        theirs: Introduction,
        dialled_by: PeerId,
    ) -> Result<(), Error> {
        let id = link.export_keying_material(BOND_ID_LABEL, self.config.group_id().as_bytes());
        let tied = Arc::new(Tied::new(
            Digest::from_bytes(id),
            dialled_by,
            entry,
            theirs.facts,
            Bulk::new(&self.transport, link.peer(), *self.config.group_id()),
            self.clock,
        ));
        // Of two that were made at once, both ends keep the one that the lower key has dialled.
        let lower = std::cmp::min(self.local, tied.peer);
        let keeps = |existing: &Tied| self.stays(existing) && existing.dialled_by == lower;
        match self.table.insert(tied.clone(), keeps) {
            Err(_) => {
                link.close(CloseCode::ALREADY_BONDED);
                return Err(Error::AlreadyBonded);
            }
            Ok(Some(replaced)) => replaced.close(CloseCode::ALREADY_BONDED),
            Ok(None) => {}
        }
        let (sender, receiver) = link.split();
        self.tasks
            .spawn("bond.send", run::send(tied.clone(), sender));
        let receive = run::receive(
            tied.clone(),
            receiver,
            self.member.clone(),
            Pace::of(self.config.consensus()),
            self.clock,
            self.fork("bond"),
        );
        let (table, member) = (self.table.clone(), self.member.clone());
        self.tasks.spawn("bond.receive", async move {
            member.bonded(&tied);
            let code = receive.await;
            tied.close(code);
            tied.set_ended(code);
            table.remove(&tied);
            member.unbonded(&tied);
            tracing::debug!(peer = %tied.peer.fmt_short(), %code, "bond ended");
        });
        Ok(())
    }

    fn entry_of(&self, peer: &PeerId) -> Result<SignedPeerEntry, Error> {
        let catalog = self.discovery.catalog();
        let entry = catalog.get_signed(peer).cloned();
        entry.ok_or_else(|| Error::Discovery("there is no entry of it".to_owned()))
    }

    fn admit(&self, entry: &SignedPeerEntry) -> Result<(), Error> {
        match self.gate.judge(entry.id(), entry, self.clock.utc()) {
            Admission::Admitted { .. } => Ok(()),
            Admission::Refused(reason) => {
                tracing::debug!(peer = %entry.id().fmt_short(), %reason, "no valid ticket");
                self.note(*entry.id(), &reason);
                Err(Error::Unauthorized)
            }
        }
    }

    fn fork(&self, label: &str) -> Rng {
        let mut rng = self
            .rng
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        rng.fork(label)
    }

    fn dialling(&self) -> std::sync::MutexGuard<'_, BTreeMap<PeerId, Instant>> {
        self.dialling
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The group that a dial is for.
pub(in crate::groups) fn group_of(request: &[u8]) -> Option<crate::primitives::GroupId> {
    Opening::decode(request).ok().map(|opening| opening.group)
}

fn open_error(error: OpenError) -> Error {
    match error {
        OpenError::Rejected { code, .. } => codes::error(code),
        other => Error::Link(other.to_string()),
    }
}

fn link_error(error: &LinkError) -> Error {
    error
        .code()
        .map_or_else(|| Error::Link(error.to_string()), codes::error)
}

fn until(time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let Some(time) = time else {
        return FAR;
    };
    ((time - now).to_std().unwrap_or_default() + JUDGE_AFTER).min(JUDGE_EVERY)
}

/// How long a dial of the lower key turns those of the other away.
const DIAL_WINS_FOR: Duration = Duration::from_millis(500);

/// What names a bond on both ends.
const BOND_ID_LABEL: &[u8] = b"mosaik.group.bond.id";

/// A ticket is valid up to and including its last moment.
const JUDGE_AFTER: Duration = Duration::from_millis(10);

/// The calendar is looked at this often while it matters: it goes on while the host sleeps, or may be set.
const JUDGE_EVERY: Duration = Duration::from_secs(1);

/// Nothing is due: a wait that something else will end.
const FAR: Duration = Duration::from_secs(24 * 3600);
