//! Credentials: who may connect.
//!
//! A peer carries tickets in its entry, where everybody can read them. A [`TicketValidator`] judges those of its
//! class; [`Jwt`] is the one for JSON Web Tokens. Producers, consumers, groups and collections ask a `Gate` about
//! each peer: when it connects, whenever its entry changes, and when its right ends.
//!
//! ```
//! use mosaik::{
//!     Network,
//!     tickets::{EdDsaSigningKey, Expiration, Jwt, JwtTicketBuilder},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = EdDsaSigningKey::random();
//! let rule = Jwt::with_key(issuer.verifying_key()).allow_issuer("desk");
//!
//! // Who guards asks for the ticket…
//! let guard = Network::builder("orders").loopback().build().await?;
//! let producer = guard.streams().producer::<u64>().require_ticket(rule).build()?;
//!
//! // … and who connects carries it in its entry.
//! let member = Network::builder("orders").loopback().build().await?;
//! let consumer = member.streams().consume::<u64>();
//! let ticket = JwtTicketBuilder::new(issuer)
//!     .issuer("desk")
//!     .build(&member.local().id(), Expiration::in_1h());
//! let id = ticket.id();
//! member.discovery().add_ticket(ticket);
//! member.discovery().sync_with(guard.local().addr()).await?;
//! consumer.when().subscribed().await;
//!
//! // Without it the connection ends, within a second, and the guard can read why.
//! member.discovery().remove_ticket(id);
//! producer.when().subscribed().unmet().await;
//! assert!(producer.status().to_string().contains("the peer carries none"));
//! # Ok(())
//! # }
//! ```
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
