//! Keys: what is one, what prints, and keys of the caller's own.

use zeroize::ZeroizeOnDrop;

use super::{super::*, *};

/// Every constructor that can fail has a form that tells; nothing panics on what a stranger could have sent; secrets do
/// not print, and are wiped; ES256K is there.
#[test]
fn t4_keys() {
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<Hs256>();
    wiped::<Hs384>();
    wiped::<Hs512>();
    wiped::<Es256SigningKey>();
    wiped::<Es384SigningKey>();
    wiped::<Es512SigningKey>();
    wiped::<Es256kSigningKey>();
    wiped::<EdDsaSigningKey>();

    let mistakes = [
        (
            Hs256::try_new([1; 31]).err(),
            "a secret for HS256 has at least 32 bytes, not 31",
        ),
        (
            Hs512::try_hex("00").err(),
            "a secret for HS512 has at least 64 bytes, not 1",
        ),
        (
            Hs256::try_hex("0").err(),
            "a secret for HS256 is written in hex digits, two for each byte",
        ),
        (
            Hs256::try_hex("zz").err(),
            "a secret for HS256 is written in hex digits, two for each byte",
        ),
        (
            Es256::try_new([5; 33]).err(),
            "these bytes are not a public key of P-256",
        ),
        (
            Es256::try_hex("02").err(),
            "a public key of P-256 has 33 bytes, not 1",
        ),
        (
            Es384::try_new([0; 49]).err(),
            "these bytes are not a public key of P-384",
        ),
        (
            Es512::try_new([]).err(),
            "these bytes are not a public key of P-521",
        ),
        (
            Es256k::try_hex(&"g".repeat(66)).err(),
            "a public key of secp256k1 is written in hex digits, two for each byte",
        ),
        (
            Es256SigningKey::try_from_bytes([0; 32]).err(),
            "these bytes are not a private key of P-256",
        ),
        (
            Es256kSigningKey::try_from_bytes([255; 32]).err(),
            "these bytes are not a private key of secp256k1",
        ),
        (
            Es512SigningKey::try_from_bytes([1; 65]).err(),
            "a private key of P-521 has 66 bytes, not 65",
        ),
        // Points of small order: what they "sign" anybody can make.
        (
            EdDsa::try_new([0; 32]).err(),
            "these bytes are not an Ed25519 public key",
        ),
        (
            EdDsa::try_new([1; 31]).err(),
            "an Ed25519 public key has 32 bytes, not 31",
        ),
        (
            EdDsaSigningKey::try_from_bytes([]).err(),
            "an Ed25519 seed has 32 bytes, not 0",
        ),
    ];
    for (error, expected) in mistakes {
        let told = error.map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(told, expected);
    }
}

#[test]
fn keys_that_are_none_verify_nothing() {
    let claims = format!(r#"{{"sub":"{}","exp":{}}}"#, peer(1), NOW + 60);
    let es256 = sign(&Es256SigningKey::random(), r#"{"alg":"ES256"}"#, &claims);
    let eddsa = sign(&EdDsaSigningKey::random(), r#"{"alg":"EdDSA"}"#, &claims);
    for (key, token) in [
        (VerifyingKey::from(Es256::new([5; 33])), &es256),
        (EdDsa::new([0; 32]).into(), &eddsa),
    ] {
        let told = reason(&Jwt::with_key(key), token);
        assert_eq!(told, "no key that is known here has signed it");
    }
    // The signature of everything, for a key of small order.
    let forged = format!(
        "{}.{}",
        eddsa.rsplit_once('.').unwrap().0,
        "AQ".to_owned() + &"A".repeat(84)
    );
    assert!(judge(&Jwt::with_key(EdDsa::new([0; 32])), forged).is_err());
}

#[test]
fn secrets_do_not_print() {
    const SECRET: u8 = 0xa7;
    let shown = [
        format!("{:?}", Hs256::new([SECRET; 32])),
        format!("{:?}", Hs384::new([SECRET; 48])),
        format!("{:?}", Hs512::new([SECRET; 64])),
        format!("{:?}", Es256SigningKey::from_bytes([SECRET; 32])),
        format!("{:?}", Es384SigningKey::from_bytes([SECRET; 48])),
        format!("{:?}", Es256kSigningKey::from_bytes([SECRET; 32])),
        format!("{:?}", EdDsaSigningKey::from_bytes([SECRET; 32])),
        format!("{:?}", SigningKey::from(Hs256::new([SECRET; 32]))),
        format!("{:?}", VerifyingKey::from(Hs256::new([SECRET; 32]))),
        format!("{:?}", JwtTicketBuilder::new(Hs256::new([SECRET; 32]))),
        format!("{:?}", Jwt::with_key(Hs256::new([SECRET; 32]))),
    ];
    for shown in shown {
        assert!(shown.contains("<redacted>"), "{shown}");
        for secret in ["a7", "167", "A7"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let public = EdDsa::hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert!(format!("{public:?}").starts_with("EdDsa(d75a98"));
}

#[test]
fn constants() {
    const SECRET: Hs256 =
        Hs256::hex("0707070707070707070707070707070707070707070707070707070707070707");
    const POINT: Es256k =
        Es256k::hex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    assert_eq!(SECRET, Hs256::new([7; 32]));
    assert_eq!(Es256k::try_hex(&POINT.to_string()), Ok(POINT));
    assert_ne!(Hs256::try_new([7; 33]), Ok(SECRET));
}

/// Keys of the caller's own, by two traits: here a MAC that a program thought of.
#[test]
fn custom_keys() {
    struct Xor(u8);
    impl VerifyingAlgorithm for Xor {
        fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
            self.sign(message)
                .is_ok_and(|expected| expected == signature)
        }
    }
    impl SigningAlgorithm for Xor {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            Ok(message.iter().take(4).map(|byte| byte ^ self.0).collect())
        }
    }
    struct Locked;
    impl SigningAlgorithm for Locked {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError::Unavailable("the vault is locked".to_owned()))
        }
    }

    let ticket = builder(SigningKey::custom(Xor(3), "XOR")).build(&peer(1), end(NOW + 60));
    let jwt = Jwt::with_key(VerifyingKey::custom(Xor(3), [3], "XOR"));
    assert_eq!(judge(&jwt, &ticket.data), Ok(end(NOW + 60)));
    assert!(
        judge(
            &Jwt::with_key(VerifyingKey::custom(Xor(4), [4], "XOR")),
            &ticket.data
        )
        .is_err()
    );
    assert!(
        judge(
            &Jwt::with_key(VerifyingKey::custom(Xor(3), [3], "XOR2")),
            &ticket.data
        )
        .is_err()
    );
    // Not even a key of that name makes it an algorithm.
    let none = builder(SigningKey::custom(Xor(3), "none")).build(&peer(1), end(NOW + 60));
    let jwt = Jwt::with_key(VerifyingKey::custom(Xor(3), [3], "none"));
    assert!(reason(&jwt, &none.data).contains("not signed"));

    let locked = builder(SigningKey::custom(Locked, "XOR")).try_build(&peer(1), Expiration::Never);
    let error = locked.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key did not sign: the vault is locked"
    );
    assert!(error.is_retryable() && error.is_definite());
}
