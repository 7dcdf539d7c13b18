//! Ed25519 (RFC 8037).

use std::fmt;

use ed25519_dalek::{Signature, Signer as _};

use super::{
    KeyError, NoKey, SignError, SigningAlgorithm, SigningKey, VerifyingAlgorithm, VerifyingKey, hex,
};
use crate::primitives::Digest;

/// An Ed25519 public key, which verifies by EdDSA. A peer's id is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EdDsa([u8; 32]);

impl EdDsa {
    const KEY: &'static str = "an Ed25519 public key";

    /// A key of these bytes, which are not looked at: what is no key verifies nothing.
    ///
    /// For constants; [`try_new`](Self::try_new) tells.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A key of these bytes.
    ///
    /// # Errors
    /// They are not 32, or not a point of the curve, or one of the few that verify what nobody signed.
    pub fn try_new(key: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let key = Self(super::exactly(Self::KEY, key.as_ref())?);
        match key.parsed() {
            Some(_) => Ok(key),
            None => Err(KeyError::Invalid { key: Self::KEY }),
        }
    }

    /// A key in hex, for constants: 32 bytes, which are not looked at.
    ///
    /// # Panics
    /// It is not that many hex digits; in a constant that is a compile error. See [`try_hex`](Self::try_hex).
    pub const fn hex(key: &str) -> Self {
        Self(hex::decode_or_panic(Self::KEY, key))
    }

    /// A key in hex.
    ///
    /// # Errors
    /// It is not hex digits, not 64 of them, or not a key.
    pub fn try_hex(key: &str) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = hex::decode(Self::KEY, key)?;
        Self::try_new(bytes)
    }

    /// The key as it is written to a wire.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn parsed(&self) -> Option<ed25519_dalek::VerifyingKey> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).ok()?;
        (!key.is_weak()).then_some(key)
    }
}

impl VerifyingAlgorithm for ed25519_dalek::VerifyingKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.verify_strict(message, &signature).is_ok())
    }
}

impl VerifyingAlgorithm for EdDsa {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed()
            .is_some_and(|key| VerifyingAlgorithm::verify(&key, message, signature))
    }
}

impl From<EdDsa> for VerifyingKey {
    fn from(key: EdDsa) -> Self {
        let fingerprint = Digest::from("EdDsa").derive(key.0);
        match key.parsed() {
            Some(key) => Self::new(ALGORITHM, fingerprint, key),
            None => Self::new(ALGORITHM, fingerprint, NoKey),
        }
    }
}

impl fmt::Debug for EdDsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdDsa({self})")
    }
}

impl fmt::Display for EdDsa {
    /// Hex digits, as [`try_hex`](Self::try_hex) reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An Ed25519 private key, which signs by EdDSA. The key is wiped when the value is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct EdDsaSigningKey(ed25519_dalek::SigningKey);

impl EdDsaSigningKey {
    /// A key of this seed.
    pub fn from_bytes(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// A key of this seed.
    ///
    /// # Errors
    /// It has not 32 bytes.
    pub fn try_from_bytes(seed: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        super::exactly("an Ed25519 seed", seed.as_ref()).map(Self::from_bytes)
    }

    /// A key of this seed in hex.
    ///
    /// # Errors
    /// It is not 64 hex digits.
    pub fn try_hex(seed: &str) -> Result<Self, KeyError> {
        let seed: [u8; 32] = hex::decode("an Ed25519 seed", seed)?;
        Ok(Self::from_bytes(*zeroize::Zeroizing::new(seed)))
    }

    /// A new key.
    pub fn random() -> Self {
        Self::from_bytes(*super::random_bytes())
    }

    /// What verifies its signatures.
    #[must_use]
    pub fn verifying_key(&self) -> EdDsa {
        EdDsa(self.0.verifying_key().to_bytes())
    }
}

impl SigningAlgorithm for EdDsaSigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

// The key inside wipes itself.
impl zeroize::ZeroizeOnDrop for EdDsaSigningKey {}

impl From<EdDsaSigningKey> for SigningKey {
    fn from(key: EdDsaSigningKey) -> Self {
        Self::custom(key, ALGORITHM)
    }
}

impl fmt::Debug for EdDsaSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EdDsaSigningKey(<redacted>)")
    }
}

const ALGORITHM: &str = "EdDSA";
