//! Intel TDX: proof of what software a peer runs, on hardware that its host cannot look into.
//!
//! A trust domain asks its hardware for a *quote*: its registers, and 64 bytes of its choice, signed by a key that Intel
//! vouches for. A [`TdxTicket`] is a quote made for one peer in one network at one time. A node in a trust domain installs
//! its own with [`NetworkTdxExt::tdx`](crate::NetworkTdxExt), and the rule [`Tdx`] lets in peers by theirs.
//!
//! `docs/tdx.md` says what is proven, what is not, and what could not be tried without hardware.

mod cursor;

mod hex;

mod quote;
pub use quote::{
    CertificationData, QUOTE_BYTES_MAX, QeReport, Quote, QuoteBody, QuoteHeader, QuoteParseError,
    TdxVersion,
};

mod measurements;
#[cfg(feature = "tdx-builder")]
pub use build_support::image as build;
pub use build_support::{include_measurements, measure};
pub use measurements::{
    IntoMeasurement, Measurement, Measurements, MeasurementsCriteria, MeasurementsParseError,
};

mod collateral;
pub(crate) use collateral::process_providers;
pub use collateral::{
    COLLATERAL_BYTES_MAX, Collateral, CollateralDirectory, CollateralError, CollateralProvider,
    use_collateral,
};

mod verify;
pub use verify::{TcbStatus, Verdict, Verifier, VerifyError};

mod event_log;
pub use event_log::{EVENT_LOG_BYTES_MAX, EventLog, EventLogError, LoggedEvent};

mod explain;
pub use explain::{Difference, Explanation};

mod ticket;
pub(crate) use ticket::Binding;
pub use ticket::{TdxTicket, TdxTicketError};

mod policy;
pub use policy::{TdxRefusal, Unanchored};

mod verdicts;

mod challenge;
pub(crate) use challenge::{CHALLENGES, Challenge};

mod validator;
pub use validator::Tdx;

mod provider;
#[cfg(feature = "tdx-simulated")]
pub use provider::SimulatedPlatform;
pub(crate) use provider::platform;
pub use provider::{
    ConfigfsTsm, NetworkTdxError, QuoteError, QuoteProvider, ReplayFile, TdxDevice, use_platform,
};

use crate::primitives::UniqueId;

/// The class of tickets with a quote.
pub const TICKET_CLASS: UniqueId = crate::id!("mosaik.tee.tdx.ticket.v1");

pub use crate::network::{NetworkTdxExt, NetworkTdxOps};
