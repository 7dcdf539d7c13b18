//! What a validator asks of claims, as tables; and what makes two validators the same.

use std::time::Duration;

use serde_json::json;

use super::{super::*, *};
use crate::tickets::TicketValidator as _;

fn key() -> Hs256 {
    Hs256::new([7; 32])
}

fn jwt() -> Jwt {
    Jwt::with_key(key())
}

/// A token of peer 1 that is valid for a minute, with these claims besides or instead.
fn token(claims: Value) -> String {
    let mut all = json!({"sub": peer(1).to_string(), "exp": NOW + 60});
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::Null => all.as_object_mut().unwrap().remove(name),
            value => all
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    sign(&key(), r#"{"alg":"HS256"}"#, &all.to_string())
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `Ok`: until when; `Err`: how the reason begins, and when it is worth judging again.
type Verdict = Result<Expiration, (&'static str, Option<i64>)>;

fn check(cases: Vec<(Jwt, Value, Verdict)>) {
    for (jwt, claims, expected) in cases {
        let case = format!("{claims} for {jwt:?}");
        match (judge(&jwt, token(claims)), expected) {
            (Ok(until), Ok(expected)) => assert_eq!(until, expected, "{case}"),
            (Err(rejection), Err((reason, again))) => {
                let told = rejection.reason();
                assert!(told.starts_with(reason), "{case}: {told}");
                assert_eq!(rejection.judge_again_at(), again.map(at), "{case}: {told}");
            }
            (found, expected) => panic!("{case}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn times() {
    let minute = Ok(end(NOW + 60));
    check(vec![
        (jwt(), json!({}), minute),
        (jwt(), json!({"exp": NOW + 1}), Ok(end(NOW + 1))),
        (
            jwt(),
            json!({"exp": NOW}),
            Err(("it expired at 2023-11-14T22:13:20Z", None)),
        ),
        (jwt(), json!({"exp": NOW - 1}), Err(("it expired at", None))),
        (
            jwt(),
            json!({"exp": NOW as f64 + 0.5}),
            Ok(Expiration::At(
                at(NOW) + chrono::Duration::milliseconds(500),
            )),
        ),
        (
            jwt().leeway(seconds(5)),
            json!({"exp": NOW - 4}),
            Ok(end(NOW + 1)),
        ),
        (
            jwt().leeway(seconds(5)),
            json!({"exp": NOW - 5}),
            Err(("it expired", None)),
        ),
        (jwt(), json!({"exp": null}), Err(("it never expires", None))),
        (
            jwt().allow_non_expiring(),
            json!({"exp": null}),
            Ok(Expiration::Never),
        ),
        (jwt(), json!({"nbf": NOW}), minute),
        (
            jwt(),
            json!({"nbf": NOW + 5}),
            Err(("it is not valid before 2023-11-14T22:13:25Z", Some(NOW + 5))),
        ),
        (
            jwt().leeway(seconds(5)),
            json!({"nbf": NOW + 5}),
            Ok(end(NOW + 65)),
        ),
        // Time does not heal the one of two that has expired.
        (
            jwt(),
            json!({"nbf": NOW + 5, "exp": NOW}),
            Err(("it is not valid before", None)),
        ),
    ]);
}

/// `max_lifetime` holds for tokens without an end too; `max_age` takes none from the future; leeway is there; an array of
/// audiences is read; a registered claim can be required; `crit` is honoured.
#[test]
fn t2_lifetime_age_audience_claims() {
    let minute = Ok(end(NOW + 60));
    let short = || jwt().allow_non_expiring().max_lifetime(seconds(30));
    let young = || jwt().max_age(seconds(10));
    let eu = || jwt().allow_audience("eu").allow_audience("us");
    check(vec![
        (short(), json!({"exp": NOW + 30}), Ok(end(NOW + 30))),
        (short(), json!({}), Err(("it expires at", Some(NOW + 30)))),
        (
            short(),
            json!({"exp": null}),
            Err(("it never expires, and 30s", None)),
        ),
        (young(), json!({}), Err(("it does not say when", None))),
        (young(), json!({"iat": NOW - 4}), Ok(end(NOW + 6))),
        (
            young(),
            json!({"iat": NOW - 10}),
            Err(("it was issued at", None)),
        ),
        (
            young(),
            json!({"iat": NOW + 1}),
            Err(("it was issued in the future", Some(NOW + 1))),
        ),
        (
            young().leeway(seconds(2)),
            json!({"iat": NOW + 1}),
            Ok(end(NOW + 13)),
        ),
        (
            young().leeway(seconds(2)),
            json!({"iat": NOW - 11}),
            Ok(end(NOW + 1)),
        ),
        (eu(), json!({"aud": "eu"}), minute),
        (eu(), json!({"aud": ["cn", "us"]}), minute),
        (
            eu(),
            json!({"aud": ["cn", "za"]}),
            Err((
                r#"it is meant for one of "cn", "za", not for one of "eu", "us""#,
                None,
            )),
        ),
        (
            eu(),
            json!({"aud": []}),
            Err(("it names no audience", None)),
        ),
        (eu(), json!({}), Err(("it names no audience", None))),
        (jwt(), json!({"aud": ["cn"]}), minute),
        (
            jwt(),
            json!({"aud": [1]}),
            Err(("its `aud` is neither", None)),
        ),
        (
            jwt().require_claim("iss", "me"),
            json!({"iss": "me"}),
            minute,
        ),
        (
            jwt().require_claim("iss", "me"),
            json!({"iss": "you"}),
            Err((r#"`iss` is "you", not "me""#, None)),
        ),
        (jwt().require_claim("n", 1), json!({"n": 1}), minute),
        (
            jwt().require_claim("n", 1),
            json!({"n": "1"}),
            Err((r#"`n` is "1", not 1"#, None)),
        ),
        (
            jwt().require_claim("n", 2).require_claim("n", 1),
            json!({"n": 1}),
            minute,
        ),
        (
            jwt().require_claim("n", json!({"a": [1]})),
            json!({"n": {"a": [1]}}),
            minute,
        ),
        (
            jwt().require_claim("n", 1),
            json!({}),
            Err(("it has no claim `n`", None)),
        ),
        (
            jwt().allow_issuer("a").allow_issuer("b"),
            json!({"iss": "b"}),
            minute,
        ),
        (
            jwt().allow_issuer("a"),
            json!({"iss": "b"}),
            Err((r#"its issuer is "b", not "a""#, None)),
        ),
        (
            jwt().allow_issuer("a"),
            json!({}),
            Err(("it names no issuer", None)),
        ),
    ]);
    for (header, told) in [
        (
            r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
            r#"its header makes "exp" critical"#,
        ),
        (
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            r#"its header makes "b64" critical"#,
        ),
        (
            r#"{"alg":"HS256","crit":[]}"#,
            "its header has a `crit` that lists no names",
        ),
        (
            r#"{"alg":"HS256","crit":"exp"}"#,
            "its header has a `crit` that lists no names",
        ),
    ] {
        let claims = json!({"sub": peer(1).to_string(), "exp": NOW + 60}).to_string();
        let told_now = reason(&jwt(), sign(&key(), header, &claims));
        assert!(told_now.starts_with(told), "{header}: {told_now}");
    }
}

#[test]
fn types_of_claims() {
    let cases = [
        json!({"sub": 1}),
        json!({"iss": ["a"]}),
        json!({"jti": {}}),
        json!({"exp": "soon"}),
        json!({"exp": true}),
        json!({"exp": 1e300}),
        json!({"exp": u64::MAX}),
        json!({"nbf": i64::MIN}),
        json!({"iat": [1]}),
        json!({"aud": {"a": 1}}),
        json!({"cnf": "key"}),
        json!({"cnf": {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA"}}}),
        json!({"cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}}),
        json!({"cnf": {"kid": "1"}}),
    ];
    for claims in cases {
        let told = reason(&jwt(), token(claims.clone()));
        assert!(told.starts_with("its `"), "{claims}: {told}");
    }
}

/// Everybody can read a ticket, so a copy in other hands is worth nothing, with a subject of one's own too.
#[test]
fn t5_a_ticket_is_bound_to_its_bearer() {
    let build = |subject: Option<&str>| {
        let builder = builder(key());
        let builder = match subject {
            Some(subject) => builder.subject(subject),
            None => builder,
        };
        builder.build(&peer(1), end(NOW + 60)).data
    };
    let own = build(None);
    let alice = build(Some("alice"));
    let unbound = token(json!({"sub": "alice"}));
    let by_id = token(json!({"sub": peer(1).to_string()}));
    let asks_alice = jwt().require_subject("alice");
    let lax = asks_alice.clone().allow_unbound();
    let asks_id = jwt().require_subject(peer(1).to_string());
    let ask = |jwt: &Jwt, token: &[u8], bearer: u8| {
        let verdict = jwt.judge_at(token, &peer(bearer), at(NOW));
        verdict.map_err(|rejection| rejection.reason().to_owned())
    };
    let ok = Ok(end(NOW + 60));
    assert_eq!(ask(&jwt(), &own, 1), ok);
    let told = ask(&jwt(), &own, 2).unwrap_err();
    assert!(told.contains("its bearer is another peer"), "{told}");

    assert_eq!(ask(&asks_alice, &alice, 1), ok);
    let stolen = Err("it is bound to another peer's key".to_owned());
    assert_eq!(ask(&asks_alice, &alice, 2), stolen);
    assert_eq!(ask(&lax, &alice, 2), stolen);

    let told = ask(&asks_alice, unbound.as_bytes(), 1).unwrap_err();
    assert!(told.contains("anybody could have copied it"), "{told}");
    assert_eq!(ask(&lax, unbound.as_bytes(), 2), ok);
    // A subject that is the bearer binds by itself.
    assert_eq!(ask(&asks_id, by_id.as_bytes(), 1), ok);
    assert!(ask(&asks_id, by_id.as_bytes(), 2).is_err());
}

/// No two configurations have one signature: lengths stand before texts, and what is not set differs from zero.
#[test]
fn t1_signatures_are_unambiguous() {
    let second = Hs256::new([8; 32]);
    let different = [
        jwt(),
        jwt().add_key(second.clone()),
        Jwt::with_key(second.clone()),
        Jwt::with_key(Hs512::new([7; 64])),
        jwt().allow_issuer("a,b"),
        jwt().allow_issuer("a").allow_issuer("b"),
        jwt().allow_issuer("a").allow_audience("b"),
        jwt().allow_audience("a").allow_audience("b"),
        jwt().require_subject(""),
        jwt().require_subject("a"),
        jwt().require_subject("a").allow_unbound(),
        jwt().allow_non_expiring(),
        jwt().max_age(Duration::ZERO),
        jwt().max_age(Duration::from_millis(1)),
        jwt().max_age(seconds(1)),
        jwt().max_lifetime(Duration::ZERO),
        jwt().max_lifetime(seconds(1)),
        jwt().leeway(seconds(1)),
        jwt().require_claim("a", "b"),
        jwt().require_claim("a", json!(["b"])),
        jwt().require_claim("a", json!({"b": 1})),
        jwt().require_claim("a", 1),
        jwt().require_claim("a", "1"),
        jwt().require_claim("a", json!(null)),
    ];
    for (index, one) in different.iter().enumerate() {
        assert_eq!(one.signature(), one.clone().signature());
        for other in &different[index + 1..] {
            assert_ne!(one.signature(), other.signature(), "{one:?}\n{other:?}");
        }
    }
    // The order in which keys and rules are given does not matter, nor does saying a thing twice.
    let same = [
        jwt()
            .add_key(second.clone())
            .allow_issuer("a")
            .allow_issuer("b"),
        Jwt::with_key(second)
            .allow_issuer("b")
            .add_key(key())
            .allow_issuer("a"),
        different[1]
            .clone()
            .add_key(key())
            .allow_issuer("a")
            .allow_issuer("b")
            .allow_issuer("a"),
    ];
    assert!(
        same.iter()
            .all(|jwt| jwt.signature() == same[0].signature())
    );
}

#[test]
fn a_review_names_every_rule_that_says_no() {
    let strict = jwt()
        .allow_issuer("me")
        .allow_audience("here")
        .require_claim("role", "trader");
    let token = token(json!({"iss": "you", "exp": NOW - 1, "role": "guest"}));
    let review = strict.review_at(token.as_bytes(), &peer(2), at(NOW));
    let failed: Vec<&str> = review
        .checks
        .iter()
        .filter(|check| check.outcome.is_err())
        .map(|check| check.rule.as_str())
        .collect();
    assert_eq!(
        failed,
        ["issuer", "subject", "expiry", "audience", r#"claim "role""#]
    );
    let told = review.verdict.unwrap_err();
    assert_eq!(told.reason().matches("; ").count(), 4);
    // Signed by somebody else it says no more than that on the way in, and all of it in a review.
    let other = Jwt::with_key(Hs256::new([9; 32]));
    let verdict = other.judge_at(token.as_bytes(), &peer(1), at(NOW));
    assert_eq!(
        verdict.unwrap_err().reason(),
        "no key that is known here has signed it"
    );
    let review = other.review_at(token.as_bytes(), &peer(1), at(NOW));
    assert!(review.checks[1].outcome.is_err());
    assert_eq!(review.checks[1].rule, "signature");
}
