//! Keys on the command line: `ALG:HEX`, or the name of a file that holds that.

use std::fs;

use mosaik::tickets::{
    EdDsa, EdDsaSigningKey, Es256, Es256SigningKey, Es256k, Es256kSigningKey, Es384,
    Es384SigningKey, Es512, Es512SigningKey, Hs256, Hs384, Hs512, KeyError, SigningKey,
    VerifyingKey,
};
use zeroize::Zeroizing;

use super::super::Failure;

/// What signs.
pub(super) fn signing(text: &str) -> Result<SigningKey, Failure> {
    let Parts { algorithm, hex } = Parts::read(text)?;
    let key = match algorithm.as_str() {
        "HS256" => Hs256::try_hex(&hex).map(SigningKey::from),
        "HS384" => Hs384::try_hex(&hex).map(SigningKey::from),
        "HS512" => Hs512::try_hex(&hex).map(SigningKey::from),
        "ES256" => Es256SigningKey::try_hex(&hex).map(SigningKey::from),
        "ES384" => Es384SigningKey::try_hex(&hex).map(SigningKey::from),
        "ES512" => Es512SigningKey::try_hex(&hex).map(SigningKey::from),
        "ES256K" => Es256kSigningKey::try_hex(&hex).map(SigningKey::from),
        "EDDSA" => EdDsaSigningKey::try_hex(&hex).map(SigningKey::from),
        other => return Err(unknown(other)),
    };
    key.map_err(wrong)
}

/// What verifies.
pub(super) fn verifying(text: &str) -> Result<VerifyingKey, Failure> {
    let Parts { algorithm, hex } = Parts::read(text)?;
    let key = match algorithm.as_str() {
        "HS256" => Hs256::try_hex(&hex).map(VerifyingKey::from),
        "HS384" => Hs384::try_hex(&hex).map(VerifyingKey::from),
        "HS512" => Hs512::try_hex(&hex).map(VerifyingKey::from),
        "ES256" => Es256::try_hex(&hex).map(VerifyingKey::from),
        "ES384" => Es384::try_hex(&hex).map(VerifyingKey::from),
        "ES512" => Es512::try_hex(&hex).map(VerifyingKey::from),
        "ES256K" => Es256k::try_hex(&hex).map(VerifyingKey::from),
        "EDDSA" => EdDsa::try_hex(&hex).map(VerifyingKey::from),
        other => return Err(unknown(other)),
    };
    key.map_err(wrong)
}

/// The name of an algorithm, and a key in hex.
struct Parts {
    algorithm: String,
    hex: Zeroizing<String>,
}

impl Parts {
    /// What is wrong is told without the text, which may be a secret.
    fn read(text: &str) -> Result<Self, Failure> {
        let text = match text.strip_prefix('@') {
            Some(path) => fs::read_to_string(path)
                .map_err(|error| wrong_text(format!("cannot read {path}: {error}")))?,
            None => text.to_owned(),
        };
        let text = Zeroizing::new(text);
        let (algorithm, hex) = text
            .trim()
            .split_once(':')
            .ok_or_else(|| wrong_text("a key is written ALG:HEX, as in HS256:0123…, or @FILE"))?;
        Ok(Self {
            algorithm: algorithm.to_ascii_uppercase(),
            hex: Zeroizing::new(hex.to_owned()),
        })
    }
}

fn wrong(error: KeyError) -> Failure {
    wrong_text(error)
}

fn unknown(algorithm: &str) -> Failure {
    wrong_text(format!(
        "the algorithm {algorithm:?} is not one of HS256, HS384, HS512, ES256, ES384, ES512, ES256K, EdDSA"
    ))
}

fn wrong_text(text: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("--key: {text}"))
}
