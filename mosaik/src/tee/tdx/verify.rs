//! Whether a quote was made by genuine hardware, as things stand at a given time. The home of `dcap_qvl`.
//!
//! What is verified, in the order of the chain of trust: the two statements of Intel (security versions of the platform,
//! identity of the quoting enclave) with their signers, dates and revocations; the platform's certificate up to the root; the
//! quoting enclave's report under it, and that it is *that* enclave; the attestation key in the report; the quote under the
//! key; the security versions of platform, module and enclave; the attributes of the domain.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use dcap_qvl::{QuoteCollateralV3, QuotePolicy, verify::QuoteVerifier};

use super::{
    collateral::{Collateral, process_providers},
    quote::Quote,
};
use crate::primitives::wall_clock;

/// Verifies quotes under one root of trust.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// The certificate of the root, if it is not Intel's.
    root: Option<Cow<'static, [u8]>>,
}

impl Verifier {
    /// Trusts Intel's root for platforms, and nothing else.
    pub const fn intel() -> Self {
        Self { root: None }
    }

    /// Trusts another root, by its certificate in DER: whoever holds its key can make any quote.
    #[cfg(feature = "tdx-simulated")]
    pub(super) const fn with_root(certificate: Cow<'static, [u8]>) -> Self {
        Self {
            root: Some(certificate),
        }
    }

    /// The certificate of the root that it trusts; `None` for Intel's.
    pub(super) fn root(&self) -> Option<&[u8]> {
        self.root.as_deref()
    }

    /// Verifies a quote with collateral, as of `now`.
    ///
    /// Takes milliseconds of computing: not for a thread that runs tasks. What the quote *says* is the caller's to judge:
    /// whose code runs there, for whom it was made, and which state of the platform is good enough.
    ///
    /// # Errors
    /// Anything is missing, not valid now, revoked, unknown or not signed as it should be.
    pub fn verify(
        &self,
        quote: &Quote,
        collateral: &Collateral,
        now: DateTime<Utc>,
    ) -> Result<Verdict, VerifyError> {
        if quote.is_debug() {
            return Err(VerifyError::DebugDomain);
        }
        if quote.qe_report_certification_data().is_none() {
            let reason = "the quote carries no report of the quoting enclave over its key";
            return Err(VerifyError::Refused(reason.to_owned()));
        }
        let seconds = u64::try_from(now.timestamp())
            .map_err(|_| VerifyError::Refused("the clock is before 1970".to_owned()))?;
        let verifier = match &self.root {
            None => QuoteVerifier::new_prod(),
            Some(root) => QuoteVerifier::new(root.to_vec()),
        };
        // The policy here takes what is proven; which state is good enough is ours to say.
        let policy = QuotePolicy::claims_only(seconds);
        let claims = verifier
            .verify_with_policy(quote.as_bytes(), collateral, seconds, &policy)
            .map_err(|error| VerifyError::Refused(format!("{error:#}")))?;
        let time = |seconds: u64| {
            let seconds = i64::try_from(seconds).ok();
            let time = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            time.ok_or_else(|| VerifyError::Refused("a date is beyond the calendar".to_owned()))
        };
        let (valid_from, valid_until) = (
            time(claims.latest_issue_date)?,
            time(claims.earliest_expiration_date)?,
        );
        // Some dates are looked at from one side only: a list of revocations from tomorrow is no list of today.
        if now < valid_from || now >= valid_until {
            let reason = format!("the proof is valid from {valid_from} to {valid_until}, not now");
            return Err(VerifyError::Refused(reason));
        }
        let current = claims.platform.current_tcb_level.iter();
        let mut advisories = claims.tcb.advisory_ids;
        advisories.extend(current.flat_map(|level| level.advisory_ids.iter().cloned()));
        advisories.sort_unstable();
        advisories.dedup();
        Ok(Verdict {
            status: TcbStatus::of(claims.tcb.status),
            advisories,
            tcb_evaluation: claims.tcb.eval_data_number,
            fmspc: claims.platform.pck.fmspc,
            valid_from,
            valid_until,
        })
    }
}

impl Quote {
    /// Whether genuine hardware made the quote, as of now, by the collateral that this process has.
    ///
    /// A quote carries no collateral: name where it is with [`use_collateral`](super::use_collateral), or verify the
    /// [ticket](super::TdxTicket::verify), which does. Takes milliseconds of computing.
    ///
    /// # Errors
    /// It is not proven, or there is no collateral.
    pub fn verify(&self) -> Result<Verdict, VerifyError> {
        let mut error =
            VerifyError::NoCollateral("this process names nobody who has some".to_owned());
        for provider in process_providers() {
            match provider.collateral(self) {
                Ok(collateral) => match Verifier::intel().verify(self, &collateral, wall_clock()) {
                    Ok(verdict) => return Ok(verdict),
                    Err(refused) => error = refused,
                },
                Err(missing) => error = VerifyError::NoCollateral(missing.to_string()),
            }
        }
        Err(error)
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::intel()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.root {
            None => "Verifier(Intel)",
            Some(_) => "Verifier(another root)",
        })
    }
}

impl From<&Collateral> for QuoteCollateralV3 {
    fn from(collateral: &Collateral) -> Self {
        Self {
            pck_crl_issuer_chain: collateral.pck_crl_issuer_chain.clone(),
            root_ca_crl: collateral.root_ca_crl.to_vec(),
            pck_crl: collateral.pck_crl.to_vec(),
            tcb_info_issuer_chain: collateral.tcb_info_issuer_chain.clone(),
            tcb_info: collateral.tcb_info.clone(),
            tcb_info_signature: collateral.tcb_info_signature.to_vec(),
            qe_identity_issuer_chain: collateral.qe_identity_issuer_chain.clone(),
            qe_identity: collateral.qe_identity.clone(),
            qe_identity_signature: collateral.qe_identity_signature.to_vec(),
            // The quote's own: what it does not carry was not looked at when it was parsed.
            pck_certificate_chain: None,
        }
    }
}

/// What was proven about a quote: genuine hardware made it, in this state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// How the platform compares with what Intel recommends.
    pub status: TcbStatus,
    /// The advisories that the platform is exposed to, by id, in order.
    pub advisories: Vec<String>,
    /// The number of the recommendation that it was compared with: it grows with each that Intel issues.
    pub tcb_evaluation: u32,
    /// The kind of the platform.
    pub fmspc: [u8; 6],
    /// Since when all that proves it is valid.
    pub valid_from: DateTime<Utc>,
    /// Until when: then some certificate, revocation list or statement has to be newer.
    pub valid_until: DateTime<Utc>,
}

/// How a platform compares with what Intel recommends: its microcode, its firmware, its TDX module, its quoting enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TcbStatus {
    /// As recommended.
    UpToDate,
    /// The software in the domain has to defend itself against something.
    SwHardeningNeeded,
    /// The platform's configuration exposes it to something.
    ConfigurationNeeded,
    /// Both of these.
    ConfigurationAndSwHardeningNeeded,
    /// Updates are missing.
    OutOfDate,
    /// Updates are missing, and the configuration exposes it to something.
    OutOfDateConfigurationNeeded,
    /// The module was updated under the domain; launched anew, it would be up to date.
    TdRelaunchAdvised,
    /// The same, and the configuration exposes it to something.
    TdRelaunchAdvisedConfigurationNeeded,
    /// Its keys are known to others. Never accepted.
    Revoked,
}

impl TcbStatus {
    const fn of(status: dcap_qvl::TcbStatus) -> Self {
        use dcap_qvl::TcbStatus as Theirs;
        match status {
            Theirs::UpToDate => Self::UpToDate,
            Theirs::SWHardeningNeeded => Self::SwHardeningNeeded,
            Theirs::ConfigurationNeeded => Self::ConfigurationNeeded,
            Theirs::ConfigurationAndSWHardeningNeeded => Self::ConfigurationAndSwHardeningNeeded,
            Theirs::OutOfDate => Self::OutOfDate,
            Theirs::OutOfDateConfigurationNeeded => Self::OutOfDateConfigurationNeeded,
            Theirs::TDRelaunchAdvised => Self::TdRelaunchAdvised,
            Theirs::TDRelaunchAdvisedConfigurationNeeded => {
                Self::TdRelaunchAdvisedConfigurationNeeded
            }
            Theirs::Revoked => Self::Revoked,
        }
    }
}

impl fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UpToDate => "up to date",
            Self::SwHardeningNeeded => "software hardening needed",
            Self::ConfigurationNeeded => "configuration needed",
            Self::ConfigurationAndSwHardeningNeeded => {
                "configuration and software hardening needed"
            }
            Self::OutOfDate => "out of date",
            Self::OutOfDateConfigurationNeeded => "out of date, configuration needed",
            Self::TdRelaunchAdvised => "relaunch advised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "relaunch advised, configuration needed",
            Self::Revoked => "revoked",
        })
    }
}

/// Why a quote proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The host can read and change the domain's memory.
    #[error("it is a debug domain: its host reads and changes its memory")]
    DebugDomain,
    /// Nothing to verify it against.
    #[error("no collateral to verify it with: {0}")]
    NoCollateral(String),
    /// A step of the verification failed; the text says which.
    #[error("not proven: {0}")]
    Refused(String),
}

impl VerifyError {
    /// Whether the same quote may be proven later: with other collateral, or at another time.
    pub const fn is_retryable(&self) -> bool {
        !matches!(self, Self::DebugDomain)
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// The kind of platform that a quote's certificates name; nothing has been verified then.
pub(super) fn fmspc_of(quote: &Quote) -> Option<[u8; 6]> {
    let chain = quote.pck_cert_chain().ok()?;
    let extension = dcap_qvl::intel::parse_pck_extension_from_pem(&chain).ok()?;
    Some(extension.fmspc)
}
