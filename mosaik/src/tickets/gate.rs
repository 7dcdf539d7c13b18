//! When a peer's right to be connected begins and ends.
//!
//! Streams and groups ask the same [`Gate`]: when a peer connects, whenever its entry changes, and at the time that the
//! last answer names. Pure: entries and the time in, [`Admission`]s out. The gate remembers its last answer about each
//! peer, so that a peer that asks a thousand times costs one check of signatures.

use {
    super::{Expiration, Rejection, TicketValidator},
    crate::primitives::{PeerEntry, PeerId, Ticket},
    chrono::{DateTime, TimeDelta, Utc},
    std::{
        collections::BTreeMap,
        fmt,
        hash::{BuildHasher, Hash, Hasher, RandomState},
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Mutex, PoisonError},
    },
};

/// The validators that a peer must satisfy, all of them, and what they last said of each peer.
pub(crate) struct Gate {
    validators: Vec<Arc<dyn TicketValidator>>,
    remembered: Mutex<BTreeMap<PeerId, Remembered>>,
    marks: RandomState,
}

/// What a gate says of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may be connected, up to this time unless its entry changes.
    Admitted { until: Expiration },
    /// It may not be connected.
    Refused(Refused),
}

/// Why a peer may not be connected. For this node's status and log: never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    reason: Arc<str>,
    judge_again_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Remembered {
    mark: u64,
    at: DateTime<Utc>,
    admission: Admission,
}

impl Gate {
    pub(crate) fn new(validators: Vec<Arc<dyn TicketValidator>>) -> Self {
        Self {
            validators,
            remembered: Mutex::default(),
            marks: RandomState::new(),
        }
    }

    /// Whether everybody may pass.
    pub(crate) fn is_open(&self) -> bool {
        self.validators.is_empty()
    }

    /// Whether the peer at the other end of a connection may be connected.
    ///
    /// `peer` is who the connection is with, as the transport has proved it: an entry of anybody else gives it no right.
    pub(crate) fn judge(&self, peer: &PeerId, entry: &PeerEntry, now: DateTime<Utc>) -> Admission {
        if self.is_open() {
            return Admission::ALWAYS;
        }
        if entry.id() != peer {
            return Admission::refused("the entry is another peer's");
        }
        let mark = self.mark(entry);
        if let Some(admission) = self.recall(peer, mark, now) {
            return admission;
        }
        // Without the lock: validators take their time, and may be the user's.
        let admission = self.ask(entry, now);
        self.remember(
            *peer,
            Remembered {
                mark,
                at: now,
                admission: admission.clone(),
            },
        );
        admission
    }

    fn ask(&self, entry: &PeerEntry, now: DateTime<Utc>) -> Admission {
        let verdicts = self
            .validators
            .iter()
            .map(|validator| (validator, ask_one(&**validator, entry, now)));
        let mut until = Expiration::Never;
        let mut refused = Vec::new();
        for (validator, verdict) in verdicts {
            match verdict {
                Ok(expiration) => until = until.min(expiration),
                Err(rejection) => refused.push((validator.name(), rejection)),
            }
        }
        if refused.is_empty() {
            return Admission::Admitted { until };
        }
        let reason: Vec<String> = refused
            .iter()
            .map(|(name, rejection)| format!("{name}: {rejection}"))
            .collect();
        // All must pass: it is worth asking again once the last of them may say yes.
        let judge_again_at = refused
            .iter()
            .map(|(_, rejection)| rejection.judge_again_at())
            .collect::<Option<Vec<_>>>()
            .and_then(|times| times.into_iter().max());
        Admission::Refused(Refused {
            reason: reason.join("; ").into(),
            judge_again_at,
        })
    }

    /// The last answer, if asking again would give the same.
    fn recall(&self, peer: &PeerId, mark: u64, now: DateTime<Utc>) -> Option<Admission> {
        let remembered = self.lock();
        let last = remembered.get(peer)?;
        // A clock that was set back makes every answer about the time worthless.
        if last.mark != mark || now < last.at {
            return None;
        }
        let holds = match &last.admission {
            Admission::Admitted { until } => !is_over(*until, now),
            Admission::Refused(refused) => {
                now - last.at < REFUSAL_HOLDS && refused.judge_again_at.is_none_or(|at| now < at)
            }
        };
        holds.then(|| last.admission.clone())
    }

    fn remember(&self, peer: PeerId, answer: Remembered) {
        let mut remembered = self.lock();
        if remembered.len() >= REMEMBERED_MAX && !remembered.contains_key(&peer) {
            // Strangers must not push out what is known of members.
            let victim = remembered
                .iter()
                .find(|(_, last)| matches!(last.admission, Admission::Refused(_)))
                .or_else(|| remembered.first_key_value())
                .map(|(peer, _)| *peer);
            if let Some(victim) = victim {
                remembered.remove(&victim);
            }
        }
        remembered.insert(peer, answer);
    }

    /// Two entries that say the same, whatever their versions, have one mark.
    fn mark(&self, entry: &PeerEntry) -> u64 {
        let mut hasher = self.marks.build_hasher();
        (entry.id(), entry.network_id(), entry.protocol_version()).hash(&mut hasher);
        (entry.started_at(), entry.address()).hash(&mut hasher);
        (entry.tags(), entry.streams(), entry.groups()).hash(&mut hasher);
        // A ticket's id is a hash of all that it is.
        for id in entry.tickets().keys() {
            id.hash(&mut hasher);
        }
        hasher.finish()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PeerId, Remembered>> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until when the best of the peer's tickets satisfies a validator. One that panics is not satisfied.
fn ask_one(
    validator: &dyn TicketValidator,
    entry: &PeerEntry,
    now: DateTime<Utc>,
) -> Result<Expiration, Rejection> {
    let ask = || {
        let class = validator.class();
        let tickets: Vec<&Ticket> = entry.tickets_of(class).collect();
        let verdicts = tickets.iter().take(TICKETS_JUDGED_MAX).map(|ticket| {
            let expiration = validator.judge(ticket.data(), entry, now)?;
            if is_over(expiration, now) {
                return Err(Rejection::new("it has expired"));
            }
            Ok(expiration)
        });
        let mut best: Option<Expiration> = None;
        let mut rejections = Vec::new();
        for verdict in verdicts {
            match verdict {
                Ok(expiration) => best = best.max(Some(expiration)),
                Err(rejection) => rejections.push(rejection),
            }
        }
        best.ok_or_else(|| none_is_valid(tickets.len(), rejections))
    };
    catch_unwind(AssertUnwindSafe(ask))
        .unwrap_or_else(|_| Err(Rejection::new("the validator panicked")))
}

fn none_is_valid(count: usize, mut rejections: Vec<Rejection>) -> Rejection {
    match rejections.len() {
        0 => return Rejection::new("the peer carries none"),
        1 => return rejections.remove(0),
        _ => {}
    }
    let soonest = rejections
        .iter()
        .filter_map(Rejection::judge_again_at)
        .min();
    let mut reasons: Vec<&str> = Vec::new();
    for rejection in &rejections {
        if !reasons.contains(&rejection.reason()) && reasons.len() < REASONS_MAX {
            reasons.push(rejection.reason());
        }
    }
    let mut text = format!("none of {count} is valid: {}", reasons.join(", "));
    if count > TICKETS_JUDGED_MAX {
        text.push_str(&format!(
            " (only the first {TICKETS_JUDGED_MAX} were looked at)"
        ));
    }
    let rejection = Rejection::new(text);
    match soonest {
        Some(time) => rejection.acceptable_from(time),
        None => rejection,
    }
}

fn is_over(expiration: Expiration, now: DateTime<Utc>) -> bool {
    matches!(expiration, Expiration::At(end) if end <= now)
}

impl Admission {
    /// Nobody asks for a ticket.
    pub(crate) const ALWAYS: Self = Self::Admitted {
        until: Expiration::Never,
    };

    pub(crate) fn refused(reason: &str) -> Self {
        Self::Refused(Refused {
            reason: reason.into(),
            judge_again_at: None,
        })
    }

    /// When the answer may change though the entry does not: a connection's owner asks again then.
    pub(crate) fn judge_again_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Admitted {
                until: Expiration::At(end),
            } => Some(*end),
            Self::Admitted {
                until: Expiration::Never,
            } => None,
            Self::Refused(refused) => refused.judge_again_at,
        }
    }
}

impl Refused {
    /// When the peer's right may begin though its entry does not change.
    pub(crate) const fn judge_again_at(&self) -> Option<DateTime<Utc>> {
        self.judge_again_at
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("validators", &self.validators.len())
            .finish_non_exhaustive()
    }
}

/// Tickets of one class that are looked at for one answer: renewing needs two, and each may cost a signature.
const TICKETS_JUDGED_MAX: usize = 16;

/// Different reasons that are told for one class.
const REASONS_MAX: usize = 3;

/// How long a refusal is not questioned: a validator may depend on more than the entry, and who regains a right is to
/// have it within a second.
const REFUSAL_HOLDS: TimeDelta = TimeDelta::milliseconds(250);

/// Peers of which the last answer is kept: about 200 bytes each.
const REMEMBERED_MAX: usize = 4096;

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
