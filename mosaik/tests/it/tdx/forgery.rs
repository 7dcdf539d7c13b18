//! Quotes that somebody makes at home.

use mosaik::tdx::{
    Measurement, Measurements, Quote, QuoteProvider, SimulatedPlatform, Verifier, VerifyError,
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};

use super::{at, collateral, data, quote};

const NOW: i64 = 1_750_377_600;

/// What the simulated platform says with the registers of a real one: its chain is as good as a home-made one gets.
fn with_own_chain() -> Quote {
    let registers = Measurements::from_quote(&quote("tdx_quote"));
    let bytes = SimulatedPlatform::new(registers).quote(&[7; 64]).unwrap();
    Quote::from_bytes(&bytes).unwrap()
}

#[test]
fn the_right_registers_under_a_home_made_chain_are_refused() {
    let forged = with_own_chain();
    assert_eq!(forged.mrtd(), quote("tdx_quote").mrtd());
    assert!(forged.key_is_in_report());
    let own = SimulatedPlatform::new(Measurements::from(&forged))
        .collateral(&forged)
        .unwrap();
    for collateral in [own, collateral("tdx_quote")] {
        let error = Verifier::intel()
            .verify(&forged, &collateral, at(NOW))
            .unwrap_err();
        assert!(matches!(error, VerifyError::Refused(_)), "{error}");
    }
}

/// A real quote whose registers are replaced, signed anew with a key of one's own, vouched for by `certification`.
fn resigned(certification: &[u8]) -> Vec<u8> {
    let mut bytes = data("tdx_quote")[..48 + 584].to_vec();
    bytes[48 + 136..48 + 184].copy_from_slice(Measurement::new([0xab; 48]).as_bytes());
    let key = SigningKey::from_slice(&[9; 32]).unwrap();
    let signature: Signature = key.sign(&bytes);
    let point = key.verifying_key().to_sec1_point(false);
    let mut signed = signature.to_bytes().to_vec();
    signed.extend_from_slice(&point.as_bytes()[1..]);
    signed.extend_from_slice(certification);
    bytes.extend_from_slice(&u32::try_from(signed.len()).unwrap().to_le_bytes());
    bytes.extend(signed);
    bytes
}

#[test]
fn a_key_of_ones_own_is_refused_whatever_stands_in_for_certificates() {
    let text = b"not a certificate at all";
    let chain = [&5_u16.to_le_bytes()[..], &24_u32.to_le_bytes(), text].concat();
    let nothing = [&5_u16.to_le_bytes()[..], &0_u32.to_le_bytes()].concat();
    // The whole proof of a real quote, for another key.
    let real = quote("tdx_quote");
    let stolen = real.as_bytes()[48 + 584 + 4 + 128..].to_vec();
    for certification in [chain, nothing, stolen] {
        let forged = Quote::from_bytes(&resigned(&certification)).unwrap();
        assert!(!forged.key_is_in_report());
        let outcome = Verifier::intel().verify(&forged, &collateral("tdx_quote"), at(NOW));
        let error = outcome.unwrap_err();
        assert!(matches!(error, VerifyError::Refused(_)), "{error}");
    }
}
