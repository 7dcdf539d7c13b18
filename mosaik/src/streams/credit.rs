//! Credits: how much a producer may send before the consumer's application has taken some of it.
//!
//! Both sides count from the opening of the link. A single datum may overshoot the byte limit, so that no datum is
//! too large to be sent; what is outstanding is bounded by the window plus one datum.

use serde::{Deserialize, Serialize};

/// A count of datums and of their encoded bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credit {
    pub(crate) datums: u64,
    pub(crate) bytes: u64,
}

impl Credit {
    #[cfg(test)]
    pub(crate) const MAX: Self = Self {
        datums: u64::MAX,
        bytes: u64::MAX,
    };

    pub(crate) const fn new(datums: u64, bytes: u64) -> Self {
        Self { datums, bytes }
    }

    pub(crate) fn add(&mut self, datums: u64, bytes: u64) {
        self.datums = self.datums.saturating_add(datums);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The sender's half: what it may still send.
#[derive(Debug)]
pub(crate) struct Allowance {
    limit: Credit,
    used: Credit,
}

impl Allowance {
    pub(crate) const fn new(limit: Credit) -> Self {
        Self {
            limit,
            used: Credit::new(0, 0),
        }
    }

    pub(crate) const fn may_send(&self) -> bool {
        self.used.datums < self.limit.datums && self.used.bytes < self.limit.bytes
    }

    pub(crate) fn charge(&mut self, datums: u64, bytes: u64) {
        self.used.add(datums, bytes);
    }

    /// Takes the consumer's newest limit; a smaller one (an overtaken message) changes nothing.
    pub(crate) fn raise(&mut self, limit: Credit) {
        self.limit.datums = self.limit.datums.max(limit.datums);
        self.limit.bytes = self.limit.bytes.max(limit.bytes);
    }

    pub(crate) const fn datums_left(&self) -> u64 {
        self.limit.datums.saturating_sub(self.used.datums)
    }

    pub(crate) const fn bytes_left(&self) -> u64 {
        self.limit.bytes.saturating_sub(self.used.bytes)
    }
}

/// The receiver's half over one link: what it has granted, and whether the sender kept to it.
///
/// Capacity belongs to the channel, not to the link: what an earlier link delivered and the application has not
/// taken yet counts against the grant of the next one.
#[derive(Debug)]
pub(crate) struct Grant {
    capacity: Credit,
    /// Received on the channel when this link opened.
    base: Credit,
    received: Credit,
    granted: Credit,
}

impl Grant {
    /// A link opens: `received` and `taken` are the channel's totals so far.
    pub(crate) fn open(capacity: Credit, received: Credit, taken: Credit) -> Self {
        let mut grant = Self {
            capacity,
            base: received,
            received: Credit::default(),
            granted: Credit::default(),
        };
        grant.granted = grant.limit(taken);
        grant
    }

    pub(crate) const fn granted(&self) -> Credit {
        self.granted
    }

    /// The limit to announce now, if it is worth a message: a quarter of the window has been taken since the last.
    pub(crate) fn renew(&mut self, taken: Credit) -> Option<Credit> {
        let limit = self.limit(taken);
        let datums = limit.datums.saturating_sub(self.granted.datums);
        let bytes = limit.bytes.saturating_sub(self.granted.bytes);
        let step = step(self.capacity);
        if datums < step.datums && bytes < step.bytes {
            return None;
        }
        self.granted = limit;
        Some(limit)
    }

    /// Counts what arrived; false if the sender went beyond its credit.
    #[must_use]
    pub(crate) fn receive(&mut self, datums: u64, bytes: u64, last_datum_bytes: u64) -> bool {
        self.received.add(datums, bytes);
        let before_last = self.received.bytes.saturating_sub(last_datum_bytes);
        self.received.datums <= self.granted.datums
            && (bytes == 0 || before_last < self.granted.bytes)
    }

    const fn limit(&self, taken: Credit) -> Credit {
        Credit {
            datums: self
                .capacity
                .datums
                .saturating_add(taken.datums)
                .saturating_sub(self.base.datums),
            bytes: self
                .capacity
                .bytes
                .saturating_add(taken.bytes)
                .saturating_sub(self.base.bytes),
        }
    }
}

/// How much must have been taken before a new limit is announced: a quarter of the window, at least one.
pub(crate) const fn step(capacity: Credit) -> Credit {
    const fn quarter(of: u64) -> u64 {
        if of < 4 { 1 } else { of / 4 }
    }
    Credit {
        datums: quarter(capacity.datums),
        bytes: quarter(capacity.bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_ends_and_is_raised() {
        let mut allowance = Allowance::new(Credit::new(2, 10));
        assert!(allowance.may_send());
        allowance.charge(1, 9);
        assert!(allowance.may_send(), "one datum may overshoot the bytes");
        allowance.charge(1, 1);
        assert!(!allowance.may_send());
        allowance.raise(Credit::new(1, 5));
        assert_eq!(allowance.datums_left(), 0, "an older limit changes nothing");
        allowance.raise(Credit::new(3, 20));
        assert!(allowance.may_send());
        assert_eq!((allowance.datums_left(), allowance.bytes_left()), (1, 10));
    }

    #[test]
    fn a_grant_is_renewed_in_steps() {
        let capacity = Credit::new(8, 1000);
        let mut grant = Grant::open(capacity, Credit::default(), Credit::default());
        assert_eq!(grant.granted(), capacity);
        assert_eq!(grant.renew(Credit::new(1, 10)), None);
        assert_eq!(grant.renew(Credit::new(2, 20)), Some(Credit::new(10, 1020)));
        assert_eq!(grant.renew(Credit::new(3, 30)), None);
        assert_eq!(
            grant.renew(Credit::new(3, 270)),
            Some(Credit::new(11, 1270))
        );
    }

    #[test]
    fn what_an_earlier_link_left_in_the_queue_counts_against_the_next() {
        // 5 of 8 received were taken: 3 still wait in the queue.
        let grant = Grant::open(Credit::new(8, 1000), Credit::new(8, 80), Credit::new(5, 50));
        assert_eq!(grant.granted(), Credit::new(5, 970));
    }

    #[test]
    fn a_sender_beyond_its_credit_is_noticed() {
        let open = || Grant::open(Credit::new(2, 10), Credit::default(), Credit::default());
        type Arrival = (u64, u64, u64);
        let cases: &[(&[Arrival], bool)] = &[
            (&[(1, 5, 5)], true),
            (&[(2, 12, 7)], true),
            (&[(2, 20, 10)], false),
            (&[(3, 3, 1)], false),
            (&[(1, 500, 500)], true),
            (&[(1, 500, 500), (1, 1, 1)], false),
            (&[(2, 0, 0)], true),
        ];
        for (arrivals, expected) in cases {
            let mut grant = open();
            let kept = arrivals
                .iter()
                .all(|(datums, bytes, last)| grant.receive(*datums, *bytes, *last));
            assert_eq!(kept, *expected, "{arrivals:?}");
        }
    }

    #[test]
    fn a_window_of_one_still_moves() {
        let mut grant = Grant::open(Credit::new(1, 1), Credit::default(), Credit::default());
        assert_eq!(grant.renew(Credit::new(1, 100)), Some(Credit::new(2, 101)));
    }
}
