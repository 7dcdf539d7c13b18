//! Credentials: who may connect.
//!
//! A peer carries tickets in its entry, where everybody can read them. A [`TicketValidator`] judges those of its
//! class; one comes with the crate, for JSON Web Tokens. Producers, consumers, groups and collections ask a `Gate` about
//! each peer: when it connects, whenever its entry changes, and when its right ends.
//!
//! Tickets know neither how entries travel nor what a connection is: the gate says until when a peer may be connected,
//! and who holds the connection ends it.

pub use crate::primitives::Ticket;
pub use crate::primitives::TicketClass;

mod expiration;
pub use expiration::Expiration;

mod rejection;
pub use rejection::Rejection;

mod validator;
pub use validator::{InvalidTicket, TicketValidator};

mod gate;
pub(crate) use gate::{Admission, Gate, Refused};

pub use chrono::Duration;
pub use chrono::Duration as ChronoDuration;
