mod hostile;
mod issuing;
mod keys;
mod known_answers;
mod rules;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{
    Jwt, JwtTicketBuilder, SigningAlgorithm, SigningKey,
    strict::{decode_base64, encode_base64},
};
use crate::{
    primitives::{PeerId, SecretKey},
    tickets::{Expiration, Rejection},
};

/// The time of the tests: 2023-11-14T22:13:20Z.
const NOW: i64 = 1_700_000_000;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn end(seconds: i64) -> Expiration {
    Expiration::At(at(seconds))
}

fn peer(number: u8) -> PeerId {
    SecretKey::from_bytes(&[number; 32]).public()
}

fn base64(text: &str) -> Vec<u8> {
    decode_base64(text).unwrap()
}

/// A token of these texts, whatever they are, signed as it should be.
fn sign(key: &impl SigningAlgorithm, header: &str, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        encode_base64(header.as_bytes()),
        encode_base64(claims.as_bytes())
    );
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode_base64(&signature))
}

/// What a validator says of a token that peer 1 carries.
fn judge(jwt: &Jwt, token: impl AsRef<[u8]>) -> Result<Expiration, Rejection> {
    let token = token.as_ref();
    let review = jwt.review_at(token, &peer(1), at(NOW));
    let verdict = jwt.judge_at(token, &peer(1), at(NOW));
    // The review says more, never something else.
    assert_eq!(review.verdict.is_ok(), verdict.is_ok(), "{review:?}");
    verdict
}

fn reason(jwt: &Jwt, token: impl AsRef<[u8]>) -> String {
    match judge(jwt, token) {
        Ok(until) => panic!("admitted until {until:?}"),
        Err(rejection) => rejection.reason().to_owned(),
    }
}

fn claims_of(token: &[u8]) -> Map<String, Value> {
    let text = std::str::from_utf8(token).unwrap();
    let claims = text.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64(claims)).unwrap()
}

fn builder(key: impl Into<SigningKey>) -> JwtTicketBuilder {
    JwtTicketBuilder::new(key).issued_at(at(NOW))
}
