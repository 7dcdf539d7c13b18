//! What was found out about tickets, and the thread that finds it out.
//!
//! A verification takes milliseconds of computing, and validators are asked on threads that run tasks. So a validator that
//! meets a ticket for the first time says no for now and when to ask again, and the verification runs on a thread of its
//! own. From then on the answer is a look into a table.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{
    collateral::CollateralProvider,
    policy::{Claims, REFUSED_FOR},
    ticket::{TdxTicket, TdxTicketError},
    verify::{Verdict, Verifier, VerifyError},
};
use crate::primitives::UniqueId;

/// Tickets that something is known about: four for each node of a large network. About 1 KiB each.
const KNOWN_MAX: usize = 4096;

/// Verifications that wait for the thread: a second or two of its work. More are forgotten, and begun again when the
/// ticket is next looked at.
const QUEUE_MAX: usize = 256;

/// What is known about tickets in this process: quotes are the same for every network and every rule.
pub(super) static VERDICTS: LazyLock<Verdicts> = LazyLock::new(Verdicts::new);

pub(super) struct Verdicts {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<UniqueId, Known>,
    /// The keys of `known`, oldest first.
    order: VecDeque<UniqueId>,
    queue: VecDeque<Job>,
    works: bool,
}

struct Known {
    claims: Result<Arc<Claims>, TdxTicketError>,
    proof: Proof,
}

enum Proof {
    NotAsked,
    Pending,
    Done { outcome: Outcome, at: DateTime<Utc> },
}

/// What a verification found out.
pub(super) type Outcome = Result<Arc<Verdict>, VerifyError>;

/// One verification.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) key: UniqueId,
    pub(super) ticket: Bytes,
    pub(super) verifier: Verifier,
    pub(super) providers: Vec<Arc<dyn CollateralProvider>>,
    pub(super) now: DateTime<Utc>,
}

impl Job {
    /// Verifies with the collateral in the ticket, then with what the providers have.
    fn run(&self) -> Outcome {
        let ticket = TdxTicket::try_from(&self.ticket[..])
            .map_err(|error| VerifyError::Refused(error.to_string()))?;
        let mut outcome = ticket.verify_with(&self.verifier, self.now);
        for provider in &self.providers {
            if outcome.is_ok() {
                break;
            }
            match provider.collateral(ticket.quote()) {
                Ok(collateral) => {
                    outcome = self.verifier.verify(ticket.quote(), &collateral, self.now);
                }
                Err(error) if ticket.collateral().is_none() => {
                    outcome = Err(VerifyError::NoCollateral(error.to_string()));
                }
                // What is wrong with the collateral in the ticket says more.
                Err(_) => {}
            }
        }
        outcome.map(Arc::new)
    }
}

impl Verdicts {
    fn new() -> Self {
        Self {
            state: Mutex::default(),
        }
    }

    /// What a ticket claims.
    pub(super) fn claims(
        &self,
        key: UniqueId,
        ticket: &[u8],
    ) -> Result<Arc<Claims>, TdxTicketError> {
        if let Some(known) = self.lock().known.get(&key) {
            return known.claims.clone();
        }
        let claims = TdxTicket::try_from(ticket).map(|ticket| Arc::new(Claims::of(&ticket)));
        let known = Known {
            claims: claims.clone(),
            proof: Proof::NotAsked,
        };
        self.lock().insert(key, known);
        claims
    }

    /// The outcome if it is known and still stands.
    pub(super) fn known(&self, key: &UniqueId, now: DateTime<Utc>) -> Option<Outcome> {
        self.lock().standing(key, now)
    }

    /// Begins a verification, unless it has begun.
    pub(super) fn begin(&self, job: Job) {
        let mut state = self.lock();
        let queued = state.queue.len();
        // Forgotten in the meantime, it is begun when it is looked at again.
        let Some(known) = state.known.get_mut(&job.key) else {
            return;
        };
        if matches!(known.proof, Proof::Pending) {
            return;
        }
        if queued >= QUEUE_MAX {
            tracing::warn!(queued, "a TDX ticket is not verified now: too many wait");
            return;
        }
        known.proof = Proof::Pending;
        state.queue.push_back(job);
        if !state.works {
            let worker = thread::Builder::new().name("mosaik-tdx".to_owned());
            match worker.spawn(|| VERDICTS.work()) {
                Ok(_) => state.works = true,
                Err(error) => {
                    tracing::error!(%error, "no thread to verify TDX tickets on");
                    state.forget_queue();
                }
            }
        }
    }

    /// Verifies here and now.
    pub(super) fn finish(&self, job: &Job) -> Outcome {
        let outcome = job.run();
        self.lock().finish(&job.key, &outcome, job.now);
        outcome
    }

    /// Takes jobs until there are none: an idle process has no thread for this.
    fn work(&self) {
        loop {
            let job = {
                let mut state = self.lock();
                let job = state.queue.pop_front();
                state.works = job.is_some();
                job
            };
            let Some(job) = job else {
                return;
            };
            let run = std::panic::AssertUnwindSafe(|| job.run());
            let outcome = std::panic::catch_unwind(run).unwrap_or_else(|_| {
                Err(VerifyError::Refused("the verification failed".to_owned()))
            });
            if let Err(error) = &outcome {
                tracing::debug!(%error, "a TDX ticket is not proven");
            }
            self.lock().finish(&job.key, &outcome, job.now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, key: UniqueId, known: Known) {
        if self.known.insert(key, known).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KNOWN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    fn standing(&self, key: &UniqueId, now: DateTime<Utc>) -> Option<Outcome> {
        let Proof::Done { outcome, at } = &self.known.get(key)?.proof else {
            return None;
        };
        let stands = match outcome {
            Ok(verdict) => verdict.valid_from <= now && now < verdict.valid_until,
            Err(_) => (*at - now).abs() < REFUSED_FOR,
        };
        stands.then(|| outcome.clone())
    }

    fn finish(&mut self, key: &UniqueId, outcome: &Outcome, at: DateTime<Utc>) {
        if let Some(known) = self.known.get_mut(key) {
            known.proof = Proof::Done {
                outcome: outcome.clone(),
                at,
            };
        }
    }

    fn forget_queue(&mut self) {
        for job in self.queue.drain(..) {
            if let Some(known) = self.known.get_mut(&job.key) {
                known.proof = Proof::NotAsked;
            }
        }
    }
}
