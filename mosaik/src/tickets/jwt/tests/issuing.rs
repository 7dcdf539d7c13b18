//! Tickets as they are made.

use serde_json::json;

use super::{super::*, *};

fn key() -> Hs256 {
    Hs256::new([7; 32])
}

#[test]
fn every_kind_of_key_signs_what_it_verifies() {
    let es256 = Es256SigningKey::random();
    let es384 = Es384SigningKey::random();
    let es512 = Es512SigningKey::random();
    let es256k = Es256kSigningKey::random();
    let eddsa = EdDsaSigningKey::random();
    let pairs: Vec<(SigningKey, VerifyingKey, &str)> = vec![
        (
            Hs256::new([1; 32]).into(),
            Hs256::new([1; 32]).into(),
            "HS256",
        ),
        (
            Hs384::new([2; 48]).into(),
            Hs384::new([2; 48]).into(),
            "HS384",
        ),
        (
            Hs512::new([3; 64]).into(),
            Hs512::new([3; 64]).into(),
            "HS512",
        ),
        (es256.clone().into(), es256.verifying_key().into(), "ES256"),
        (es384.clone().into(), es384.verifying_key().into(), "ES384"),
        (es512.clone().into(), es512.verifying_key().into(), "ES512"),
        (
            es256k.clone().into(),
            es256k.verifying_key().into(),
            "ES256K",
        ),
        (eddsa.clone().into(), eddsa.verifying_key().into(), "EdDSA"),
    ];
    for (index, (signing, verifying, algorithm)) in pairs.iter().enumerate() {
        assert_eq!(signing.algorithm(), *algorithm);
        assert_eq!(verifying.algorithm(), *algorithm);
        let ticket = builder(signing.clone()).build(&peer(1), end(NOW + 60));
        let text = std::str::from_utf8(&ticket.data).unwrap();
        let header = base64(text.split('.').next().unwrap());
        let expected = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
        assert_eq!(header, expected.as_bytes());
        for (other, (_, verifying, _)) in pairs.iter().enumerate() {
            let verdict = judge(&Jwt::with_key(verifying.clone()), &ticket.data);
            assert_eq!(verdict.is_ok(), index == other, "{algorithm} {verdict:?}");
        }
    }
    // A new key verifies beside the old one.
    let both = Jwt::with_key(pairs[3].1.clone()).add_key(pairs[6].1.clone());
    for index in [3, 6] {
        let ticket = builder(pairs[index].0.clone()).build(&peer(1), end(NOW + 60));
        assert_eq!(judge(&both, &ticket.data), Ok(end(NOW + 60)));
    }
}

#[test]
fn golden_token() {
    let ticket = builder(key())
        .issuer("me")
        .audience("here")
        .token_id("1")
        .not_before(at(NOW - 1))
        .claim("role", "trader")
        .build(&peer(1), end(NOW + 60));
    assert_eq!(ticket.class, Jwt::CLASS);
    let text = std::str::from_utf8(&ticket.data).unwrap();
    let claims = String::from_utf8(base64(text.split('.').nth(1).unwrap())).unwrap();
    let expected = format!(
        r#"{{"iss":"me","sub":"{}","aud":"here","exp":1700000060,"nbf":1699999999,"iat":1700000000,"jti":"1","role":"trader"}}"#,
        peer(1)
    );
    assert_eq!(claims, expected);
    assert_eq!(
        judge(&Jwt::with_key(key()), &ticket.data),
        Ok(end(NOW + 60))
    );
}

/// `exp` is one claim, however it is given: a claim of that name is the same as saying it with its own method, and what a
/// ticket is built with counts more.
#[test]
fn t3_exp_is_there_once() {
    let ask = |builder: &JwtTicketBuilder, expiration| {
        let ticket = builder.build(&peer(1), expiration);
        let jwt = Jwt::with_key(key()).allow_non_expiring();
        judge(&jwt, &ticket.data).unwrap()
    };
    let plain = builder(key());
    let claimed = plain.clone().claim("exp", NOW + 5);
    let set = plain.clone().expires_at(end(NOW + 6));
    assert_eq!(ask(&plain, Expiration::Never), Expiration::Never);
    assert_eq!(ask(&plain, end(NOW + 9)), end(NOW + 9));
    assert_eq!(ask(&claimed, Expiration::Never), end(NOW + 5));
    assert_eq!(ask(&claimed, end(NOW + 9)), end(NOW + 9));
    assert_eq!(ask(&set, Expiration::Never), end(NOW + 6));
    assert_eq!(
        ask(&set.claim("exp", NOW + 7), Expiration::Never),
        end(NOW + 7)
    );
    // To the fraction of a second, where it was asked for.
    let soon = Expiration::At(at(NOW) + chrono::Duration::milliseconds(250));
    assert_eq!(ask(&plain, soon), soon);
    let in_an_hour = JwtTicketBuilder::new(key()).expires_in(chrono::Duration::hours(1));
    assert!(in_an_hour.build_for(&peer(1)).is_ok());
}

#[test]
fn registered_claims_by_name() {
    let ticket = builder(key())
        .claim("iss", "me")
        .claim("sub", "alice")
        .claim("jti", "7")
        .claim("iat", NOW - 9)
        .claim("nbf", NOW - 8)
        .claim("aud", json!(["a", "b"]))
        .build(&peer(1), end(NOW + 60));
    let claims = claims_of(&ticket.data);
    let x = super::super::strict::encode_base64(peer(1).as_bytes());
    let expected = json!({
        "iss": "me", "sub": "alice", "aud": ["a", "b"], "exp": NOW + 60, "nbf": NOW - 8, "iat": NOW - 9, "jti": "7",
        "cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}},
    });
    assert_eq!(Value::Object(claims), expected);

    let wrong = [
        ("iss", json!(1), "the claim `iss` is a string"),
        (
            "exp",
            json!("x"),
            "the claim `exp` is a number of seconds since 1970",
        ),
        (
            "aud",
            json!([1]),
            "the claim `aud` is a string or an array of strings",
        ),
    ];
    for (name, value, told) in wrong {
        let builder = builder(key()).claim(name, value);
        let error = builder.try_build(&peer(1), Expiration::Never).unwrap_err();
        assert_eq!(error.to_string(), told);
        let mended = match name {
            "exp" => builder.claim(name, NOW + 1),
            _ => builder.claim(name, "right"),
        };
        assert!(mended.build_for(&peer(1)).is_ok());
    }
}

#[test]
fn a_ticket_that_no_validator_reads_is_not_made() {
    let builder = builder(key()).claim("text", "x".repeat(20_000));
    assert!(matches!(
        builder.build_for(&peer(1)),
        Err(IssueError::TooLong { limit: 16_384, .. })
    ));
}
