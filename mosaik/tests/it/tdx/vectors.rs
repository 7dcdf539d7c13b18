//! Quotes of real hardware, against what Intel said about it then.

use mosaik::tdx::{
    Measurements, Quote, QuoteParseError, TcbStatus, TdxVersion, Verifier, VerifyError,
};

use super::{at, collateral, data, quote};

/// A quote, since when and until when its collateral is valid, and its layout.
const GOOD: [(&str, i64, i64, TdxVersion); 2] = [
    ("tdx_quote", 1_750_329_147, 1_752_919_235, TdxVersion::V1_0),
    (
        "tdx_quote_td15ex",
        1_791_419_306,
        1_794_008_711,
        TdxVersion::V1_5Ex,
    ),
];

#[test]
fn quotes_are_proven_inside_their_window_and_nowhere_else() {
    for (name, first, last, version) in GOOD {
        let (quote, collateral) = (quote(name), collateral(name));
        assert_eq!(quote.body.tdx_version, version, "{name}");
        assert!(quote.key_is_in_report(), "{name}");
        let verify = |seconds| Verifier::intel().verify(&quote, &collateral, at(seconds));
        for inside in [first, first + 1000, last - 1] {
            let verdict = verify(inside).unwrap();
            assert_eq!(verdict.status, TcbStatus::UpToDate, "{name} {inside}");
            assert_eq!(verdict.valid_until, at(last), "{name}");
            assert_eq!(verdict.valid_from, at(first), "{name}");
        }
        for outside in [0, first - 1, last, last + 1, last + 10_000_000, -1] {
            let error = verify(outside).unwrap_err();
            assert!(
                matches!(error, VerifyError::Refused(_)),
                "{name} {outside}: {error}"
            );
        }
    }
}

#[test]
fn registers_are_those_that_the_hardware_signed() {
    let registers = Measurements::from_quote(&quote("tdx_quote"));
    let expected = "mrtd 91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7
        rtmr0 44c0197b39157fdd7a4dcc44767f9d6b0bb3977c7a8e347b8492f827fe9d9e5c48aca29b220b80b6a540cf994b9bc9c0
        rtmr1 0084452c01668329d4bc06acdf58a7205c26743304509973949e5619bf81a6a7aea8c323c173019b3093d54e579e9378
        rtmr2 d833feef2cd945148aa38ead2c53e9b7f138190aaaebfc551dccd829fc207aa3ba80b70870d7330733642e01d48c3132
        rtmr3 000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(expected.parse(), Ok(registers));
}

#[test]
fn a_quote_is_refused_when_any_field_is_tampered_with() {
    for (name, first, ..) in GOOD {
        let (bytes, collateral) = (data(name), collateral(name));
        let body = if bytes[0] == 4 { 48 } else { 54 };
        let version_bytes = if bytes[0] == 4 { 584 } else { 885 };
        let signed = body + version_bytes + 4;
        let qe = signed + 64 + 64 + 2 + 4;
        let certificates = qe + 384 + 64 + 2 + 32 + 2 + 4;
        let fields = [
            ("version", 0),
            ("key type", 2),
            ("environment", 4),
            ("reserved", 8),
            ("vendor", 12),
            ("user data", 28),
            ("security versions", body),
            ("module", body + 16),
            ("module's signer", body + 64),
            ("module's attributes", body + 112),
            ("domain's attributes", body + 121),
            ("features", body + 128),
            ("mrtd", body + 136),
            ("mrconfigid", body + 184),
            ("mrowner", body + 232),
            ("mrownerconfig", body + 280),
            ("rtmr0", body + 328),
            ("rtmr1", body + 376),
            ("rtmr2", body + 424),
            ("rtmr3", body + 472),
            ("report data", body + 520),
            ("last of report data", body + 583),
            ("last of the body", body + version_bytes - 1),
            ("length of what is signed", body + version_bytes),
            ("signature", signed),
            ("signature's s", signed + 63),
            ("attestation key", signed + 64),
            ("kind of certification", signed + 128),
            ("length of certification", signed + 130),
            ("enclave's security versions", qe),
            ("enclave's measurement", qe + 64),
            ("enclave's signer", qe + 128),
            ("enclave's product", qe + 256),
            ("enclave's version", qe + 258),
            ("enclave's report data", qe + 320),
            ("signature over the enclave", qe + 384),
            ("length of authentication data", qe + 448),
            ("authentication data", qe + 450),
            ("kind of certificates", qe + 482),
            ("length of certificates", qe + 484),
            ("platform's certificate", certificates + 300),
        ];
        for (field, offset) in fields {
            let mut bytes = bytes.clone();
            bytes[offset] ^= 1;
            let outcome = Quote::from_bytes(&bytes)
                .ok()
                .map(|quote| Verifier::intel().verify(&quote, &collateral, at(first)));
            assert!(
                !matches!(outcome, Some(Ok(_))),
                "{name}: {field} tampered with"
            );
        }
    }
}

#[test]
fn collateral_is_refused_when_any_field_is_tampered_with() {
    let (name, first, ..) = GOOD[0];
    let quote = quote(name);
    let json = String::from_utf8(data(&format!("{name}_collateral.json"))).unwrap();
    let good = collateral(name);
    let good_json: serde_json::Value = serde_json::from_str(&good.to_json()).unwrap();
    assert_eq!(
        good_json,
        serde_json::from_str::<serde_json::Value>(&json).unwrap()
    );
    for field in good_json.as_object().unwrap().keys() {
        // The chain under a revocation list is the platform's own, which the quote carries.
        if field == "pck_crl_issuer_chain" {
            continue;
        }
        let mut json = good_json.clone();
        let value = json[field].as_str().unwrap();
        let middle = value.len() / 4;
        let other = if value.as_bytes()[middle] == b'1' {
            "2"
        } else {
            "1"
        };
        json[field] = format!("{}{other}{}", &value[..middle], &value[middle + 1..]).into();
        let outcome = mosaik::tdx::Collateral::from_json(json.to_string().as_bytes())
            .map(|collateral| Verifier::intel().verify(&quote, &collateral, at(first)));
        assert!(!matches!(outcome, Ok(Ok(_))), "{field} tampered with");
    }
}

#[test]
fn collateral_of_another_platform_does_not_prove_a_quote() {
    let quote = quote("tdx_quote");
    let other = collateral("tdx_quote_outdated");
    assert_ne!(other.fmspc(), collateral("tdx_quote").fmspc());
    let error = Verifier::intel()
        .verify(&quote, &other, at(1_771_459_200))
        .unwrap_err();
    assert!(error.to_string().contains("Fmspc mismatch"), "{error}");
}

#[test]
fn a_platform_that_was_up_to_date_is_out_of_date_by_a_later_recommendation() {
    let quote = quote("tdx_quote");
    let later = collateral("tdx_quote_td15ex");
    let verdict = Verifier::intel()
        .verify(&quote, &later, at(1_791_504_000))
        .unwrap();
    assert_eq!(verdict.status, TcbStatus::OutOfDate);
    assert!(verdict.advisories.contains(&"INTEL-SA-01245".to_owned()));
}

#[test]
fn a_debug_domain_is_refused_whatever_vouches_for_it() {
    let quote = quote("trustee_debug_td_quote.dat");
    assert!(quote.is_debug() && quote.key_is_in_report());
    let error = Verifier::intel()
        .verify(&quote, &collateral("tdx_quote"), at(1_750_377_600))
        .unwrap_err();
    assert_eq!(error, VerifyError::DebugDomain);
    assert!(!error.is_retryable());
}

#[test]
fn an_outdated_platform_is_refused() {
    let name = "tdx_quote_outdated";
    let (quote, collateral) = (quote(name), collateral(name));
    assert_eq!(quote.body.tdx_version, TdxVersion::V1_5);
    let error = Verifier::intel()
        .verify(&quote, &collateral, at(1_771_459_200))
        .unwrap_err();
    assert!(
        error.to_string().contains("No matching TCB level"),
        "{error}"
    );
}

#[test]
fn padding_is_accepted_and_anything_else_after_the_end_is_not() {
    let padded = data("gotdx_cos113_quote.dat");
    let quote = Quote::from_bytes(&padded).unwrap();
    assert!(quote.as_bytes().len() < padded.len());
    assert_eq!(Quote::from_bytes(quote.as_bytes()), Ok(quote.clone()));
    let mut more = padded;
    *more.last_mut().unwrap() = 1;
    let after = quote.as_bytes().len();
    assert_eq!(
        Quote::from_bytes(&more),
        Err(QuoteParseError::TrailingBytes { after })
    );
    let too_long = vec![0; 40_000];
    assert_eq!(
        Quote::from_bytes(&too_long),
        Err(QuoteParseError::TooLarge { bytes: 40_000 })
    );
}

#[test]
fn a_quote_that_is_cut_anywhere_is_an_error() {
    let bytes = quote("tdx_quote_td15ex").as_bytes().to_vec();
    for length in 0..bytes.len() {
        assert!(Quote::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
}
