//! Makes tickets that are JSON Web Tokens.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serializer as _;
use serde_json::{Value, json};

use super::{
    Jwt,
    key::{SignError, SigningKey},
    strict::encode_base64,
    token::{TOKEN_BYTES_MAX, assemble, signing_input},
};
use crate::{
    primitives::{PeerId, Ticket, wall_clock},
    tickets::Expiration,
};

/// Makes tickets that [`Jwt`] judges: what an issuer does.
///
/// A ticket is for one peer: its subject is the peer's id, and with [another subject](Self::subject) it carries the
/// peer's key besides (`cnf`, RFC 7800).
///
/// ```
/// use mosaik::tickets::{EdDsaSigningKey, Expiration, JwtTicketBuilder};
///
/// let peer = mosaik::SecretKey::from_bytes(&[7; 32]).public();
/// let builder = JwtTicketBuilder::new(EdDsaSigningKey::random())
///     .issuer("https://issuer.example")
///     .audience("orders")
///     .claim("role", "trader");
/// let ticket = builder.build(&peer, Expiration::in_1h());
/// # let _ = ticket;
/// ```
#[derive(Debug, Clone)]
pub struct JwtTicketBuilder {
    key: SigningKey,
    issuer: Option<String>,
    subject: Option<String>,
    audience: Option<Value>,
    token_id: Option<String>,
    issued_at: Option<DateTime<Utc>>,
    not_before: Option<DateTime<Utc>>,
    expiration: Expiration,
    private: BTreeMap<String, Value>,
    /// Registered claims that were given a value of the wrong type, and what they want.
    mistakes: BTreeMap<&'static str, &'static str>,
}

/// Why there is no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A registered claim was given a value of another type.
    #[error("the claim `{name}` is {expected}")]
    ClaimType {
        /// The claim.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The claims are more than a ticket holds.
    #[error("the token has {actual} bytes, at most {limit} are allowed")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
        /// The most that a validator reads.
        limit: usize,
    },
}

impl IssueError {
    /// Whether another attempt may succeed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Sign(error) if error.is_retryable())
    }

    /// Whether it is certain that there is no ticket: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl JwtTicketBuilder {
    /// Tickets signed with this key.
    pub fn new(key: impl Into<SigningKey>) -> Self {
        Self {
            key: key.into(),
            issuer: None,
            subject: None,
            audience: None,
            token_id: None,
            issued_at: None,
            not_before: None,
            expiration: Expiration::Never,
            private: BTreeMap::new(),
            mistakes: BTreeMap::new(),
        }
    }

    /// Who issues the ticket (`iss`).
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Whom the ticket is about (`sub`); without this the peer, by its id in hex.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// For whom the ticket is meant (`aud`). For several audiences: `claim("aud", vec!["a", "b"])`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(Value::String(audience.into()));
        self
    }

    /// The ticket's own id (`jti`).
    #[must_use]
    pub fn token_id(mut self, id: impl Into<String>) -> Self {
        self.token_id = Some(id.into());
        self
    }

    /// When the ticket was issued (`iat`), in whole seconds; without this when it is built.
    #[must_use]
    pub const fn issued_at(mut self, time: DateTime<Utc>) -> Self {
        self.issued_at = Some(time);
        self
    }

    /// Before when the ticket is not valid (`nbf`).
    #[must_use]
    pub const fn not_before(mut self, time: DateTime<Utc>) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Until when tickets are valid (`exp`), where [`build`](Self::build) does not say.
    #[must_use]
    pub const fn expires_at(mut self, expiration: Expiration) -> Self {
        self.expiration = expiration;
        self
    }

    /// The same, as a time from now: from this call, not from when a ticket is built.
    #[must_use]
    pub fn expires_in(self, duration: impl Into<chrono::Duration>) -> Self {
        self.expires_at(Expiration::after(duration))
    }

    /// Any other claim. A registered name sets what its own method sets.
    ///
    /// A value of the wrong type for a registered name is told when a ticket is built.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        const TEXT: &str = "a string";
        const TIME: &str = "a number of seconds since 1970";
        let (name, value) = (name.into(), value.into());
        let text = || value.as_str().map(str::to_owned);
        let (name, expected, is_set) = match name.as_str() {
            "iss" => ("iss", TEXT, set(&mut self.issuer, text())),
            "sub" => ("sub", TEXT, set(&mut self.subject, text())),
            "jti" => ("jti", TEXT, set(&mut self.token_id, text())),
            "iat" => ("iat", TIME, set(&mut self.issued_at, time(&value))),
            "nbf" => ("nbf", TIME, set(&mut self.not_before, time(&value))),
            "exp" => {
                let end = time(&value).map(Expiration::At);
                self.expiration = end.unwrap_or(self.expiration);
                ("exp", TIME, end.is_some())
            }
            "aud" => {
                let is_text = |value: &Value| value.is_string();
                let fits =
                    is_text(&value) || value.as_array().is_some_and(|all| all.iter().all(is_text));
                let audience = fits.then_some(value);
                let is_set = set(&mut self.audience, audience);
                ("aud", "a string or an array of strings", is_set)
            }
            _ => {
                self.private.insert(name, value);
                return self;
            }
        };
        if is_set {
            self.mistakes.remove(name);
        } else {
            self.mistakes.insert(name, expected);
        }
        self
    }

    /// A ticket for a peer. `Expiration::Never` leaves the end to [`expires_at`](Self::expires_at).
    ///
    /// # Panics
    /// The key does not sign, a claim has a value of the wrong type, or the claims are too long.
    /// [`try_build`](Self::try_build) tells instead.
    pub fn build(&self, peer_id: &PeerId, expiration: Expiration) -> Ticket {
        match self.try_build(peer_id, expiration) {
            Ok(ticket) => ticket,
            Err(error) => panic!("no ticket: {error}"),
        }
    }

    /// As [`build`](Self::build).
    ///
    /// # Errors
    /// The key does not sign, a claim has a value of the wrong type, or the claims are too long.
    pub fn try_build(
        &self,
        peer_id: &PeerId,
        expiration: Expiration,
    ) -> Result<Ticket, IssueError> {
        self.build_at(peer_id, expiration, wall_clock())
    }

    /// A ticket for a peer that ends when [`expires_at`](Self::expires_at) said.
    ///
    /// # Errors
    /// As [`try_build`](Self::try_build).
    pub fn build_for(&self, peer_id: &PeerId) -> Result<Ticket, IssueError> {
        self.try_build(peer_id, Expiration::Never)
    }

    pub(crate) fn build_at(
        &self,
        peer_id: &PeerId,
        expiration: Expiration,
        now: DateTime<Utc>,
    ) -> Result<Ticket, IssueError> {
        if let Some((name, expected)) = self.mistakes.first_key_value() {
            return Err(IssueError::ClaimType { name, expected });
        }
        let claims = self.claims(peer_id, expiration, now);
        let signed = signing_input(self.key.algorithm(), &claims);
        let signature = self.key.sign(signed.as_bytes())?;
        let token = assemble(signed, &signature);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(IssueError::TooLong {
                actual: token.len(),
                limit: TOKEN_BYTES_MAX,
            });
        }
        Ok(Ticket::new(Jwt::CLASS, token.into()))
    }

    /// The claims in the order in which RFC 7519 lists them, then the others by name.
    fn claims(&self, peer: &PeerId, expiration: Expiration, now: DateTime<Utc>) -> Vec<u8> {
        let end = match expiration {
            Expiration::Never => self.expiration,
            given => given,
        };
        let end = match end {
            Expiration::At(end) => Some(seconds(end)),
            Expiration::Never => None,
        };
        let id = peer.to_string();
        let subject = self.subject.as_ref().unwrap_or(&id);
        let issued = self.issued_at.unwrap_or(now).timestamp();
        // A subject of another name does not bind the ticket to the peer; its key does.
        let is_bound = *subject == id || self.private.contains_key("cnf");
        let key = (!is_bound).then(|| {
            json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encode_base64(peer.as_bytes())}})
        });
        let registered = [
            ("iss", self.issuer.as_deref().map(Value::from)),
            ("sub", Some(Value::from(subject.as_str()))),
            ("aud", self.audience.clone()),
            ("exp", end),
            ("nbf", self.not_before.map(seconds)),
            ("iat", Some(Value::from(issued))),
            ("jti", self.token_id.as_deref().map(Value::from)),
            ("cnf", key),
        ];
        let registered = registered
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| (*name, value)));
        let private = self
            .private
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        let mut text = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut text);
        serializer
            .collect_map(registered.chain(private))
            .expect("invariant: claims are JSON values with names of text");
        text
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

/// Seconds since 1970: a whole number where the time is one, and with its fraction otherwise, so that a ticket for two
/// seconds is valid for two seconds.
fn seconds(time: DateTime<Utc>) -> Value {
    match time.timestamp_subsec_micros() {
        0 => Value::from(time.timestamp()),
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of this age of the world fit in 53 bits"
        )]
        _ => Value::from(time.timestamp_micros() as f64 / 1e6),
    }
}

/// The time that a number of seconds since 1970 is.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    let claims = [("t".to_owned(), value.clone())].into_iter().collect();
    super::claims::time(&claims, "t").ok().flatten()
}
