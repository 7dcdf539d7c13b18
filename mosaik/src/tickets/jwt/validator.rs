//! The validator of JSON Web Tokens.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{
    claims::Claims,
    key::VerifyingKey,
    rules::{Bearer, JwtCheck, Rules, conclude},
    text,
    token::Token,
};
use crate::{
    primitives::{PeerEntry, PeerId, TicketClass, UniqueId, wall_clock},
    tickets::{Expiration, InvalidTicket, Rejection, TicketValidator},
};

/// Admits peers that carry a JSON Web Token (RFC 7519) of an issuer whose key is known here.
///
/// A token is believed when one of the keys verifies it by the algorithm that the key was made for, when it is bound to
/// the peer that carries it, and when every rule holds. It is bound by its subject, which is the peer's id; or, where
/// [another subject](Self::require_subject) is required, by the peer's key in `cnf` (RFC 7800), which
/// [`JwtTicketBuilder`](super::JwtTicketBuilder) writes. So a token that somebody else copied is worth nothing.
///
/// ```
/// use mosaik::tickets::{Es256SigningKey, Expiration, Jwt, JwtTicketBuilder};
///
/// // The issuer has the private key; nodes need the public one only.
/// let issuer = Es256SigningKey::random();
/// let rule = Jwt::with_key(issuer.verifying_key())
///     .allow_issuer("https://issuer.example")
///     .require_claim("role", "trader");
///
/// let peer = mosaik::SecretKey::from_bytes(&[7; 32]).public();
/// let ticket = JwtTicketBuilder::new(issuer)
///     .issuer("https://issuer.example")
///     .claim("role", "trader")
///     .build(&peer, Expiration::in_1h());
/// assert!(rule.review(&ticket.data, &peer).verdict.is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct Jwt {
    keys: Vec<VerifyingKey>,
    rules: Rules,
}

/// What a validator says of one token, rule by rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtReview {
    /// What each rule says, in the order in which they are asked. A text that is no token fails at the first.
    pub checks: Vec<JwtCheck>,
    /// Until when the token is valid, or every reason why it is not.
    pub verdict: Result<Expiration, Rejection>,
}

/// What a token says, believed or not.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JwtContents {
    /// How it claims to be signed.
    pub header: Map<String, Value>,
    /// What it claims.
    pub claims: Map<String, Value>,
    /// Until when it claims to be valid (`exp`).
    pub expiration: Expiration,
}

impl Jwt {
    /// The class of tickets that are JSON Web Tokens.
    pub const CLASS: UniqueId = crate::unique_id!("mosaik.tickets.jwt.v1");

    /// How far the issuer's clock may be off, unless [`leeway`](Self::leeway) says otherwise: not at all, so that a
    /// right ends when its ticket says.
    pub const LEEWAY_DEFAULT: Duration = Duration::ZERO;

    /// Tokens that this key verifies. Every other rule is added to it.
    #[must_use]
    pub fn with_key(key: impl Into<VerifyingKey>) -> Self {
        Self {
            keys: vec![key.into()],
            rules: Rules {
                leeway: Self::LEEWAY_DEFAULT,
                ..Rules::default()
            },
        }
    }

    /// Another key: a token needs one of them. That is how keys are changed without a gap.
    #[must_use]
    pub fn add_key(mut self, key: impl Into<VerifyingKey>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// The subject that a token must have; without this it is the bearer's id in hex.
    ///
    /// The token must then be bound to its bearer by `cnf`, unless [`allow_unbound`](Self::allow_unbound).
    #[must_use]
    pub fn require_subject(mut self, subject: impl Into<String>) -> Self {
        self.rules.subject = Some(subject.into());
        self
    }

    /// Takes tokens of the [required subject](Self::require_subject) from whoever carries them.
    ///
    /// Tickets can be read by every peer of the network, so any peer can then carry a copy.
    #[must_use]
    pub const fn allow_unbound(mut self) -> Self {
        self.rules.allow_unbound = true;
        self
    }

    /// A claim that a token must have, with exactly this value. All that are given must be there; a second value for a
    /// name replaces the first. Any claim can be named, also a registered one.
    #[must_use]
    pub fn require_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.rules.claims.insert(name.into(), value.into());
        self
    }

    /// Takes tokens without an end.
    #[must_use]
    pub const fn allow_non_expiring(mut self) -> Self {
        self.rules.allow_non_expiring = true;
        self
    }

    /// An issuer whose tokens are taken; without any, the issuer does not matter.
    #[must_use]
    pub fn allow_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuers.insert(issuer.into());
        self
    }

    /// An audience for which a token may be meant; without any, the audience does not matter. A token that names several
    /// audiences needs one of them.
    #[must_use]
    pub fn allow_audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.insert(audience.into());
        self
    }

    /// How long from now a token may at most be valid. One without an end never is.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules.max_lifetime = Some(lifetime);
        self
    }

    /// How long ago a token may at most have been issued. It must say when (`iat`), and not be from the future.
    ///
    /// A right ends when its token becomes too old, if that is before it expires.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.rules.max_age = Some(age);
        self
    }

    /// How far the issuer's clock may be off: added to `exp`, and taken off `nbf` and `iat`.
    ///
    /// A right then outlives its ticket by this. [`LEEWAY_DEFAULT`](Self::LEEWAY_DEFAULT) unless set.
    #[must_use]
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Reads a token without a key, to show it to a person: nothing of it is verified.
    ///
    /// # Errors
    /// The text is no signed token, or a registered claim has the wrong type: which.
    pub fn inspect(token: impl AsRef<[u8]>) -> Result<JwtContents, Rejection> {
        let token = Token::parse(token.as_ref()).map_err(Rejection::new)?;
        let claims = Claims::read(token.claims).map_err(Rejection::new)?;
        Ok(JwtContents {
            header: token.header,
            expiration: claims.expires.map_or(Expiration::Never, Expiration::At),
            claims: claims.all,
        })
    }

    /// What each rule says of a token that `peer` carries, by the system's clock.
    pub fn review(&self, token: impl AsRef<[u8]>, peer: &PeerId) -> JwtReview {
        self.review_at(token.as_ref(), peer, wall_clock())
    }

    pub(crate) fn review_at(&self, token: &[u8], peer: &PeerId, now: DateTime<Utc>) -> JwtReview {
        let broken = |rule: &str, why: String| JwtReview {
            checks: vec![JwtCheck::failed(rule, why.clone())],
            verdict: Err(Rejection::new(why)),
        };
        let token = match Token::parse(token) {
            Ok(token) => token,
            Err(why) => return broken("form", why),
        };
        let signature = match self.verify(&token) {
            Ok(()) => JwtCheck::passed("signature", text::quoted(&token.algorithm)),
            Err(why) => JwtCheck::failed("signature", why),
        };
        let claims = match Claims::read(token.claims) {
            Ok(claims) => claims,
            Err(why) => return broken("form", why),
        };
        let id = peer.to_string();
        let bearer = Bearer {
            key: peer.as_bytes(),
            id: &id,
        };
        let mut checks = vec![JwtCheck::passed("form", "a signed token"), signature];
        checks.extend(self.rules.review(&claims, bearer, now));
        let verdict = conclude(&checks).map(|()| self.rules.expiration(&claims));
        JwtReview { checks, verdict }
    }

    /// The same as [`review_at`](Self::review_at) for those who want the verdict only: stops at the signature.
    pub(super) fn judge_at(
        &self,
        token: &[u8],
        peer: &PeerId,
        now: DateTime<Utc>,
    ) -> Result<Expiration, Rejection> {
        let token = Token::parse(token).map_err(Rejection::new)?;
        self.verify(&token).map_err(Rejection::new)?;
        let claims = Claims::read(token.claims).map_err(Rejection::new)?;
        let id = peer.to_string();
        let bearer = Bearer {
            key: peer.as_bytes(),
            id: &id,
        };
        conclude(&self.rules.review(&claims, bearer, now))?;
        Ok(self.rules.expiration(&claims))
    }

    /// Whether one of the keys has signed the token, by the algorithm that the key is for.
    fn verify(&self, token: &Token<'_>) -> Result<(), String> {
        let mut of_algorithm = self
            .keys
            .iter()
            .filter(|key| key.algorithm() == token.algorithm)
            .peekable();
        if of_algorithm.peek().is_none() {
            let keys: std::collections::BTreeSet<String> = self
                .keys
                .iter()
                .map(|key| key.algorithm().to_owned())
                .collect();
            return Err(format!(
                "it is signed by {}, and the key is for {}",
                text::quoted(&token.algorithm),
                text::one_of(keys.iter())
            ));
        }
        if of_algorithm.any(|key| key.verify(token.signed.as_bytes(), &token.signature)) {
            Ok(())
        } else {
            Err("no key that is known here has signed it".to_owned())
        }
    }

    /// Everything that makes one validator differ from another, each part with its length before it. Sets are sorted, so
    /// that the order in which rules are given does not matter.
    fn configuration(&self) -> Vec<u8> {
        let rules = &self.rules;
        let mut keys: Vec<(&str, &UniqueId)> = self
            .keys
            .iter()
            .map(|key| (key.algorithm(), key.fingerprint()))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut parts = Parts::default();
        parts.count(keys.len());
        for (algorithm, fingerprint) in keys {
            parts.add(algorithm);
            parts.add(fingerprint.as_bytes());
        }
        for set in [&rules.issuers, &rules.audiences] {
            parts.count(set.len());
            set.iter().for_each(|value| parts.add(value));
        }
        parts.option(rules.subject.as_deref());
        parts.add([u8::from(rules.allow_unbound)]);
        parts.add([u8::from(rules.allow_non_expiring)]);
        for span in [rules.max_lifetime, rules.max_age, Some(rules.leeway)] {
            parts.option(span.map(|span| span.as_nanos().to_be_bytes()));
        }
        parts.count(rules.claims.len());
        for (name, value) in &rules.claims {
            parts.add(name);
            parts.add(canonical(value).to_string());
        }
        parts.0
    }
}

impl TicketValidator for Jwt {
    fn class(&self) -> TicketClass {
        Self::CLASS
    }

    fn signature(&self) -> UniqueId {
        Self::CLASS.derive(self.configuration())
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
        self.judge_at(ticket, peer.id(), now)
    }

    fn name(&self) -> &'static str {
        "JWT"
    }
}

/// Bytes that can be taken apart again in one way only.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Parts {
    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u64).to_be_bytes());
    }

    fn add(&mut self, part: impl AsRef<[u8]>) {
        self.count(part.as_ref().len());
        self.0.extend_from_slice(part.as_ref());
    }

    fn option(&mut self, part: Option<impl AsRef<[u8]>>) {
        self.count(usize::from(part.is_some()));
        if let Some(part) = part {
            self.add(part);
        }
    }
}

/// The value with the members of its objects in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(members) => {
            let sorted: std::collections::BTreeMap<&String, Value> = members
                .iter()
                .map(|(name, value)| (name, canonical(value)))
                .collect();
            Value::Object(
                sorted
                    .into_iter()
                    .map(|(name, value)| (name.clone(), value))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}
