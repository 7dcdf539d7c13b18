//! What a token says, by the types of RFC 7519.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::strict::decode_base64;

/// The claims of a token. Those that have a registered name have their type; the rest is as it came.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) issuer: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) expires: Option<DateTime<Utc>>,
    pub(super) not_before: Option<DateTime<Utc>>,
    pub(super) issued_at: Option<DateTime<Utc>>,
    /// The key that only the bearer has (`cnf`, RFC 7800).
    pub(super) bearer: Option<[u8; 32]>,
    /// All claims, also those above.
    pub(super) all: Map<String, Value>,
}

impl Claims {
    /// Reads the claims; which one has the wrong type, in words.
    pub(super) fn read(all: Map<String, Value>) -> Result<Self, String> {
        text(&all, "jti")?;
        Ok(Self {
            issuer: text(&all, "iss")?,
            subject: text(&all, "sub")?,
            audiences: audiences(&all)?,
            expires: time(&all, "exp")?,
            not_before: time(&all, "nbf")?,
            issued_at: time(&all, "iat")?,
            bearer: bearer(&all)?,
            all,
        })
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("its `{name}` is not a string")),
    }
}

/// One audience, or several (RFC 7519, 4.1.3).
fn audiences(claims: &Map<String, Value>) -> Result<Vec<String>, String> {
    let wrong = || "its `aud` is neither a string nor an array of strings".to_owned();
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(audience)) => Ok(vec![audience.clone()]),
        Some(Value::Array(audiences)) => audiences
            .iter()
            .map(|audience| audience.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// Seconds since 1970, with or without a fraction (RFC 7519, 2: NumericDate).
pub(super) fn time(
    claims: &Map<String, Value>,
    name: &str,
) -> Result<Option<DateTime<Utc>>, String> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let Value::Number(number) = value else {
        return Err(format!("its `{name}` is not a number of seconds"));
    };
    let time = match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => DateTime::from_timestamp(seconds, 0),
        (None, Some(seconds)) => time_between_seconds(seconds),
        (None, None) => None,
    };
    match time {
        Some(time) => Ok(Some(time)),
        None => Err(format!("its `{name}` is beyond the calendar")),
    }
}

fn time_between_seconds(seconds: f64) -> Option<DateTime<Utc>> {
    /// Ten times the calendar, and far inside what converts exactly.
    const SECONDS_MAX: f64 = 1e14;
    if !seconds.is_finite() || seconds.abs() > SECONDS_MAX {
        return None;
    }
    let whole = seconds.floor();
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let (whole, micros) = (whole as i64, ((seconds - whole) * 1e6).round() as i64);
    DateTime::from_timestamp(whole, 0)?.checked_add_signed(TimeDelta::microseconds(micros))
}

/// The Ed25519 key in `cnf`; a `cnf` that says anything else cannot be checked, and so is refused.
fn bearer(claims: &Map<String, Value>) -> Result<Option<[u8; 32]>, String> {
    let Some(confirmation) = claims.get("cnf") else {
        return Ok(None);
    };
    let key = confirmation.get("jwk").and_then(|key| {
        let is = |name: &str, value: &str| key.get(name).and_then(Value::as_str) == Some(value);
        if !(is("kty", "OKP") && is("crv", "Ed25519")) {
            return None;
        }
        let bytes = decode_base64(key.get("x")?.as_str()?)?;
        <[u8; 32]>::try_from(bytes).ok()
    });
    match key {
        Some(key) => Ok(Some(key)),
        None => Err("its `cnf` does not name an Ed25519 key".to_owned()),
    }
}
