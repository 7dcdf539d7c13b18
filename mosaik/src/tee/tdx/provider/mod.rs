//! Where quotes come from: the hardware, a file, or a simulation.

mod configfs;
pub use configfs::ConfigfsTsm;

mod device;
pub use device::TdxDevice;

mod replay;
pub use replay::ReplayFile;

#[cfg(feature = "tdx-simulated")]
mod simulated;
#[cfg(feature = "tdx-simulated")]
pub use simulated::SimulatedPlatform;
#[cfg(feature = "tdx-simulated")]
pub(super) use simulated::simulated_verifier;

use std::sync::{Arc, PoisonError, RwLock};

use super::{
    collateral::{Collateral, CollateralError},
    measurements::Measurements,
    quote::{Quote, QuoteParseError},
    ticket::TdxTicketError,
};

/// Makes quotes of the trust domain that this process runs in.
///
/// Its methods wait for hardware and services: they are called on threads that may wait.
pub trait QuoteProvider: Send + Sync + 'static {
    /// A quote that signs these 64 bytes.
    ///
    /// # Errors
    /// This is no trust domain, or its host does not make quotes now.
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, QuoteError>;

    /// The registers as they are now. By default those of a quote.
    ///
    /// # Errors
    /// As [`quote`](Self::quote).
    fn measurements(&self) -> Result<Measurements, QuoteError> {
        let quote = self.quote(&[0; 64])?;
        let quote = Quote::from_bytes(&quote).map_err(QuoteError::Unreadable)?;
        Ok(Measurements::from_quote(&quote))
    }

    /// Whether there is hardware, or what stands for it. Cheap, and no promise that a quote can be made now.
    fn is_available(&self) -> bool;

    /// What its quotes can be verified with, if it knows.
    ///
    /// # Errors
    /// It does not.
    fn collateral(&self, quote: &Quote) -> Result<Collateral, CollateralError> {
        let _ = quote;
        Err(CollateralError::Unavailable(
            "the platform provides none".to_owned(),
        ))
    }
}

/// What stands for the hardware of this process, if it is not the hardware.
static PLATFORM: RwLock<Option<Arc<dyn QuoteProvider>>> = RwLock::new(None);

/// Uses `provider` in place of the hardware, in this whole process: for `require_own_…` rules and for networks that were
/// not given one of their own.
///
/// Call it before the first network is opened. A process runs in one machine, so this is the one thing here that is set
/// for all of it.
pub fn use_platform(provider: impl QuoteProvider) {
    *PLATFORM.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(provider));
}

/// What makes quotes in this process.
pub(crate) fn platform() -> Arc<dyn QuoteProvider> {
    let platform = PLATFORM.read().unwrap_or_else(PoisonError::into_inner);
    platform
        .clone()
        .unwrap_or_else(|| Arc::new(TdxDevice::system()))
}

/// The registers of this machine.
pub(super) fn local_measurements() -> Result<Measurements, NetworkTdxError> {
    let platform = platform();
    if platform.is_available() {
        Ok(platform.measurements()?)
    } else {
        Err(NetworkTdxError::TdxUnsupported)
    }
}

impl Measurements {
    /// The registers of this machine.
    ///
    /// Waits for the hardware: some milliseconds.
    ///
    /// # Errors
    /// This machine is no trust domain, or does not tell.
    pub fn local() -> Result<Self, NetworkTdxError> {
        local_measurements()
    }
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// The system has no interface for quotes.
    #[error(
        "{0} does not exist: Linux 6.7 or later with configfs mounted and the module tsm loaded has it"
    )]
    NoInterface(String),
    /// The interface has nobody behind it.
    #[error(
        "no hardware makes quotes here: the module tdx-guest is not loaded, or this is no trust domain"
    )]
    NoHardware,
    /// The system does not let this user make quotes.
    #[error("{0}: permission denied; quotes are made by root, or by whom root lets")]
    Denied(String),
    /// Another kind of hardware makes the quotes.
    #[error("quotes here are made by {0:?}, not by a TDX guest")]
    OtherHardware(String),
    /// Somebody else used the same request.
    #[error("the quote is for another request: generation {actual} in place of {expected}")]
    OtherRequest {
        /// The number that the answer should have.
        expected: u64,
        /// The number that it has.
        actual: u64,
    },
    /// The host's quoting service did not answer.
    #[error("the host made no quote within {0} s; is its quoting service running?")]
    TimedOut(u64),
    /// What was made is no quote.
    #[error("what the hardware made is no quote: {0}")]
    Unreadable(QuoteParseError),
    /// Reading or writing failed.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        error: String,
    },
}

impl QuoteError {
    /// Whether trying again can help.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::OtherRequest { .. } | Self::TimedOut(_) | Self::Io { .. }
        )
    }

    /// Whether it is certain that no quote was made: nobody else has seen one.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// Why a node cannot attest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkTdxError {
    /// This machine is no trust domain.
    #[error("this machine is no TDX trust domain")]
    TdxUnsupported,
    /// No quote could be made.
    #[error("no quote: {0}")]
    QuoteGenerationError(QuoteError),
    /// What was made is no quote.
    #[error("not a quote: {0}")]
    QuoteParseError(QuoteParseError),
    /// No ticket could be made of the quote.
    #[error("no ticket: {0}")]
    TicketError(TdxTicketError),
    /// The ticket would have expired before it was made.
    #[error("the expiry is in the past")]
    ExpirationInThePast,
    /// The network is closed.
    #[error("the network is closed")]
    Closed,
}

impl NetworkTdxError {
    /// Whether trying again can help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::QuoteGenerationError(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether it is certain that no ticket was installed: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl From<QuoteError> for NetworkTdxError {
    fn from(error: QuoteError) -> Self {
        Self::QuoteGenerationError(error)
    }
}

impl From<QuoteParseError> for NetworkTdxError {
    fn from(error: QuoteParseError) -> Self {
        Self::QuoteParseError(error)
    }
}

impl From<TdxTicketError> for NetworkTdxError {
    fn from(error: TdxTicketError) -> Self {
        Self::TicketError(error)
    }
}
