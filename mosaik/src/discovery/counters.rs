//! What was refused, and why: nothing is dropped without a number.

use super::message::MessageError;

/// Why an entry from elsewhere was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Refusal {
    /// We have this version or a newer one.
    NotNewer,
    /// Its time is further ahead of our clock than `max_time_drift`.
    Ahead,
    /// It is older than `purge_after`.
    Stale,
    /// It describes us.
    Local,
    /// Its network is another one.
    OtherNetwork,
    /// The peer departed or died with this version or a newer one.
    Buried,
    /// It has more bytes than an entry may have.
    TooLarge,
    /// The catalog holds as many entries or bytes as it may.
    Full,
    /// The sender brings more than its share.
    TooFast,
    /// The signature is not its peer's.
    BadSignature,
    /// It is not an entry that this version can read.
    Undecodable,
    /// The announced id or version is not the one inside.
    Mislabelled,
    /// A renewal of an entry that we do not hold.
    UnknownBase,
    /// The sender broke the protocol a moment ago.
    Banned,
}

impl Refusal {
    pub(crate) const ALL: [Self; 14] = [
        Self::NotNewer,
        Self::Ahead,
        Self::Stale,
        Self::Local,
        Self::OtherNetwork,
        Self::Buried,
        Self::TooLarge,
        Self::Full,
        Self::TooFast,
        Self::BadSignature,
        Self::Undecodable,
        Self::Mislabelled,
        Self::UnknownBase,
        Self::Banned,
    ];

    /// A name for figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NotNewer => "not-newer",
            Self::Ahead => "ahead",
            Self::Stale => "stale",
            Self::Local => "local",
            Self::OtherNetwork => "other-network",
            Self::Buried => "buried",
            Self::TooLarge => "too-large",
            Self::Full => "full",
            Self::TooFast => "too-fast",
            Self::BadSignature => "bad-signature",
            Self::Undecodable => "undecodable",
            Self::Mislabelled => "mislabelled",
            Self::UnknownBase => "unknown-base",
            Self::Banned => "banned",
        }
    }
}

/// Figures of one node's discovery, from its start on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    refused: [u64; Refusal::ALL.len()],
    /// Signatures that were verified, right or wrong.
    pub(crate) verifications: u64,
    /// Exchanges with another catalog that were completed.
    pub(crate) exchanges: u64,
    /// Exchanges that were given up.
    pub(crate) exchanges_failed: u64,
    /// Goodbyes not believed: badly signed, from the wrong time, or for an older version.
    pub(crate) departures_refused: u64,
    /// Claims of death not taken further.
    pub(crate) obituaries_refused: u64,
    /// Claims of our own death that we refuted.
    pub(crate) refutations: u64,
    /// Requests beyond a peer's share.
    pub(crate) requests_refused: u64,
    /// Messages of formats or kinds that this version does not know.
    pub(crate) messages_unknown: u64,
    /// Frames that were no messages.
    pub(crate) messages_malformed: u64,
    /// Hints for which there was no room.
    pub(crate) hints_refused: u64,
    /// Peers that were cut off for breaking the protocol.
    pub(crate) violations: u64,
}

impl Counters {
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refused[refusal as usize] += 1;
    }

    /// Entries refused for this reason.
    pub(crate) fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal as usize]
    }

    pub(crate) fn undecodable(&mut self, error: MessageError) {
        if error.is_violation() {
            self.messages_malformed += 1;
        } else {
            self.messages_unknown += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_own_number() {
        let mut counters = Counters::default();
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
            counters.refuse(refusal);
            assert_eq!(counters.refused(refusal), 1, "{}", refusal.name());
        }
    }
}
