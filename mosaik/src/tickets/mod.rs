//! Credentials: who may connect.

pub use crate::primitives::Ticket;
pub use crate::primitives::TicketClass;

mod expiration;
pub use expiration::Expiration;

mod validator;
pub use validator::{InvalidTicket, TicketValidator};

pub use chrono::Duration;
pub use chrono::Duration as ChronoDuration;
