//! What a verifier asks of an attested peer. Pure: claims, a verdict and the time in; a decision out.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    measurements::{Measurement, Measurements, MeasurementsCriteria},
    ticket::{Binding, TdxTicket, TdxTicketError},
    verify::{TcbStatus, Verdict, VerifyError},
};
use crate::{
    primitives::{NetworkId, PeerId},
    tickets::Expiration,
};

/// How far apart clocks may be: hosts without a time service drift by seconds a week.
pub(super) const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// How old a quote may be unless told otherwise: tickets are renewed within a day.
pub(super) const AGE_MAX: Duration = Duration::from_secs(25 * 3600);

/// How long a verification takes, on an idle machine: it is looked at again until it is done.
const PENDING_FOR: TimeDelta = TimeDelta::milliseconds(20);

/// How long a challenge takes: a round trip and a quote.
const UNANSWERED_FOR: TimeDelta = TimeDelta::milliseconds(200);

/// How long a ticket that was not proven is not verified again: collateral may come, or the clock be set.
pub(super) const REFUSED_FOR: TimeDelta = TimeDelta::seconds(60);

/// What is asked of the software: which registers, which alternatives, and how little is enough.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Software {
    pub(super) baseline: MeasurementsCriteria,
    /// If there are any, one has to match in addition to the baseline.
    pub(super) variants: Vec<MeasurementsCriteria>,
    pub(super) enough: Enough,
}

/// How much of the software the criteria have to identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Enough {
    /// Firmware, kernel, command line and initial file system.
    Image,
    /// The firmware; whatever it starts.
    Firmware,
    /// Nothing: any trust domain.
    AnyDomain,
}

impl Software {
    /// Whether the criteria identify what they have to.
    pub(super) fn anchor(&self) -> Result<(), Unanchored> {
        if self.variants.is_empty() {
            return self.enough.check(&self.baseline);
        }
        self.variants.iter().try_for_each(|variant| {
            let rtmr = |index: usize| self.baseline.rtmr[index].or(variant.rtmr[index]);
            let both = MeasurementsCriteria {
                mrtd: self.baseline.mrtd.or(variant.mrtd),
                rtmr: [rtmr(0), rtmr(1), rtmr(2), rtmr(3)],
            };
            self.enough.check(&both)
        })
    }

    pub(super) fn judge(&self, measurements: &Measurements) -> Result<(), TdxRefusal> {
        if let Some((register, required, has)) = self.baseline.first_difference(measurements) {
            return Err(TdxRefusal::Measurement {
                register,
                required,
                has,
            });
        }
        let matches = |variant: &MeasurementsCriteria| variant.matches(measurements);
        if self.variants.is_empty() || self.variants.iter().any(matches) {
            Ok(())
        } else {
            Err(TdxRefusal::NoVariant {
                count: self.variants.len(),
            })
        }
    }
}

impl Enough {
    const fn check(self, criteria: &MeasurementsCriteria) -> Result<(), Unanchored> {
        let [_, rtmr1, rtmr2, rtmr3] = &criteria.rtmr;
        let later = rtmr1.is_some() || rtmr2.is_some() || rtmr3.is_some();
        match (
            self,
            criteria.mrtd.is_some(),
            rtmr1.is_some(),
            rtmr2.is_some(),
        ) {
            (Self::AnyDomain, ..) | (_, true, true, true) | (Self::Firmware, true, ..) => Ok(()),
            (_, false, ..) if later => Err(Unanchored::Firmware),
            (_, false, ..) => Err(Unanchored::Nothing),
            (_, true, false, true) => Err(Unanchored::Kernel),
            (_, true, true, false) => Err(Unanchored::FileSystem),
            (_, true, false, false) => Err(Unanchored::FirmwareOnly),
        }
    }
}

/// Why criteria do not identify the software of a trust domain. Each says what is missing, and what that would let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unanchored {
    /// Nothing is required.
    #[error(
        "no measurement is required, so every trust domain passes, with whatever software its owner put in: require MRTD, \
         RTMR1 and RTMR2, or say `Tdx::empty()` if any domain will do"
    )]
    Nothing,
    /// Run-time registers without the firmware that extends them.
    #[error(
        "run-time registers are required, but not MRTD: it is the firmware that extends them, and a firmware of somebody's \
         own extends them to any value"
    )]
    Firmware,
    /// MRTD alone.
    #[error(
        "only MRTD is required: it is the measurement of the firmware, which is the same for every program that starts from \
         it; require RTMR1 and RTMR2 too, or say `danger_firmware_only()`"
    )]
    FirmwareOnly,
    /// RTMR2 without the kernel that extends it.
    #[error(
        "RTMR2 is required, but not RTMR1: it is the kernel that extends RTMR2, and a kernel of somebody's own extends it to \
         any value"
    )]
    Kernel,
    /// The kernel, but not what it starts.
    #[error(
        "RTMR1 is required, but not RTMR2: the same kernel starts any program with another command line or file system"
    )]
    FileSystem,
}

impl Unanchored {
    /// Whether the same criteria may be enough later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was admitted: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// What is asked of the ticket's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Times {
    pub(super) age_max: Duration,
    pub(super) not_before: Option<DateTime<Utc>>,
    pub(super) lifetime_max: Option<Duration>,
}

impl Times {
    /// Until when the times are right, if they are right now.
    pub(super) fn judge(
        &self,
        binding: &Binding,
        now: DateTime<Utc>,
    ) -> Result<Expiration, TdxRefusal> {
        let quoted_at = binding.quoted_at;
        if quoted_at > now + CLOCK_SKEW {
            return Err(TdxRefusal::FromTheFuture { quoted_at });
        }
        let stale = TimeDelta::from_std(self.age_max)
            .ok()
            .and_then(|age| quoted_at.checked_add_signed(age + CLOCK_SKEW));
        if stale.is_some_and(|stale| stale < now) {
            return Err(TdxRefusal::TooOld {
                quoted_at,
                age_max: self.age_max,
            });
        }
        if let Some(not_before) = self.not_before
            && quoted_at < not_before
        {
            return Err(TdxRefusal::TooEarly {
                quoted_at,
                not_before,
            });
        }
        if let Some(lifetime_max) = self.lifetime_max {
            let lifetime = match binding.expiration {
                Expiration::At(end) => (end - quoted_at).to_std().ok(),
                Expiration::Never => None,
            };
            if lifetime.is_none_or(|lifetime| lifetime > lifetime_max) {
                return Err(TdxRefusal::LivesTooLong { lifetime_max });
            }
        }
        if binding.expiration.is_expired_at(now) {
            return Err(TdxRefusal::Expired);
        }
        let stale = stale.map_or(Expiration::Never, Expiration::At);
        Ok(binding.expiration.min(stale))
    }
}

/// What is asked of the platform's state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Platform {
    /// The states other than up to date that are good enough.
    pub(super) allowed: BTreeSet<TcbStatus>,
    pub(super) evaluation_min: Option<u32>,
    /// Advisories that the platform must not be exposed to.
    pub(super) refused_advisories: BTreeSet<String>,
}

impl Platform {
    pub(super) const fn up_to_date() -> Self {
        Self {
            allowed: BTreeSet::new(),
            evaluation_min: None,
            refused_advisories: BTreeSet::new(),
        }
    }

    pub(super) fn judge(&self, verdict: &Verdict) -> Result<Expiration, TdxRefusal> {
        let status = verdict.status;
        let good = status == TcbStatus::UpToDate || self.allowed.contains(&status);
        if status == TcbStatus::Revoked || !good {
            return Err(TdxRefusal::PlatformStatus { status });
        }
        if let Some(evaluation_min) = self.evaluation_min
            && verdict.tcb_evaluation < evaluation_min
        {
            return Err(TdxRefusal::OldEvaluation {
                evaluation: verdict.tcb_evaluation,
                evaluation_min,
            });
        }
        let refused = |id: &&String| self.refused_advisories.contains(*id);
        match verdict.advisories.iter().find(refused) {
            Some(id) => Err(TdxRefusal::Advisory(id.clone())),
            None => Ok(Expiration::At(verdict.valid_until)),
        }
    }
}

/// What a ticket says, before anything is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) binding: Binding,
    pub(super) measurements: Measurements,
    pub(super) is_debug: bool,
}

impl Claims {
    pub(super) const fn of(ticket: &TdxTicket) -> Self {
        Self {
            binding: *ticket.binding(),
            measurements: ticket.measurements(),
            is_debug: ticket.quote().is_debug(),
        }
    }

    /// Whether they are about the peer that presents them.
    pub(super) fn judge(&self, peer: &PeerId, network: &NetworkId) -> Result<(), TdxRefusal> {
        if self.binding.peer_id != *peer {
            return Err(TdxRefusal::OtherPeer(Box::new(self.binding.peer_id)));
        }
        if self.binding.network_id != *network {
            return Err(TdxRefusal::OtherNetwork(Box::new(self.binding.network_id)));
        }
        if self.is_debug {
            return Err(TdxRefusal::NotProven(VerifyError::DebugDomain));
        }
        Ok(())
    }
}

/// Which rule refuses a ticket. For the refuser's own logs: the peer is told nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TdxRefusal {
    /// The rule itself lets in what it should not.
    #[error("the rule refuses everybody, for it identifies no software: {0}")]
    Unanchored(Unanchored),
    /// The data is not such a ticket.
    #[error("{0}")]
    Ticket(TdxTicketError),
    /// The quote was made for another peer.
    #[error("the quote was made for peer {0}")]
    OtherPeer(Box<PeerId>),
    /// The quote was made for another network.
    #[error("the quote was made for network {0}")]
    OtherNetwork(Box<NetworkId>),
    /// A register has another value.
    #[error("{register} is {has}, required is {required}")]
    Measurement {
        /// The register.
        register: &'static str,
        /// The value that it has to have.
        required: Measurement,
        /// The value that it has.
        has: Measurement,
    },
    /// None of the alternatives matches.
    #[error("the registers match none of {count} variants")]
    NoVariant {
        /// How many alternatives there are.
        count: usize,
    },
    /// The quote is older than the rule wants.
    #[error("the quote of {quoted_at} is over {age_max:?} old")]
    TooOld {
        /// When it was made.
        quoted_at: DateTime<Utc>,
        /// How old it may be.
        age_max: Duration,
    },
    /// The quote says that it is made later than now.
    #[error("the quote says it is of {quoted_at}, which is more than five minutes ahead")]
    FromTheFuture {
        /// When it says it was made.
        quoted_at: DateTime<Utc>,
    },
    /// The quote is from before the rule's first day.
    #[error("the quote of {quoted_at} is from before {not_before}")]
    TooEarly {
        /// When it was made.
        quoted_at: DateTime<Utc>,
        /// The first time that is accepted.
        not_before: DateTime<Utc>,
    },
    /// The ticket is meant to be used for too long.
    #[error("the ticket is meant for longer than {lifetime_max:?}")]
    LivesTooLong {
        /// The longest that is accepted.
        lifetime_max: Duration,
    },
    /// The ticket has expired.
    #[error("the ticket has expired")]
    Expired,
    /// The peer has not yet made a quote over a number of the verifier's.
    #[error("the peer has not answered a challenge yet")]
    NotChallenged,
    /// The verification has begun; the answer is a few milliseconds away.
    #[error("the quote is being verified")]
    Pending,
    /// The quote proves nothing.
    #[error("{0}")]
    NotProven(VerifyError),
    /// The platform is not in a state that is good enough.
    #[error("the platform is {status}")]
    PlatformStatus {
        /// Its state.
        status: TcbStatus,
    },
    /// The platform was compared with an old recommendation.
    #[error("compared with recommendation {evaluation}, required is {evaluation_min}")]
    OldEvaluation {
        /// The number of the recommendation.
        evaluation: u32,
        /// The oldest that is accepted.
        evaluation_min: u32,
    },
    /// The platform is exposed to something that the rule names.
    #[error("the platform is exposed to {0}")]
    Advisory(String),
}

impl TdxRefusal {
    /// How long until it is worth judging the same ticket again.
    pub(super) fn again_after(&self) -> Option<TimeDelta> {
        match self {
            Self::Pending => Some(PENDING_FOR),
            Self::NotChallenged => Some(UNANSWERED_FOR),
            Self::FromTheFuture { .. } | Self::NotProven(_) if self.is_retryable() => {
                Some(REFUSED_FOR)
            }
            _ => None,
        }
    }

    /// Whether the same ticket may be accepted later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Pending | Self::NotChallenged | Self::FromTheFuture { .. } => true,
            Self::NotProven(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether it is certain that nothing was admitted: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
