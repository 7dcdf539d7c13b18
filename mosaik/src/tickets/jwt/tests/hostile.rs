//! What strangers send.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{super::*, *};

static ES256: LazyLock<Es256SigningKey> = LazyLock::new(|| Es256SigningKey::from_bytes([3; 32]));

fn jwt() -> Jwt {
    Jwt::with_key(ES256.verifying_key())
}

fn claims() -> String {
    format!(r#"{{"sub":"{}","exp":{}}}"#, peer(1), NOW + 60)
}

fn valid() -> String {
    sign(&*ES256, r#"{"alg":"ES256"}"#, &claims())
}

#[test]
fn nobody_chooses_the_algorithm_but_the_key() {
    let public = ES256.verifying_key();
    let unsigned = |header: &str| {
        let parts = [header, &claims()].map(|part| strict::encode_base64(part.as_bytes()));
        format!("{}.{}.", parts[0], parts[1])
    };
    assert_eq!(judge(&jwt(), valid()), Ok(end(NOW + 60)));
    let signature = valid().rsplit_once('.').unwrap().1.to_owned();
    let cases = [
        // No algorithm at all, in every spelling.
        (unsigned(r#"{"alg":"none"}"#), "it is not signed"),
        (unsigned(r#"{"alg":"None"}"#), "it is not signed"),
        (
            unsigned(r#"{"alg":"NONE","typ":"JWT"}"#),
            "it is not signed",
        ),
        (
            unsigned(r#"{"alg":"none"}"#) + &signature,
            "it is not signed",
        ),
        (unsigned(r#"{"alg":""}"#), "it is signed by \"\""),
        (
            unsigned(r#"{"typ":"JWT"}"#),
            "its header names no algorithm",
        ),
        (
            unsigned(r#"{"alg":null}"#),
            "its header's `alg` is not a string",
        ),
        (
            unsigned(r#"{"alg":["ES256"]}"#),
            "its header's `alg` is not a string",
        ),
        (unsigned(r#"{"alg":"ES256"}"#), "no key that is known here"),
        (unsigned(r#"{"alg":"es256"}"#), "it is signed by \"es256\""),
        // A public key, which everybody knows, as a shared secret.
        (
            sign(
                &Hs256::try_new(public.as_bytes()).unwrap(),
                r#"{"alg":"HS256"}"#,
                &claims(),
            ),
            "it is signed by \"HS256\", and the key is for \"ES256\"",
        ),
        (
            sign(
                &Hs256::try_new(public.as_bytes()).unwrap(),
                r#"{"alg":"ES256"}"#,
                &claims(),
            ),
            "no key that is known here",
        ),
        // A signature by another algorithm under this one's name, and another key of the right kind.
        (
            sign(
                &Es256kSigningKey::from_bytes([3; 32]),
                r#"{"alg":"ES256"}"#,
                &claims(),
            ),
            "no key that is known here",
        ),
        (
            sign(
                &EdDsaSigningKey::from_bytes([3; 32]),
                r#"{"alg":"ES256"}"#,
                &claims(),
            ),
            "no key that is known here",
        ),
        (
            sign(
                &Es256SigningKey::from_bytes([4; 32]),
                r#"{"alg":"ES256"}"#,
                &claims(),
            ),
            "no key that is known here",
        ),
        // A key of the sender's own, in its own header.
        (
            sign(
                &Es256SigningKey::from_bytes([4; 32]),
                r#"{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"jku":"https://x","kid":"1"}"#,
                &claims(),
            ),
            "no key that is known here",
        ),
        // Other things than signed tokens.
        (
            sign(&*ES256, r#"{"alg":"ES256","zip":"DEF"}"#, &claims()),
            "it is encrypted or compressed",
        ),
        (
            sign(&*ES256, r#"{"alg":"ES256","b64":false}"#, &claims()),
            "its claims are not encoded",
        ),
        (
            sign(&*ES256, r#"{"alg":"ES256","typ":1}"#, &claims()),
            "its header's `typ`",
        ),
        (
            sign(&*ES256, "[]", &claims()),
            "its header is not a JSON object",
        ),
        (
            sign(&*ES256, r#"{"alg":"ES256"}"#, "null"),
            "its claims are not a JSON object",
        ),
    ];
    for (token, told) in cases {
        let reason = reason(&jwt(), &token);
        assert!(reason.starts_with(told), "{token}: {reason}");
    }
}

/// Zeros were a signature of everything for libraries that did not look (CVE-2022-21449).
#[test]
fn signatures_of_zeros() {
    let signed = valid().rsplit_once('.').unwrap().0.to_owned();
    for signature in [
        vec![0; 64],
        vec![0; 63],
        vec![],
        [vec![0; 63], vec![1]].concat(),
        vec![255; 64],
    ] {
        let token = format!("{signed}.{}", strict::encode_base64(&signature));
        assert_eq!(
            reason(&jwt(), token),
            "no key that is known here has signed it"
        );
    }
}

/// Both signatures that ECDSA has for a message are taken, as RFC 7518 has it; DER, which JOSE does not use, is not.
#[test]
fn high_s_is_as_good_as_low_s() {
    let key = Es256kSigningKey::from_bytes([5; 32]);
    let message = b"message";
    let low = key.sign(message).unwrap();
    let signature = k256::ecdsa::Signature::from_slice(&low).unwrap();
    let negated = -*signature.s();
    let high = k256::ecdsa::Signature::from_scalars(*signature.r(), negated).unwrap();
    assert_ne!(high.to_bytes().as_slice(), low);
    assert!(key.verifying_key().verify(message, &low));
    assert!(key.verifying_key().verify(message, &high.to_bytes()));
    let der = [
        &[0x30, 0x44, 0x02, 0x20],
        &low[..32],
        &[0x02, 0x20],
        &low[32..],
    ]
    .concat();
    assert!(!key.verifying_key().verify(message, &der));
}

#[test]
fn texts_that_are_nearly_tokens() {
    let token = valid();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, body) = signed.split_once('.').unwrap();
    let twice = format!(r#"{{"sub":"x","sub":"{}","exp":{}}}"#, peer(1), NOW + 60);
    let cases = [
        (String::new(), "it has 1 parts"),
        ("..".to_owned(), "its header is not a JSON object"),
        (format!("{token}."), "it has 4 parts"),
        (signed.to_owned(), "it has 2 parts"),
        (format!("{token}\n"), "its signature is not base64url"),
        (format!(" {token}"), "its header is not base64url"),
        (format!("{token}="), "its signature is not base64url"),
        (
            format!("{header}=.{body}.{signature}"),
            "its header is not base64url",
        ),
        (
            format!("{header}.{body}==.{signature}"),
            "its claims are not base64url",
        ),
        (
            format!("{header}.{body}.{}", signature.replace(['-', '_'], "+")),
            "",
        ),
        (
            sign(&*ES256, r#"{"alg":"ES256","alg":"ES256"}"#, &claims()),
            "its header is not a JSON object that names each member once",
        ),
        (
            sign(&*ES256, r#"{"alg":"none","\u0061lg":"ES256"}"#, &claims()),
            "its header is not a JSON object",
        ),
        (
            sign(&*ES256, r#"{"alg":"ES256"}"#, &twice),
            "its claims are not a JSON object that names each member once",
        ),
        (
            "x".repeat(16_385),
            "it has 16385 bytes, a token has at most 16384",
        ),
        (format!("{{\"payload\":\"{body}\"}}"), "it has 1 parts"),
    ];
    for (token, told) in cases {
        let reason = reason(&jwt(), &token);
        assert!(reason.starts_with(told), "{token}: {reason}");
    }
    assert_eq!(reason(&jwt(), [0xff, b'.', b'.']), "it is not text");
    // The last character of 64 bytes holds four bits that stand for nothing; they have to be zero.
    let last = signature.chars().next_back().unwrap();
    let others = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['-', '_']);
    for other in others.filter(|other| *other != last) {
        let text = format!("{signed}.{}{other}", &signature[..signature.len() - 1]);
        assert!(judge(&jwt(), text).is_err(), "{other}");
    }
}

#[test]
fn no_part_of_a_token_is_a_token() {
    let token = valid();
    for end in 0..token.len() {
        assert!(judge(&jwt(), &token[..end]).is_err(), "{end}");
        assert!(judge(&jwt(), &token[end + 1..]).is_err(), "{end}");
    }
}

#[test]
fn a_strangers_text_does_not_fill_the_log() {
    let claims = format!(
        r#"{{"sub":"{}","exp":{},"iss":"{}\u001b[31m\n"}}"#,
        peer(1),
        NOW + 60,
        "x".repeat(8000)
    );
    let token = sign(&*ES256, r#"{"alg":"ES256"}"#, &claims);
    let told = reason(&jwt().allow_issuer("me"), token);
    assert!(told.len() < 200 && !told.contains('\u{1b}'), "{told}");
}

proptest! {
    /// One bit of a token turned makes it worthless, or does not panic at least where it was no token before.
    #[test]
    fn a_token_with_another_bit_is_none(position in 0..10_000_usize, bit in 0..8_u32) {
        let mut token = valid().into_bytes();
        let position = position % token.len();
        token[position] ^= 1_u8 << bit;
        prop_assert!(judge(&jwt(), &token).is_err());
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(judge(&jwt(), &bytes).is_err());
    }

    /// Whatever stands in a signed token, judging it comes to an end without a panic.
    #[test]
    fn any_header_and_claims(header in ".{0,64}", claims in ".{0,128}") {
        let _ = judge(&jwt(), sign(&*ES256, &header, &claims));
    }

    #[test]
    fn any_values(
        name in prop::sample::select(vec!["exp", "nbf", "iat", "aud", "iss", "sub", "jti", "cnf"]),
        value in prop::sample::select(vec![
            "1e308", "-1e308", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "0.1", "-0",
            "null", "true", "[]", "{}", "[[]]", "\"\"", "{\"jwk\":{}}", "{\"jwk\":{\"kty\":1}}", "8210298412799",
            "8210298412800", "-8334632851200", "1e14", "1.7e9",
        ]),
        leeway in any::<u64>(),
        age in any::<u64>(),
    ) {
        let jwt = jwt()
            .leeway(std::time::Duration::from_secs(leeway))
            .max_age(std::time::Duration::from_secs(age))
            .max_lifetime(std::time::Duration::from_secs(age))
            .allow_non_expiring();
        let claims = format!(r#"{{"{name}":{value}}}"#);
        let _ = judge(&jwt, sign(&*ES256, r#"{"alg":"ES256"}"#, &claims));
    }
}
