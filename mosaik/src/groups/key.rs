//! What members of a group share: a secret, and the proof of knowing it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    primitives::{Digest, GroupId, PeerId},
    tickets::TicketValidator,
};

/// The secret that the members of a group share.
///
/// It never travels: a member proves that it knows it, anew on each connection. Whoever knows it, and has the
/// tickets that the group asks for, is a member.
///
/// ```
/// use mosaik::GroupKey;
///
/// let from_text = GroupKey::from("market.eu");
/// assert_eq!(from_text, GroupKey::from_secret("market.eu"));
/// assert_ne!(from_text, GroupKey::random());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupKey {
    secret: Digest,
}

impl GroupKey {
    /// The key with this secret.
    pub const fn new(secret: Digest) -> Self {
        Self { secret }
    }

    /// The key with this secret; text is hashed unless it is 64 hex digits.
    pub fn from_secret(secret: impl Into<Digest>) -> Self {
        Self::new(secret.into())
    }

    /// A key that nobody else has.
    pub fn random() -> Self {
        Self::new(Digest::random())
    }

    /// The secret itself.
    pub const fn secret(&self) -> &Digest {
        &self.secret
    }

    /// The proof of `prover` for one connection, whose keying material both of its ends can export.
    pub(in crate::groups) fn prove(&self, exported: &[u8; 32], prover: &PeerId) -> Digest {
        self.secret.derive(exported).derive(prover.as_bytes())
    }
}

/// The label under which keying material is exported for the proof.
pub(in crate::groups) fn proof_label(group: &GroupId) -> [u8; 32] {
    *group.as_bytes()
}

/// The context under which keying material is exported for the proof.
pub(in crate::groups) const PROOF_CONTEXT: &[u8] = b"mosaik/groups/1";

impl From<Digest> for GroupKey {
    fn from(secret: Digest) -> Self {
        Self::new(secret)
    }
}

impl From<&Digest> for GroupKey {
    fn from(secret: &Digest) -> Self {
        Self::new(*secret)
    }
}

impl From<&str> for GroupKey {
    fn from(secret: &str) -> Self {
        Self::from_secret(secret)
    }
}

/// The signature of the rule is the secret: whoever knows the rule's configuration can compute it.
///
/// ```
/// use mosaik::{GroupKey, tickets::{EdDsaSigningKey, Jwt}};
///
/// let issuer = EdDsaSigningKey::from_bytes([7; 32]).verifying_key();
/// let rule = Jwt::with_key(issuer).allow_issuer("desk");
/// // Who asks for the same tickets has the same key.
/// assert_eq!(GroupKey::from(&rule), GroupKey::from(&rule.clone()));
/// assert_ne!(GroupKey::from(&rule), GroupKey::from(&rule.allow_audience("orders")));
/// ```
impl<T: TicketValidator + ?Sized> From<&T> for GroupKey {
    fn from(validator: &T) -> Self {
        Self::new(validator.signature())
    }
}

/// The two ends of the secret.
impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.secret.as_bytes();
        write!(f, "{:02x}****{:02x}", bytes[0], bytes[31])
    }
}

/// As [`Display`](fmt::Display): a secret must not end in a log.
impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    #[test]
    fn does_not_print_its_secret() {
        let key = GroupKey::from("secret");
        let hex = key.secret().to_string();
        assert_eq!(key.to_string(), format!("{}****{}", &hex[..2], &hex[62..]));
        assert_eq!(format!("{key:?}"), format!("GroupKey({key})"));
        assert!(!format!("{key:?}").contains(&hex[2..62]));
    }

    #[test]
    fn a_proof_is_of_one_connection_one_prover_and_one_key() {
        let peer = |seed| SecretKey::from_bytes(&[seed; 32]).public();
        let proof = GroupKey::from("a").prove(&[1; 32], &peer(1));
        assert_eq!(proof, GroupKey::from("a").prove(&[1; 32], &peer(1)));
        for other in [
            GroupKey::from("b").prove(&[1; 32], &peer(1)),
            GroupKey::from("a").prove(&[2; 32], &peer(1)),
            GroupKey::from("a").prove(&[1; 32], &peer(2)),
        ] {
            assert_ne!(proof, other);
        }
    }

    #[test]
    fn comes_from_many_things() {
        let digest = Digest::from("x");
        assert_eq!(GroupKey::from(digest), GroupKey::from(&digest));
        assert_eq!(GroupKey::from("x"), GroupKey::new(digest));
        assert_ne!(GroupKey::random(), GroupKey::random());
    }
}
