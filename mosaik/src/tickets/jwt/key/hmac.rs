//! Shared secrets: HMAC with SHA-2 (RFC 7518, 3.2).

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use super::{
    KeyError, SignError, SigningAlgorithm, SigningKey, VerifyingAlgorithm, VerifyingKey, hex,
};
use crate::primitives::Digest;

macro_rules! shared_secret {
    (
        $name:ident, $hash:ty, $algorithm:literal, $label:literal,
        secret $bytes:literal, block $block:literal
    ) => {
        #[doc = concat!("A shared secret that signs and verifies by ", $algorithm, ".")]
        ///
        /// Whoever can verify can also sign. The secret is wiped when the value is dropped.
        #[derive(Clone)]
        pub struct $name {
            /// Filled up with zeros to the block of the hash, which HMAC does itself.
            secret: [u8; $block],
            length: usize,
        }

        impl $name {
            const KEY: &'static str = concat!("a secret for ", $algorithm);

            /// A key with this secret.
            pub const fn new(secret: [u8; $bytes]) -> Self {
                let mut padded = [0; $block];
                let mut index = 0;
                while index < $bytes {
                    padded[index] = secret[index];
                    index += 1;
                }
                Self {
                    secret: padded,
                    length: $bytes,
                }
            }

            /// A key with this secret, which may be longer than the one of [`new`](Self::new).
            ///
            /// # Errors
            #[doc = concat!("The secret has fewer than ", $bytes, " bytes, the least that RFC 7518 allows.")]
            pub fn try_new(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
                let secret = secret.as_ref();
                if secret.len() < $bytes {
                    return Err(KeyError::TooShort {
                        key: Self::KEY,
                        least: $bytes,
                        actual: secret.len(),
                    });
                }
                let mut padded = [0; $block];
                let length = if secret.len() <= $block {
                    padded[..secret.len()].copy_from_slice(secret);
                    secret.len()
                } else {
                    // As HMAC does with a secret that is longer than a block (RFC 2104).
                    let hash = <$hash>::digest(secret);
                    padded[..$bytes].copy_from_slice(&hash);
                    $bytes
                };
                Ok(Self {
                    secret: padded,
                    length,
                })
            }

            #[doc = concat!("A key with a secret of ", $bytes, " bytes in hex, for constants.")]
            ///
            /// # Panics
            /// It is not that many hex digits; in a constant that is a compile error. See
            /// [`try_hex`](Self::try_hex).
            pub const fn hex(secret: &str) -> Self {
                Self::new(hex::decode_or_panic(Self::KEY, secret))
            }

            /// A key with a secret in hex, which may be longer than the one of [`hex`](Self::hex).
            ///
            /// # Errors
            /// It is not hex digits, or too short.
            pub fn try_hex(secret: &str) -> Result<Self, KeyError> {
                Self::try_new(&*Zeroizing::new(hex::decode_any(Self::KEY, secret)?))
            }

            fn mac(&self, message: &[u8]) -> Hmac<$hash> {
                let mut mac = Hmac::<$hash>::new_from_slice(&self.secret)
                    .expect("invariant: an HMAC takes keys of any length");
                mac.update(message);
                mac
            }
        }

        impl SigningAlgorithm for $name {
            fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
                Ok(self.mac(message).finalize().into_bytes().to_vec())
            }
        }

        impl VerifyingAlgorithm for $name {
            fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
                // In constant time; another length is refused.
                self.mac(message).verify_slice(signature).is_ok()
            }
        }

        impl From<$name> for SigningKey {
            fn from(key: $name) -> Self {
                Self::custom(key, $algorithm)
            }
        }

        impl From<$name> for VerifyingKey {
            fn from(key: $name) -> Self {
                let fingerprint = Digest::from($label).derive(&key.secret[..key.length]);
                Self::new($algorithm, fingerprint, key)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.length == other.length && self.secret.ct_eq(&other.secret).into()
            }
        }

        impl Eq for $name {}

        impl Drop for $name {
            fn drop(&mut self) {
                self.secret.zeroize();
            }
        }

        impl ZeroizeOnDrop for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(<redacted>)"))
            }
        }
    };
}

shared_secret!(Hs256, Sha256, "HS256", "hs256", secret 32, block 64);
shared_secret!(Hs384, Sha384, "HS384", "hs384", secret 48, block 128);
shared_secret!(Hs512, Sha512, "HS512", "hs512", secret 64, block 128);
