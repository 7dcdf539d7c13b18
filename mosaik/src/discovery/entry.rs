//! What the owner of an entry does with it, with the errors of this module.

use super::{Error, PeerEntry, SignedPeerEntry};
use crate::primitives::{EndpointAddr, SecretKey, wall_clock};

impl PeerEntry {
    /// Replaces the address; always a new version.
    ///
    /// # Errors
    /// [`Error::PeerIdChanged`] when the address is another peer's.
    pub fn update_address(self, address: EndpointAddr) -> Result<Self, Error> {
        Ok(self.with_address_at(address, wall_clock())?)
    }

    /// Signs the entry with its peer's key.
    ///
    /// # Errors
    /// [`Error::InvalidSecretKey`] when the key is another peer's; [`Error::EntryTooLarge`] when the entry
    /// holds more than entries may.
    pub fn sign(self, secret_key: &SecretKey) -> Result<SignedPeerEntry, Error> {
        Ok(self.signed_by(secret_key)?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::primitives::{NetworkId, Tag};

    #[test]
    fn only_the_owner_changes_and_signs() {
        let [ours, theirs] = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]));
        let (me, other) = (ours.public(), theirs.public());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let entry = PeerEntry::new_at(NetworkId::from("entry"), me.into(), now);

        let moved = EndpointAddr::from(me).with_ip_addr(([192, 0, 2, 1], 1).into());
        let newer = entry.clone().update_address(moved.clone()).unwrap();
        assert!(newer.is_newer_than(&entry) && newer.address() == &moved);
        let error = entry.clone().update_address(other.into()).unwrap_err();
        assert!(matches!(error, Error::PeerIdChanged(was, wanted) if was == me && wanted == other));

        assert!(entry.clone().sign(&ours).is_ok());
        let error = entry.clone().sign(&theirs).unwrap_err();
        assert!(matches!(error, Error::InvalidSecretKey(is, key) if is == me && key == other));
        let many = (0..5000).map(|n| Tag::from(n.to_string().as_str()));
        let error = entry
            .add_tags(many.collect::<Vec<_>>())
            .sign(&ours)
            .unwrap_err();
        assert!(matches!(
            error,
            Error::EntryTooLarge {
                what: "tags",
                actual: 5000,
                ..
            }
        ));
        assert!(error.is_definite() && !error.is_retryable());
    }
}
