//! Every algorithm against published answers; the source stands beside each.

use super::{super::*, *};

/// The claims of RFC 7515, A.1 and A.3, and of RFC 7519, 3.1.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// When the tokens of the RFCs expire.
const JOE_EXPIRES: i64 = 1_300_819_380;

/// A point from its coordinates, as a JWK has them.
fn point(x: &str, y: &str) -> Vec<u8> {
    [vec![4], base64(x), base64(y)].concat()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The rules that a token does not satisfy, for Joe's own validator a second before it expires.
fn failed_rules(key: impl Into<VerifyingKey>, token: &str) -> Vec<String> {
    let jwt = Jwt::with_key(key)
        .allow_issuer("joe")
        .require_claim("http://example.com/is_root", true);
    let review = jwt.review_at(token.as_bytes(), &peer(1), at(JOE_EXPIRES - 1));
    let failed = review.checks.iter().filter(|check| check.outcome.is_err());
    failed.map(|check| check.rule.clone()).collect()
}

/// RFC 7515, A.1, which is also the token of RFC 7519, 3.1.
#[test]
fn rfc_7515_a1_hs256() {
    let secret = base64(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    );
    let key = Hs256::try_new(&secret).unwrap();
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    // Joe's token is about nobody, and so is no peer's; all else holds.
    assert_eq!(failed_rules(key, &token), ["subject"]);
    let other = Hs256::try_new(&secret[..63]).unwrap();
    assert_eq!(failed_rules(other, &token), ["signature", "subject"]);
}

#[test]
fn rfc_7515_a3_es256() {
    let key = Es256::try_new(point(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    ))
    .unwrap();
    let private =
        Es256SigningKey::try_from_bytes(base64("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"));
    assert_eq!(private.unwrap().verifying_key(), key);
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    assert_eq!(failed_rules(key, &token), ["subject"]);
}

#[test]
fn rfc_7515_a4_es512() {
    let key = Es512::try_new(point(
        "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
    ))
    .unwrap();
    let signature = base64(
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    );
    assert!(key.verify(b"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA", &signature));
    assert!(!key.verify(b"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZQ", &signature));
}

/// RFC 7515, A.5, and RFC 7519, 6.1: a token that nobody signed.
#[test]
fn rfc_7519_6_1_unsecured() {
    let token = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    let jwt = Jwt::with_key(Hs256::new([0; 32])).allow_non_expiring();
    assert_eq!(
        reason(&jwt, token),
        "it is not signed (its algorithm is `none`)"
    );
}

/// RFC 8037, A.4 and A.5.
#[test]
fn rfc_8037_a4_ed25519() {
    let seed = base64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let private = EdDsaSigningKey::try_from_bytes(seed).unwrap();
    let key = private.verifying_key();
    assert_eq!(
        key.as_bytes().as_slice(),
        base64("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    );
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = base64(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    assert_eq!(private.sign(message).unwrap(), signature);
    assert!(key.verify(message, &signature));
}

/// RFC 4231, 4.2 and 4.3. Its secrets are short; HMAC fills them up with zeros, as this does.
#[test]
fn rfc_4231_hmac() {
    fn padded<const N: usize>(secret: &[u8]) -> [u8; N] {
        let mut padded = [0; N];
        padded[..secret.len()].copy_from_slice(secret);
        padded
    }
    let cases: [(&[u8], &[u8], [&str; 3]); 2] = [
        (
            &[0x0b; 20],
            b"Hi There",
            [
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ],
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            [
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ],
        ),
    ];
    for (secret, message, [sha256, sha384, sha512]) in cases {
        let keys: [(&dyn VerifyingAlgorithm, &str); 3] = [
            (&Hs256::new(padded(secret)), sha256),
            (&Hs384::new(padded(secret)), sha384),
            (&Hs512::new(padded(secret)), sha512),
        ];
        for (key, mac) in keys {
            assert!(key.verify(message, &hex(mac)), "{mac}");
            assert!(!key.verify(message, &hex(mac)[..16]), "cut {mac}");
        }
    }
    // Longer than a block: 4.7, whose secret is hashed first.
    let long = Hs256::try_new([0xaa; 131]).unwrap();
    let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
    let mac = hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_eq!(long.sign(message).unwrap(), mac);
}

/// RFC 6979, A.2.5 to A.2.7: the message "sample", signed deterministically.
#[test]
fn rfc_6979_nist_curves() {
    fn check(key: impl SigningAlgorithm, public: impl VerifyingAlgorithm, r: &str, s: &str) {
        let expected = [hex(r), hex(s)].concat();
        assert_eq!(key.sign(b"sample").unwrap(), expected);
        assert!(public.verify(b"sample", &expected));
        assert!(!public.verify(b"Sample", &expected));
    }

    let key = Es256SigningKey::try_from_bytes(hex(
        "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
    ))
    .unwrap();
    check(
        key.clone(),
        key.verifying_key(),
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    );
    let key = Es384SigningKey::try_from_bytes(hex(
        "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
    ))
    .unwrap();
    check(
        key.clone(),
        key.verifying_key(),
        "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
        "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    );
    let key = Es512SigningKey::try_from_bytes(hex(
        "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
    ))
    .unwrap();
    check(
        key.clone(),
        key.verifying_key(),
        "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
        "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
    );
}

/// ES256K is ECDSA on secp256k1 with SHA-256, `r` and `s` of 32 bytes each (RFC 8812, 3.2). The RFC has no example; these
/// are the signatures by RFC 6979 that implementations of secp256k1 are tested with: private key 1, SHA-256.
#[test]
fn rfc_8812_es256k() {
    let mut one = [0; 32];
    one[31] = 1;
    let key = Es256kSigningKey::from_bytes(one);
    // The generator of the curve, SEC 2, 2.4.1.
    let generator = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    assert_eq!(key.verifying_key().to_string(), generator);
    let cases = [
        (
            "Satoshi Nakamoto",
            "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
        ),
        (
            "All those moments will be lost in time, like tears in rain. Time to die...",
            "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21",
        ),
    ];
    for (message, signature) in cases {
        assert_eq!(key.sign(message.as_bytes()).unwrap(), hex(signature));
        assert!(
            key.verifying_key()
                .verify(message.as_bytes(), &hex(signature))
        );
    }
}
