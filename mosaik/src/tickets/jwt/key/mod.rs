//! Keys: what signs tokens, and what verifies them.
//!
//! A key does one thing, by the algorithm that it was made for. What a token's header says chooses among the keys at
//! hand; it never changes what a key does.

mod hex;

mod hmac;
pub use hmac::{Hs256, Hs384, Hs512};

mod ecdsa;
pub use ecdsa::{
    Es256, Es256SigningKey, Es256k, Es256kSigningKey, Es384, Es384SigningKey, Es512,
    Es512SigningKey,
};

mod eddsa;
pub use eddsa::{EdDsa, EdDsaSigningKey};

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::primitives::{Digest, UniqueId};

/// Verifies signatures of one algorithm with one key.
pub trait VerifyingAlgorithm {
    /// Whether this is a signature of the message. It may be of any length, for it is a stranger's.
    ///
    /// Compare in constant time where the key is a shared secret.
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool;
}

/// Signs by one algorithm with one key.
pub trait SigningAlgorithm {
    /// A signature of the message.
    ///
    /// # Errors
    /// Whatever holds the key cannot sign now.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A key that could not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// What holds the key says no: why.
    #[error("the key did not sign: {0}")]
    Unavailable(String),
}

impl SignError {
    /// Whether another attempt may succeed.
    pub const fn is_retryable(&self) -> bool {
        true
    }

    /// Whether it is certain that nothing was signed.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// What verifies the tokens of one issuer. Clones share the key.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: &'static str,
    fingerprint: UniqueId,
    verifier: Arc<dyn VerifyingAlgorithm + Send + Sync>,
}

impl VerifyingKey {
    /// A key of the caller's own kind.
    ///
    /// `key_material` is what tells this key from others of the algorithm: it goes into the identity of the validator.
    /// A token has to name the algorithm in its `alg`; `none` is refused whatever a key says.
    pub fn custom(
        verifier: impl VerifyingAlgorithm + Send + Sync + 'static,
        key_material: impl AsRef<[u8]>,
        algorithm_name: &'static str,
    ) -> Self {
        Self::new(
            algorithm_name,
            Digest::hash(key_material.as_ref()),
            verifier,
        )
    }

    fn new(
        algorithm: &'static str,
        fingerprint: UniqueId,
        verifier: impl VerifyingAlgorithm + Send + Sync + 'static,
    ) -> Self {
        Self {
            algorithm,
            fingerprint,
            verifier: Arc::new(verifier),
        }
    }

    /// The `alg` of the tokens that it verifies.
    pub const fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    pub(super) const fn fingerprint(&self) -> &UniqueId {
        &self.fingerprint
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(message, signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The fingerprint of a shared secret is as good as the secret to who guesses.
        write!(f, "VerifyingKey({}, <redacted>)", self.algorithm)
    }
}

/// What signs tokens. Clones share the key.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: &'static str,
    signer: Arc<dyn SigningAlgorithm + Send + Sync>,
}

impl SigningKey {
    /// A key of the caller's own kind, as one that stays in a vault.
    pub fn custom(
        signer: impl SigningAlgorithm + Send + Sync + 'static,
        algorithm_name: &'static str,
    ) -> Self {
        Self {
            algorithm: algorithm_name,
            signer: Arc::new(signer),
        }
    }

    /// The `alg` of the tokens that it signs.
    pub const fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, <redacted>)", self.algorithm)
    }
}

/// Bytes that are not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key of this kind has another length.
    #[error("{key} has {expected} bytes, not {actual}")]
    Length {
        /// Which kind of key.
        key: &'static str,
        /// Its length in bytes.
        expected: usize,
        /// The length of what was given.
        actual: usize,
    },
    /// A secret this short can be guessed.
    #[error("{key} has at least {least} bytes, not {actual}")]
    TooShort {
        /// Which kind of key.
        key: &'static str,
        /// The least length in bytes.
        least: usize,
        /// The length of what was given.
        actual: usize,
    },
    /// The text is not hex digits.
    #[error("{key} is written in hex digits, two for each byte")]
    NotHex {
        /// Which kind of key.
        key: &'static str,
    },
    /// The bytes are no key of this kind: not a point of the curve, or not a scalar.
    #[error("these bytes are not {key}")]
    Invalid {
        /// Which kind of key.
        key: &'static str,
    },
}

impl KeyError {
    /// Whether the same bytes may be a key later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that there is no key: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// What stands in for a key whose bytes are none: it verifies nothing.
struct NoKey;

impl VerifyingAlgorithm for NoKey {
    fn verify(&self, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

/// The array in a slice of its length.
fn exactly<const N: usize>(key: &'static str, bytes: &[u8]) -> Result<[u8; N], KeyError> {
    bytes.try_into().map_err(|_| KeyError::Length {
        key,
        expected: N,
        actual: bytes.len(),
    })
}

/// Bytes that nobody can guess, from the operating system, wiped after use.
fn random_bytes<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    for chunk in bytes.chunks_mut(32) {
        chunk.copy_from_slice(&Digest::random().as_bytes()[..chunk.len()]);
    }
    bytes
}
