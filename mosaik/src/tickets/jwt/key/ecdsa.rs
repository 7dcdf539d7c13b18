//! ECDSA on the NIST curves (RFC 7518, 3.4) and on secp256k1 (RFC 8812).
//!
//! A signature is `r` and `s`, each of the curve's width, and nothing else. Both signatures that ECDSA has for a message
//! (with `s` and with its negative) are valid, as RFC 7518 has it: issuers that know nothing of low `s` make either, and
//! nothing here takes a signature for unique.

use std::fmt;

use p256::ecdsa::signature::{Signer as _, Verifier};

use super::{
    KeyError, NoKey, SignError, SigningAlgorithm, SigningKey, VerifyingAlgorithm, VerifyingKey, hex,
};
use crate::primitives::Digest;

macro_rules! curve {
    (
        $public:ident, $private:ident, $curve:ident, $name:literal, $algorithm:literal, $label:literal,
        public $public_bytes:literal, private $private_bytes:literal
    ) => {
        #[doc = concat!("A point of ", $name, " in compressed form, which verifies by ", $algorithm, ".")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $public([u8; $public_bytes]);

        impl $public {
            const KEY: &'static str = concat!("a public key of ", $name);

            /// A key of these bytes, which are not looked at: what is no point verifies nothing.
            ///
            /// For constants; [`try_new`](Self::try_new) tells.
            pub const fn new(point: [u8; $public_bytes]) -> Self {
                Self(point)
            }

            /// A key of a point in the compressed or the uncompressed form of SEC 1.
            ///
            /// # Errors
            /// The bytes are not a point of the curve.
            pub fn try_new(point: impl AsRef<[u8]>) -> Result<Self, KeyError> {
                match Self::parse(point.as_ref()) {
                    Some(key) => Ok(Self::of(&key)),
                    None => Err(KeyError::Invalid { key: Self::KEY }),
                }
            }

            #[doc = concat!("A key in hex, for constants: ", $public_bytes, " bytes, which are not looked at.")]
            ///
            /// # Panics
            /// It is not that many hex digits; in a constant that is a compile error. See
            /// [`try_hex`](Self::try_hex).
            pub const fn hex(point: &str) -> Self {
                Self(hex::decode_or_panic(Self::KEY, point))
            }

            /// A key in hex.
            ///
            /// # Errors
            /// It is not hex digits, not as many as the key has, or not a point of the curve.
            pub fn try_hex(point: &str) -> Result<Self, KeyError> {
                let bytes: [u8; $public_bytes] = hex::decode(Self::KEY, point)?;
                Self::try_new(bytes)
            }

            /// The point in compressed form.
            pub const fn as_bytes(&self) -> &[u8; $public_bytes] {
                &self.0
            }

            fn parse(point: &[u8]) -> Option<$curve::ecdsa::VerifyingKey> {
                // Compressed or not. SEC 1 has more forms, which nobody uses for keys.
                let (2..=4) = *point.first()? else {
                    return None;
                };
                $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()
            }

            fn of(key: &$curve::ecdsa::VerifyingKey) -> Self {
                let point = key.to_sec1_point(true);
                let bytes = point.as_bytes().try_into();
                Self(bytes.expect("invariant: a compressed point has one length"))
            }
        }

        impl VerifyingAlgorithm for $curve::ecdsa::VerifyingKey {
            fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
                $curve::ecdsa::Signature::from_slice(signature)
                    // With the low `s`, for secp256k1 takes no other.
                    .map(|signature| signature.normalize_s())
                    .is_ok_and(|signature| {
                        Verifier::verify(self, message, &signature).is_ok()
                    })
            }
        }

        impl VerifyingAlgorithm for $public {
            fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
                Self::parse(&self.0)
                    .is_some_and(|key| VerifyingAlgorithm::verify(&key, message, signature))
            }
        }

        impl From<$public> for VerifyingKey {
            fn from(key: $public) -> Self {
                let fingerprint = Digest::from($label).derive(key.0);
                // Decompressed once, not for every token.
                match $public::parse(&key.0) {
                    Some(key) => Self::new($algorithm, fingerprint, key),
                    None => Self::new($algorithm, fingerprint, NoKey),
                }
            }
        }

        impl fmt::Debug for $public {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($public), "({})"), self)
            }
        }

        impl fmt::Display for $public {
            /// Hex digits, as [`try_hex`](Self::try_hex) reads them.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        #[doc = concat!("A private key on ", $name, ", which signs by ", $algorithm, ".")]
        ///
        /// Signatures are deterministic (RFC 6979). The key is wiped when the value is dropped.
        #[derive(Clone, PartialEq, Eq)]
        pub struct $private($curve::ecdsa::SigningKey);

        impl $private {
            const KEY: &'static str = concat!("a private key of ", $name);

            /// A key of this scalar, big-endian.
            ///
            /// # Panics
            /// It is zero or not below the order of the curve. See [`try_from_bytes`](Self::try_from_bytes).
            pub fn from_bytes(scalar: [u8; $private_bytes]) -> Self {
                let key = Self::try_from_bytes(scalar);
                key.expect("the scalar is not between 1 and the order of the curve")
            }

            /// A key of this scalar, big-endian.
            ///
            /// # Errors
            /// It has another length, is zero, or is not below the order of the curve.
            pub fn try_from_bytes(scalar: impl AsRef<[u8]>) -> Result<Self, KeyError> {
                let scalar = zeroize::Zeroizing::new(super::exactly::<$private_bytes>(
                    Self::KEY,
                    scalar.as_ref(),
                )?);
                $curve::ecdsa::SigningKey::from_slice(&*scalar)
                    .map(Self)
                    .map_err(|_| KeyError::Invalid { key: Self::KEY })
            }

            /// A key of this scalar in hex.
            ///
            /// # Errors
            /// It is not hex digits, not as many as the key has, or not a key.
            pub fn try_hex(scalar: &str) -> Result<Self, KeyError> {
                let bytes: [u8; $private_bytes] = hex::decode(Self::KEY, scalar)?;
                Self::try_from_bytes(&*zeroize::Zeroizing::new(bytes))
            }

            /// A new key.
            pub fn random() -> Self {
                loop {
                    let mut scalar = super::random_bytes::<$private_bytes>();
                    // Of P-521's 66 bytes the first holds one bit.
                    if $private_bytes == 66 {
                        scalar[0] &= 1;
                    }
                    // All but one of a billion are fine at once.
                    if let Ok(key) = Self::try_from_bytes(&*scalar) {
                        return key;
                    }
                }
            }

            /// What verifies its signatures.
            #[must_use]
            pub fn verifying_key(&self) -> $public {
                $public::of(self.0.verifying_key())
            }
        }

        impl SigningAlgorithm for $private {
            fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
                let signature: Result<$curve::ecdsa::Signature, _> = self.0.try_sign(message);
                let signature = signature.map_err(|error| SignError::Unavailable(error.to_string()))?;
                Ok(signature.to_bytes().to_vec())
            }
        }

        // The key inside wipes itself.
        impl zeroize::ZeroizeOnDrop for $private {}

        impl From<$private> for SigningKey {
            fn from(key: $private) -> Self {
                Self::custom(key, $algorithm)
            }
        }

        impl fmt::Debug for $private {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($private), "(<redacted>)"))
            }
        }
    };
}

curve!(Es256, Es256SigningKey, p256, "P-256", "ES256", "es256", public 33, private 32);
curve!(Es384, Es384SigningKey, p384, "P-384", "ES384", "es384", public 49, private 48);
curve!(Es512, Es512SigningKey, p521, "P-521", "ES512", "es512", public 67, private 66);
curve!(Es256k, Es256kSigningKey, k256, "secp256k1", "ES256K", "es256k", public 33, private 32);
