//! The rule that lets in peers by what runs on them.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{
    TICKET_CLASS, challenge,
    collateral::{CollateralProvider, process_providers},
    measurements::{IntoMeasurement, Measurements, MeasurementsCriteria},
    policy::{AGE_MAX, Enough, Platform, Software, TdxRefusal, Times, Unanchored},
    provider::{NetworkTdxError, local_measurements},
    ticket::TICKET_BYTES_MAX,
    verdicts::{Job, Outcome, VERDICTS},
    verify::{TcbStatus, Verifier},
};
use crate::{
    primitives::{PeerEntry, TicketClass, UniqueId, wall_clock},
    tickets::{Expiration, InvalidTicket, Rejection, TicketValidator},
};

/// Lets in peers whose ticket proves that genuine TDX hardware runs the software that the rule names.
///
/// A ticket carries a quote of the peer's hardware, made for that peer in that network. The rule refuses it unless its
/// registers are as required, it is fresh, the domain is not open for debugging, and the whole chain of proof holds, now:
/// Intel's root, the platform's certificate, the quoting enclave, revocations, and a platform that is up to date.
/// Whatever is missing or unknown is a refusal.
///
/// ```
/// # use mosaik::tdx::{Measurement, MeasurementsCriteria, Tdx};
/// # const MRTD: Measurement = Measurement::new([1; 48]);
/// # const KERNEL: Measurement = Measurement::new([2; 48]);
/// # const FILES: Measurement = Measurement::new([3; 48]);
/// let rule = Tdx::new().require_mrtd(MRTD).require_rtmr1(KERNEL).require_rtmr2(FILES);
/// assert!(rule.check().is_ok());
///
/// // The firmware alone starts anything: the rule says so, and refuses everybody.
/// let error = Tdx::new().require_mrtd(MRTD).check().unwrap_err();
/// assert!(error.to_string().contains("only MRTD"));
/// ```
///
/// The first time that a ticket is met the answer is no, and the verification begins on a thread of its own; nodes ask
/// again some milliseconds later. Outside of tokio the answer is waited for.
#[derive(Clone)]
pub struct Tdx {
    software: Software,
    times: Times,
    platform: Platform,
    verifier: Verifier,
    challenges: bool,
    providers: Vec<Arc<dyn CollateralProvider>>,
}

impl Tdx {
    /// The class of tickets that it judges.
    pub const CLASS: UniqueId = TICKET_CLASS;

    /// Requires these registers.
    #[must_use]
    pub const fn baseline(baseline: MeasurementsCriteria) -> Self {
        Self {
            software: Software {
                baseline,
                variants: Vec::new(),
                enough: Enough::Image,
            },
            times: Times {
                age_max: AGE_MAX,
                not_before: None,
                lifetime_max: None,
            },
            platform: Platform::up_to_date(),
            verifier: Verifier::intel(),
            challenges: false,
            providers: Vec::new(),
        }
    }

    /// Accepts every trust domain on genuine hardware, whoever's software runs in it.
    ///
    /// Says that the peer's memory is out of its host's reach. It does not say whose side the peer is on: for that, require
    /// measurements.
    #[must_use]
    pub const fn empty() -> Self {
        let mut rule = Self::baseline(MeasurementsCriteria::new());
        rule.software.enough = Enough::AnyDomain;
        rule
    }

    /// A rule that requires nothing yet, and so refuses everybody until it does: see [`check`](Self::check).
    #[must_use]
    pub const fn new() -> Self {
        Self::baseline(MeasurementsCriteria::new())
    }

    /// Requires the registers of this machine, all five.
    ///
    /// # Errors
    /// This machine is no trust domain, or does not tell.
    pub fn from_local() -> Result<Self, NetworkTdxError> {
        Ok(Self::baseline(local_measurements()?.into()))
    }

    /// Requires the software of an image: what `include_measurements!()` gives, or any criteria.
    #[must_use]
    pub fn from_image(image: impl Into<MeasurementsCriteria>) -> Self {
        Self::baseline(image.into())
    }

    /// Requires this firmware.
    #[must_use]
    pub fn require_mrtd(mut self, mrtd: impl IntoMeasurement) -> Self {
        self.software.baseline = self.software.baseline.require_mrtd(mrtd.into_measurement());
        self
    }

    /// Requires this value of RTMR0: firmware configuration and the host's tables.
    #[must_use]
    pub fn require_rtmr0(self, value: impl IntoMeasurement) -> Self {
        self.require_rtmr(0, value)
    }

    /// Requires this value of RTMR1: the kernel.
    #[must_use]
    pub fn require_rtmr1(self, value: impl IntoMeasurement) -> Self {
        self.require_rtmr(1, value)
    }

    /// Requires this value of RTMR2: the command line and the initial file system.
    #[must_use]
    pub fn require_rtmr2(self, value: impl IntoMeasurement) -> Self {
        self.require_rtmr(2, value)
    }

    /// Requires this value of RTMR3, which the program extends.
    #[must_use]
    pub fn require_rtmr3(self, value: impl IntoMeasurement) -> Self {
        self.require_rtmr(3, value)
    }

    fn require_rtmr(mut self, index: usize, value: impl IntoMeasurement) -> Self {
        let value = value.into_measurement();
        self.software.baseline = self.software.baseline.require_rtmr(index, value);
        self
    }

    /// Requires the software of this machine: MRTD, RTMR1 and RTMR2 as they are here.
    ///
    /// What the members of a fleet of one image ask of each other: an image cannot contain its own measurements.
    ///
    /// # Errors
    /// This machine is no trust domain, or does not tell.
    pub fn require_own_image(self) -> Result<Self, NetworkTdxError> {
        let own = local_measurements()?;
        Ok(self
            .require_mrtd(own.mrtd())
            .require_rtmr1(own.rtmr1())
            .require_rtmr2(own.rtmr2()))
    }

    /// Requires the firmware of this machine.
    ///
    /// # Errors
    /// This machine is no trust domain, or does not tell. So for all of these.
    pub fn require_own_mrtd(self) -> Result<Self, NetworkTdxError> {
        Ok(self.require_mrtd(local_measurements()?.mrtd()))
    }

    /// Requires RTMR0 as it is on this machine.
    ///
    /// # Errors
    /// As [`require_own_mrtd`](Self::require_own_mrtd).
    pub fn require_own_rtmr0(self) -> Result<Self, NetworkTdxError> {
        self.require_own_rtmr(0)
    }

    /// Requires RTMR1 as it is on this machine.
    ///
    /// # Errors
    /// As [`require_own_mrtd`](Self::require_own_mrtd).
    pub fn require_own_rtmr1(self) -> Result<Self, NetworkTdxError> {
        self.require_own_rtmr(1)
    }

    /// Requires RTMR2 as it is on this machine.
    ///
    /// # Errors
    /// As [`require_own_mrtd`](Self::require_own_mrtd).
    pub fn require_own_rtmr2(self) -> Result<Self, NetworkTdxError> {
        self.require_own_rtmr(2)
    }

    /// Requires RTMR3 as it is on this machine now.
    ///
    /// # Errors
    /// As [`require_own_mrtd`](Self::require_own_mrtd).
    pub fn require_own_rtmr3(self) -> Result<Self, NetworkTdxError> {
        self.require_own_rtmr(3)
    }

    fn require_own_rtmr(self, index: usize) -> Result<Self, NetworkTdxError> {
        let own: Measurements = local_measurements()?;
        Ok(self.require_rtmr(index, own.rtmr(index)))
    }

    /// Adds an alternative: if there are any, one has to match in addition to the baseline.
    #[must_use]
    pub fn allow_variant(mut self, criteria: MeasurementsCriteria) -> Self {
        self.software.variants.push(criteria);
        self
    }

    /// Requires a quote that is at most this old; 25 hours unless told otherwise.
    ///
    /// Five minutes are granted for clocks that differ.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.times.age_max = age;
        self
    }

    /// Requires a quote that was made then or later.
    #[must_use]
    pub const fn not_before(mut self, time: DateTime<Utc>) -> Self {
        self.times.not_before = Some(time);
        self
    }

    /// Requires a ticket that expires, at most this long after its quote was made.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.times.lifetime_max = Some(lifetime);
        self
    }

    /// Accepts platforms in this state too. Only those that are up to date are accepted otherwise, and revoked ones never.
    #[must_use]
    pub fn allow_tcb(mut self, status: TcbStatus) -> Self {
        self.platform.allowed.insert(status);
        self
    }

    /// Requires that the platform was compared with this recommendation of Intel's or a later one.
    #[must_use]
    pub const fn min_tcb_evaluation(mut self, number: u32) -> Self {
        self.platform.evaluation_min = Some(number);
        self
    }

    /// Refuses platforms that are exposed to this advisory, as in `INTEL-SA-00837`, whatever their state.
    #[must_use]
    pub fn refuse_advisory(mut self, id: impl Into<String>) -> Self {
        self.platform.refused_advisories.insert(id.into());
        self
    }

    /// Requires that the peer makes a fresh quote over a random number of this node's, now and from time to time.
    ///
    /// A ticket's time is what the peer's host says, and a stolen key makes any ticket look like the thief's; an answered
    /// challenge proves that the domain is there, now. It costs a quote for each node that asks, some ten milliseconds on
    /// the peer. Works where the rule is used by a node, not for a ticket on its own.
    #[must_use]
    pub const fn challenge(mut self) -> Self {
        self.challenges = true;
        self
    }

    /// Contents itself with the firmware.
    ///
    /// What the firmware starts is then anybody's: the same firmware is used by whole clouds.
    #[must_use]
    pub const fn danger_firmware_only(mut self) -> Self {
        self.software.enough = Enough::Firmware;
        self
    }

    /// Trusts the simulated platform in place of Intel's hardware: everybody can make its quotes.
    ///
    /// For tests and for trying out. Rules with and without this have different ids, so that their groups never meet.
    #[cfg(feature = "tdx-simulated")]
    #[must_use]
    pub fn danger_trust_simulated(mut self) -> Self {
        self.verifier = super::provider::simulated_verifier();
        self
    }

    /// Asks this provider for collateral when a ticket carries none that is valid. Can be repeated; the first comes first.
    ///
    /// A matter of this node alone: it does not change the id of the rule.
    #[must_use]
    pub fn with_collateral(mut self, provider: impl CollateralProvider) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Whether the rule identifies the software that it lets in. If not, it refuses everybody.
    ///
    /// # Errors
    /// What is missing, and what that would let in.
    pub fn check(&self) -> Result<(), Unanchored> {
        self.software.anchor()
    }

    /// Judges the data of a ticket as [`validate`](TicketValidator::validate) does, waits for the verification, and says
    /// which rule refuses it.
    ///
    /// Takes milliseconds of computing: not for a thread that runs tasks.
    ///
    /// # Errors
    /// The first rule that the ticket breaks.
    pub fn explain(&self, ticket: &[u8], peer: &PeerEntry) -> Result<Expiration, TdxRefusal> {
        let proof = |job: Job| Some(VERDICTS.finish(&job));
        self.decide(ticket, peer, wall_clock(), proof)
    }

    /// The dearest rule last; `prove` gives the outcome of a verification that was not made before, or `None` if it has
    /// only begun.
    fn decide(
        &self,
        ticket: &[u8],
        peer: &PeerEntry,
        now: DateTime<Utc>,
        prove: impl FnOnce(Job) -> Option<Outcome>,
    ) -> Result<Expiration, TdxRefusal> {
        self.software.anchor().map_err(TdxRefusal::Unanchored)?;
        if ticket.len() > TICKET_BYTES_MAX {
            return Err(TdxRefusal::Ticket(super::TdxTicketError::InvalidFormat));
        }
        let mut providers = self.providers.clone();
        providers.extend(process_providers());
        let key = self.key(ticket, &providers);
        let claims = VERDICTS.claims(key, ticket).map_err(TdxRefusal::Ticket)?;
        claims.judge(peer.id(), peer.network_id())?;
        let fresh = self.times.judge(&claims.binding, now)?;
        self.software.judge(&claims.measurements)?;
        let outcome = VERDICTS.known(&key, now).or_else(|| {
            prove(Job {
                key,
                ticket: Bytes::copy_from_slice(ticket),
                verifier: self.verifier.clone(),
                providers,
                now,
            })
        });
        let verdict = outcome
            .ok_or(TdxRefusal::Pending)?
            .map_err(TdxRefusal::NotProven)?;
        let proven = self.platform.judge(&verdict)?;
        let mut until = fresh.min(proven);
        if self.challenges {
            let answer = challenge::answered(&claims, &self.verifier, now)
                .ok_or(TdxRefusal::NotChallenged)?;
            // Whoever has the peer's key may run something else by now.
            self.software.judge(&answer.measurements)?;
            let proven = self.platform.judge(&answer.verdict)?;
            until = until.min(proven).min(Expiration::At(answer.lasts_until()));
        }
        Ok(until)
    }

    /// What the outcome of a verification depends on, but for the time.
    fn key(&self, ticket: &[u8], providers: &[Arc<dyn CollateralProvider>]) -> UniqueId {
        let mut input = Vec::with_capacity(ticket.len() + 64);
        push(&mut input, self.verifier.root().unwrap_or_default());
        for provider in providers {
            // Providers are told apart by where they are: clones of a rule share them.
            let address = Arc::as_ptr(provider).cast::<()>().addr();
            push(&mut input, &address.to_le_bytes());
        }
        push(&mut input, ticket);
        UniqueId::hash(&input)
    }
}

impl Default for Tdx {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tdx")
            .field("software", &self.software)
            .field("times", &self.times)
            .field("platform", &self.platform)
            .field("verifier", &self.verifier)
            .field("challenges", &self.challenges)
            .finish_non_exhaustive()
    }
}

impl TicketValidator for Tdx {
    fn class(&self) -> TicketClass {
        TICKET_CLASS
    }

    /// Everything that decides who is let in; not where collateral comes from.
    fn signature(&self) -> UniqueId {
        let Self {
            software,
            times,
            platform,
            verifier,
            challenges,
            providers: _,
        } = self;
        let mut input = Vec::new();
        push(&mut input, b"mosaik.tee.tdx.validator.v2");
        push(&mut input, software.baseline.signature().as_bytes());
        // An order of alternatives has no meaning.
        let variants: BTreeSet<_> = software
            .variants
            .iter()
            .map(MeasurementsCriteria::signature)
            .collect();
        push(&mut input, &(variants.len() as u64).to_le_bytes());
        for variant in variants {
            push(&mut input, variant.as_bytes());
        }
        input.push(software.enough as u8);
        push(&mut input, &times.age_max.as_nanos().to_le_bytes());
        let not_before = times.not_before.map(|time| {
            let (seconds, nanos) = (time.timestamp(), time.timestamp_subsec_nanos());
            [&seconds.to_le_bytes()[..], &nanos.to_le_bytes()].concat()
        });
        push_option(&mut input, not_before.as_deref());
        let lifetime_max = times.lifetime_max.map(|time| time.as_nanos().to_le_bytes());
        push_option(&mut input, lifetime_max.as_ref().map(|bytes| &bytes[..]));
        let allowed: Vec<u8> = platform
            .allowed
            .iter()
            .map(|status| *status as u8)
            .collect();
        push(&mut input, &allowed);
        let evaluation_min = platform.evaluation_min.map(u32::to_le_bytes);
        push_option(&mut input, evaluation_min.as_ref().map(|bytes| &bytes[..]));
        let refused_advisories = &platform.refused_advisories;
        push(&mut input, &(refused_advisories.len() as u64).to_le_bytes());
        for advisory in refused_advisories {
            push(&mut input, advisory.as_bytes());
        }
        push_option(&mut input, verifier.root());
        input.push(u8::from(*challenges));
        UniqueId::hash(&input)
    }

    fn validate(&self, ticket: &[u8], peer: &PeerEntry) -> Result<Expiration, InvalidTicket> {
        self.judge(ticket, peer, wall_clock())
            .map_err(|_| InvalidTicket)
    }

    fn judge(
        &self,
        ticket: &[u8],
        peer: &PeerEntry,
        now: DateTime<Utc>,
    ) -> Result<Expiration, Rejection> {
        let outcome = self.decide(ticket, peer, now, |job| {
            // A thread that runs tasks must not compute for milliseconds.
            if tokio::runtime::Handle::try_current().is_err() {
                return Some(VERDICTS.finish(&job));
            }
            VERDICTS.begin(job);
            None
        });
        outcome.map_err(|refusal| {
            if let TdxRefusal::Unanchored(error) = &refusal {
                tracing::error!(%error, "a TDX rule refuses everybody");
            }
            let rejection = Rejection::new(refusal.to_string());
            match refusal.again_after() {
                Some(wait) => rejection.acceptable_from(now + wait),
                None => rejection,
            }
        })
    }

    fn name(&self) -> &'static str {
        "TDX ticket"
    }
}

fn push(input: &mut Vec<u8>, field: &[u8]) {
    input.extend_from_slice(&(field.len() as u64).to_le_bytes());
    input.extend_from_slice(field);
}

fn push_option(input: &mut Vec<u8>, field: Option<&[u8]>) {
    input.push(u8::from(field.is_some()));
    push(input, field.unwrap_or_default());
}
