//! Credentials: who may connect.
//!
//! A peer carries tickets in its entry, where everybody can read them. A [`TicketValidator`] judges those of its
//! class; [`Jwt`] is the one for JSON Web Tokens. Producers, consumers, groups and collections ask a `Gate` about
//! each peer: when it connects, whenever its entry changes, and when its right ends.
//!
//! Tickets know neither how entries travel nor what a connection is: the gate says until when a peer may be connected,
//! and who holds the connection ends it.

pub use crate::primitives::Ticket;
pub use crate::primitives::TicketClass;

mod expiration;
pub use expiration::{Expiration, TimeLeft};

mod rejection;
pub use rejection::Rejection;

mod validator;
pub use validator::{InvalidTicket, TicketValidator};

mod gate;
pub(crate) use gate::{Admission, Gate, Refused};

mod jwt;
pub use jwt::{
    EdDsa, EdDsaSigningKey, Es256, Es256SigningKey, Es256k, Es256kSigningKey, Es384,
    Es384SigningKey, Es512, Es512SigningKey, Hs256, Hs384, Hs512, IssueError, Jwt, JwtCheck,
    JwtContents, JwtReview, JwtTicketBuilder, KeyError, SignError, SigningAlgorithm, SigningKey,
    VerifyingAlgorithm, VerifyingKey,
};

#[cfg(feature = "tdx")]
pub use crate::tee::Tdx;

pub use chrono::Duration;
pub use chrono::Duration as ChronoDuration;
