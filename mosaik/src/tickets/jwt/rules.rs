//! What a validator asks of the claims of a token whose signature it has verified. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{claims::Claims, text};
use crate::tickets::{Expiration, Rejection};

/// The rules of a validator, without its keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) issuers: BTreeSet<String>,
    pub(super) audiences: BTreeSet<String>,
    /// `None`: the bearer's id.
    pub(super) subject: Option<String>,
    pub(super) allow_unbound: bool,
    pub(super) allow_non_expiring: bool,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) max_age: Option<Duration>,
    pub(super) leeway: Duration,
    pub(super) claims: BTreeMap<String, Value>,
}

/// Who shows the token: the key that its connection has proved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bearer<'a> {
    pub(super) key: &'a [u8; 32],
    /// The same in hex, as a subject names it.
    pub(super) id: &'a str,
}

/// One rule, and what it says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtCheck {
    /// Which rule: `signature`, `issuer`, `claim "role"` and so on.
    pub rule: String,
    /// What it found, in words; or why it says no.
    pub outcome: Result<String, Rejection>,
}

impl JwtCheck {
    pub(super) fn passed(rule: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            outcome: Ok(found.into()),
        }
    }

    pub(super) fn failed(rule: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            outcome: Err(Rejection::new(why.into())),
        }
    }

    fn early(rule: &str, why: String, from: Option<DateTime<Utc>>) -> Self {
        let rejection = Rejection::new(why);
        Self {
            rule: rule.to_owned(),
            outcome: Err(match from {
                Some(from) => rejection.acceptable_from(from),
                None => rejection,
            }),
        }
    }
}

impl Rules {
    /// What each rule says, in the order in which they are asked.
    pub(super) fn review(
        &self,
        claims: &Claims,
        bearer: Bearer<'_>,
        now: DateTime<Utc>,
    ) -> Vec<JwtCheck> {
        let mut checks = vec![self.issuer(claims), self.subject(claims, bearer)];
        checks.extend(self.bearer(claims, bearer));
        checks.push(self.not_before(claims, now));
        checks.push(self.expiry(claims, now));
        checks.extend(self.lifetime(claims, now));
        checks.extend(self.age(claims, now));
        checks.push(self.audience(claims));
        checks.extend(self.claims.iter().map(|(name, value)| {
            let rule = format!("claim {}", text::quoted(name));
            match claims.all.get(name) {
                Some(found) if found == value => JwtCheck::passed(rule, text::shown(value)),
                Some(found) => {
                    let (found, wanted) = (text::shown(found), text::shown(value));
                    JwtCheck::failed(rule, format!("`{name}` is {found}, not {wanted}"))
                }
                None => JwtCheck::failed(rule, format!("it has no claim `{name}`")),
            }
        }));
        checks
    }

    /// Until when a token that satisfies all rules does so.
    pub(super) fn expiration(&self, claims: &Claims) -> Expiration {
        let end = claims.expires.map(|end| later(end, self.leeway));
        let too_old = self
            .max_age
            .zip(claims.issued_at)
            .map(|(age, issued)| later(later(issued, age), self.leeway));
        [end, too_old]
            .into_iter()
            .flatten()
            .min()
            .map_or(Expiration::Never, Expiration::At)
    }

    fn issuer(&self, claims: &Claims) -> JwtCheck {
        const RULE: &str = "issuer";
        match &claims.issuer {
            _ if self.issuers.is_empty() => JwtCheck::passed(RULE, "any"),
            Some(issuer) if self.issuers.contains(issuer) => {
                JwtCheck::passed(RULE, text::quoted(issuer))
            }
            Some(issuer) => JwtCheck::failed(
                RULE,
                format!(
                    "its issuer is {}, not {}",
                    text::quoted(issuer),
                    text::one_of(self.issuers.iter())
                ),
            ),
            None => JwtCheck::failed(
                RULE,
                format!(
                    "it names no issuer, and {} is required",
                    text::one_of(self.issuers.iter())
                ),
            ),
        }
    }

    fn subject(&self, claims: &Claims, bearer: Bearer<'_>) -> JwtCheck {
        const RULE: &str = "subject";
        let wanted = self.subject.as_deref().unwrap_or(bearer.id);
        match &claims.subject {
            Some(subject) if subject == wanted => JwtCheck::passed(RULE, text::quoted(subject)),
            Some(subject) if self.subject.is_none() => JwtCheck::failed(
                RULE,
                format!(
                    "it is about {}, and its bearer is another peer",
                    text::quoted(subject)
                ),
            ),
            Some(subject) => JwtCheck::failed(
                RULE,
                format!(
                    "it is about {}, not {}",
                    text::quoted(subject),
                    text::quoted(wanted)
                ),
            ),
            None => JwtCheck::failed(RULE, "it names no subject"),
        }
    }

    /// A ticket can be read by everybody, so it is worth something only in the hands of the peer that it names.
    fn bearer(&self, claims: &Claims, bearer: Bearer<'_>) -> Option<JwtCheck> {
        const RULE: &str = "bearer";
        Some(match &claims.bearer {
            Some(key) if key == bearer.key => JwtCheck::passed(RULE, "by its key"),
            Some(_) => JwtCheck::failed(RULE, "it is bound to another peer's key"),
            // The subject is the bearer, or the token is refused for it.
            None if self.subject.is_none() => return None,
            None if claims.subject.as_deref() == Some(bearer.id) => {
                JwtCheck::passed(RULE, "by its subject")
            }
            None if self.allow_unbound => JwtCheck::passed(RULE, "any, as allowed"),
            None => JwtCheck::failed(
                RULE,
                "it is bound to no peer's key (`cnf`), so anybody could have copied it",
            ),
        })
    }

    fn not_before(&self, claims: &Claims, now: DateTime<Utc>) -> JwtCheck {
        const RULE: &str = "not before";
        match claims.not_before {
            None => JwtCheck::passed(RULE, "always"),
            Some(begin) if earlier(begin, self.leeway) <= now => {
                JwtCheck::passed(RULE, text::time(begin))
            }
            Some(begin) => JwtCheck::early(
                RULE,
                format!("it is not valid before {}", text::time(begin)),
                Some(earlier(begin, self.leeway)),
            ),
        }
    }

    fn expiry(&self, claims: &Claims, now: DateTime<Utc>) -> JwtCheck {
        const RULE: &str = "expiry";
        match claims.expires {
            Some(end) if later(end, self.leeway) > now => JwtCheck::passed(RULE, text::time(end)),
            Some(end) => JwtCheck::failed(RULE, format!("it expired at {}", text::time(end))),
            None if self.allow_non_expiring => JwtCheck::passed(RULE, "never, as allowed"),
            None => JwtCheck::failed(RULE, "it never expires, which is not allowed"),
        }
    }

    fn lifetime(&self, claims: &Claims, now: DateTime<Utc>) -> Option<JwtCheck> {
        const RULE: &str = "lifetime";
        let max = self.max_lifetime?;
        let allowed = text::span(max);
        Some(match claims.expires {
            None => JwtCheck::failed(
                RULE,
                format!("it never expires, and {allowed} from now is the most that is allowed"),
            ),
            Some(end) if end <= later(now, max) => {
                JwtCheck::passed(RULE, format!("at most {allowed} from now"))
            }
            Some(end) => JwtCheck::early(
                RULE,
                format!(
                    "it expires at {}, and {allowed} from now is the most that is allowed",
                    text::time(end)
                ),
                Some(earlier(end, max)),
            ),
        })
    }

    fn age(&self, claims: &Claims, now: DateTime<Utc>) -> Option<JwtCheck> {
        const RULE: &str = "age";
        let max = self.max_age?;
        let allowed = text::span(max);
        Some(match claims.issued_at {
            None => JwtCheck::failed(
                RULE,
                format!("it does not say when it was issued, and may be at most {allowed} old"),
            ),
            Some(issued) if earlier(issued, self.leeway) > now => JwtCheck::early(
                RULE,
                format!("it was issued in the future, at {}", text::time(issued)),
                Some(earlier(issued, self.leeway)),
            ),
            Some(issued) if later(later(issued, max), self.leeway) > now => {
                JwtCheck::passed(RULE, format!("issued at {}", text::time(issued)))
            }
            Some(issued) => JwtCheck::failed(
                RULE,
                format!(
                    "it was issued at {}, and may be at most {allowed} old",
                    text::time(issued)
                ),
            ),
        })
    }

    fn audience(&self, claims: &Claims) -> JwtCheck {
        const RULE: &str = "audience";
        if self.audiences.is_empty() {
            return JwtCheck::passed(RULE, "any");
        }
        let found = claims.audiences.iter();
        match found.clone().find(|found| self.audiences.contains(*found)) {
            Some(audience) => JwtCheck::passed(RULE, text::quoted(audience)),
            None if claims.audiences.is_empty() => JwtCheck::failed(
                RULE,
                format!(
                    "it names no audience, and {} is required",
                    text::one_of(self.audiences.iter())
                ),
            ),
            None => JwtCheck::failed(
                RULE,
                format!(
                    "it is meant for {}, not for {}",
                    text::one_of(
                        found
                            .take(AUDIENCES_SHOWN_MAX)
                            .collect::<Vec<_>>()
                            .into_iter()
                    ),
                    text::one_of(self.audiences.iter())
                ),
            ),
        }
    }
}

/// What a list of checks comes to: all reasons for a no, and when it may become a yes.
pub(super) fn conclude(checks: &[JwtCheck]) -> Result<(), Rejection> {
    let rejections: Vec<&Rejection> = checks
        .iter()
        .filter_map(|check| check.outcome.as_ref().err())
        .collect();
    match rejections.as_slice() {
        [] => Ok(()),
        [one] => Err((*one).clone()),
        several => {
            let reasons: Vec<&str> = several.iter().map(|one| one.reason()).collect();
            let rejection = Rejection::new(reasons.join("; "));
            // Only if time alone heals all of them.
            let times: Option<Vec<_>> = several.iter().map(|one| one.judge_again_at()).collect();
            Err(match times.and_then(|times| times.into_iter().max()) {
                Some(time) => rejection.acceptable_from(time),
                None => rejection,
            })
        }
    }
}

fn later(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| time.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn earlier(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| time.checked_sub_signed(by))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Audiences of a token that an explanation names.
const AUDIENCES_SHOWN_MAX: usize = 4;
