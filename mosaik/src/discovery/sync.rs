//! Comparing two catalogs with few bytes: sums over ranges of ids.
//!
//! Each held version is an *element*: a hash of (id, version). Equal catalogs have equal sums of
//! mixed elements. The mixing is salted anew for each comparison, so that nobody can craft entries
//! whose differences cancel out, and a false match lasts one comparison only.
//!
//! This module does not know what an entry is, nor when to compare.

use std::collections::{HashMap, HashSet, VecDeque};

use sha2::{Digest as _, Sha256};

use crate::primitives::{PeerEntryVersion, PeerId};
use crate::runtime::time::{Duration, Instant};

/// Entries of one range of ids, on average: small enough that a differing range costs little.
const BUCKET_ENTRIES: usize = 4;

/// A thousand ranges: two bytes each fit in two packets.
pub(crate) const BUCKET_BITS_MAX: u8 = 10;

/// Hashes of one question: at 300 bytes an entry, the answer takes 75 KiB.
pub(crate) const WANT_HASHES: usize = 256;

/// Hashes waiting to be asked for on one link: a whole catalog.
const WANTS_MAX: usize = super::message::HASHES_MAX;

/// A question without an answer for this long is dropped; anti-entropy asks again.
pub(crate) const WANT_TIMEOUT: Duration = Duration::from_secs(8);

/// Versions remembered per link as known at the other end.
const KNOWN_MAX: usize = 256;

/// Versions remembered as not wanted any more.
const PASSED_MAX: usize = 16 * 1024;

/// The element of a version.
pub(crate) fn element(id: &[u8; 32], version: PeerEntryVersion) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(id);
    hasher.update(version.start_ms().to_be_bytes());
    hasher.update(version.update_ms().to_be_bytes());
    first_u64(&hasher.finalize())
}

/// The first eight bytes of a hash.
pub(crate) fn first_u64(hash: &[u8]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// One element's part of a sum. The finalizer of splitmix64: every bit depends on every bit.
fn mix(salt: u64, element: u64) -> u64 {
    let mut z = (element ^ salt).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The sum of all elements.
pub(crate) fn sum(salt: u64, elements: impl Iterator<Item = u64>) -> u64 {
    elements.fold(0, |sum, element| sum.wrapping_add(mix(salt, element)))
}

/// How many bits of the id name a range, for a catalog of this size.
pub(crate) fn bucket_bits(count: usize) -> u8 {
    let buckets = (count / BUCKET_ENTRIES).max(1);
    (buckets.ilog2() as u8).min(BUCKET_BITS_MAX)
}

/// The range that an id is in.
pub(crate) fn bucket_of(id: &[u8; 32], bits: u8) -> u16 {
    let head = u16::from_be_bytes([id[0], id[1]]);
    head.checked_shr(16 - u32::from(bits)).unwrap_or(0)
}

/// The sums of all ranges, two bytes each: a false match is found by the next salt.
pub(crate) fn bucket_sums<'a>(
    salt: u64,
    bits: u8,
    elements: impl Iterator<Item = (&'a [u8; 32], u64)>,
) -> Vec<u16> {
    let mut sums = vec![0_u16; 1 << bits];
    for (id, element) in elements {
        let sum = &mut sums[usize::from(bucket_of(id, bits))];
        *sum = sum.wrapping_add((mix(salt, element) >> 48) as u16);
    }
    sums
}

/// Two-byte numbers as they travel.
pub(crate) fn pack(numbers: &[u16]) -> bytes::Bytes {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

/// Two-byte numbers as they came; none when the length is odd.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<u16>> {
    let (numbers, rest) = bytes.as_chunks::<2>();
    rest.is_empty().then(|| {
        numbers
            .iter()
            .map(|number| u16::from_be_bytes(*number))
            .collect()
    })
}

/// What one link still has to ask for: one question under way at a time, so that an answer never
/// exceeds what the other side agreed to send.
#[derive(Debug, Default)]
pub(crate) struct WantQueue {
    waiting: VecDeque<(u64, bool)>,
    queued: HashSet<u64>,
    asked: Option<Question>,
    added: u64,
    answered: u64,
}

#[derive(Debug)]
struct Question {
    at: Instant,
    hashes: Vec<u64>,
    whole: bool,
}

impl WantQueue {
    /// Adds a hash; false when it is there already or the queue is full.
    ///
    /// `whole`: the entry itself, since what it renews may not be here.
    pub(crate) fn add(&mut self, hash: u64, whole: bool) -> bool {
        if self.waiting.len() >= WANTS_MAX || !self.queued.insert(hash) {
            return false;
        }
        self.waiting.push_back((hash, whole));
        self.added += 1;
        true
    }

    /// The next question, if none is under way, and whether it is for whole entries.
    pub(crate) fn ask(&mut self, now: Instant) -> Option<(Vec<u64>, bool)> {
        if self.asked.is_some() || self.waiting.is_empty() {
            return None;
        }
        let count = self.waiting.len().min(WANT_HASHES);
        let mut whole = false;
        let mut hashes = Vec::with_capacity(count);
        for (hash, needs_whole) in self.waiting.drain(..count) {
            whole |= needs_whole;
            hashes.push(hash);
        }
        self.asked = Some(Question {
            at: now,
            hashes: hashes.clone(),
            whole,
        });
        Some((hashes, whole))
    }

    /// The answer is complete. What did not come is asked for again: as a whole entry, if only its
    /// renewal was asked for; else as long as there is progress, since the answer may have been full.
    pub(crate) fn answered(&mut self, is_here: impl Fn(u64) -> bool) {
        let Some(question) = self.asked.take() else {
            return;
        };
        let asked = question.hashes.len();
        let (here, missing): (Vec<u64>, Vec<u64>) =
            question.hashes.into_iter().partition(|hash| is_here(*hash));
        let is_given_up = question.whole && missing.len() == asked;
        for hash in here {
            self.queued.remove(&hash);
        }
        if is_given_up {
            self.answered += asked as u64;
            for hash in missing {
                self.queued.remove(&hash);
            }
        } else {
            self.answered += (asked - missing.len()) as u64;
            for hash in missing.into_iter().rev() {
                self.waiting.push_front((hash, true));
            }
        }
    }

    /// How many hashes wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// A mark that [`WantQueue::is_past`] once as many as are asked for now have been answered.
    pub(crate) const fn mark(&self) -> u64 {
        self.added
    }

    /// Whether all that was added before the mark has been answered.
    pub(crate) const fn is_past(&self, mark: u64) -> bool {
        self.answered >= mark
    }

    /// Gives up on a question that was not answered in time, and on all behind it.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let late = self
            .asked
            .as_ref()
            .is_some_and(|asked| now >= asked.at + WANT_TIMEOUT);
        if late {
            *self = Self {
                added: self.added,
                answered: self.added,
                ..Self::default()
            };
        }
        late
    }
}

/// The versions that the other end of a link is known to have, the newest few.
#[derive(Debug, Default)]
pub(crate) struct KnownThere {
    order: VecDeque<u64>,
    set: HashSet<u64>,
}

impl KnownThere {
    /// Remembers a version.
    pub(crate) fn add(&mut self, hash: u64) {
        if !self.set.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }

    /// Whether the other end has this version, as far as we remember.
    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.set.contains(&hash)
    }
}

/// Versions that are not wanted, or not now: replaced, purged, refused, or on their way already.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    until: HashMap<u64, Instant>,
    order: VecDeque<u64>,
}

impl Passed {
    /// Does not want this version until then.
    pub(crate) fn add(&mut self, hash: u64, until: Instant) {
        if self.until.insert(hash, until).is_none() {
            self.order.push_back(hash);
        }
        while self.order.len() > PASSED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.until.remove(&oldest);
            }
        }
    }

    /// Whether this version is not wanted now.
    pub(crate) fn contains(&self, hash: u64, now: Instant) -> bool {
        self.until.get(&hash).is_some_and(|until| now < *until)
    }
}

/// Ids by element, for answering questions.
pub(crate) type ElementIndex = HashMap<u64, PeerId>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    fn now() -> Instant {
        Clock::system().now()
    }

    fn id(first: u16) -> [u8; 32] {
        let mut id = [7; 32];
        id[..2].copy_from_slice(&first.to_be_bytes());
        id
    }

    #[test]
    fn elements_depend_on_every_part() {
        let version = |start, update| PeerEntryVersion::from_ms(start, update);
        let base = element(&id(1), version(1, 2));
        assert_eq!(base, element(&id(1), version(1, 2)));
        assert_ne!(base, element(&id(2), version(1, 2)));
        assert_ne!(base, element(&id(1), version(2, 2)));
        assert_ne!(base, element(&id(1), version(1, 3)));
    }

    #[test]
    fn sums_do_not_depend_on_order_but_on_salt() {
        assert_eq!(sum(1, [500, 60].into_iter()), sum(1, [60, 500].into_iter()));
        assert_ne!(sum(1, [500, 60].into_iter()), sum(2, [500, 60].into_iter()));
        assert_ne!(sum(1, [500, 60].into_iter()), sum(1, [500, 61].into_iter()));
        // Elements whose plain sums are equal.
        assert_ne!(
            sum(1, [500, 60].into_iter()),
            sum(1, [400, 160].into_iter())
        );
        assert_eq!(sum(9, std::iter::empty()), 0);
    }

    #[test]
    fn ranges() {
        for (count, bits) in [
            (0, 0),
            (7, 0),
            (8, 1),
            (100, 4),
            (1000, 7),
            (16_384, 10),
            (1 << 20, 10),
        ] {
            assert_eq!(bucket_bits(count), bits, "{count}");
        }
        assert_eq!(bucket_of(&id(0xffff), 0), 0);
        assert_eq!(bucket_of(&id(0x8000), 1), 1);
        assert_eq!(bucket_of(&id(0x7fff), 1), 0);
        assert_eq!(bucket_of(&id(0xffff), 10), 1023);
    }

    #[test]
    fn only_the_range_of_the_difference_differs() {
        let ids: Vec<_> = (0..64_u16).map(|n| id(n << 10)).collect();
        let ours = ids.iter().zip(1_u64..);
        let theirs = ids
            .iter()
            .zip(1_u64..)
            .map(|(id, n)| (id, if n == 40 { 999 } else { n }));
        let ours = bucket_sums(3, 4, ours);
        let theirs = bucket_sums(3, 4, theirs);
        let differing: Vec<_> = (0..16).filter(|n| ours[*n] != theirs[*n]).collect();
        assert_eq!(differing, [39 * 16 / 64]);
    }

    #[test]
    fn numbers_travel() {
        assert_eq!(unpack(&pack(&[1, 65_535])), Some(vec![1, 65_535]));
        assert_eq!(unpack(&[1]), None);
        assert_eq!(unpack(&[]), Some(vec![]));
    }

    #[test]
    fn one_question_at_a_time() {
        let now = now();
        let mut wants = WantQueue::default();
        assert!(wants.is_past(wants.mark()));
        for hash in 0..300 {
            assert!(wants.add(hash, hash == 299));
        }
        assert!(!wants.add(299, false));
        let mark = wants.mark();
        let (hashes, whole) = wants.ask(now).unwrap();
        assert_eq!((hashes.len(), whole), (WANT_HASHES, false));
        assert_eq!(wants.ask(now), None);
        wants.answered(|_| true);
        assert!(!wants.is_past(mark));
        let (hashes, whole) = wants.ask(now).unwrap();
        assert_eq!((hashes.len(), whole), (300 - WANT_HASHES, true));
        // What comes later does not delay the mark.
        assert!(wants.add(1000, false));
        wants.answered(|_| true);
        assert!(wants.is_past(mark) && !wants.is_past(wants.mark()));
    }

    #[test]
    fn what_did_not_fit_into_an_answer_is_asked_for_again_before_anything_else() {
        let now = now();
        let mut wants = WantQueue::default();
        for hash in [1, 2, 3] {
            wants.add(hash, true);
        }
        let mark = wants.mark();
        wants.ask(now);
        wants.add(4, false);
        wants.answered(|hash| hash == 1);
        assert_eq!(wants.ask(now).unwrap(), (vec![2, 3, 4], true));
        wants.answered(|hash| hash == 4);
        assert!(!wants.is_past(mark));
        assert_eq!(wants.ask(now).unwrap().0, [2, 3]);
        // No progress: nobody will ever send them.
        wants.answered(|_| false);
        assert!(wants.is_past(mark) && wants.ask(now).is_none());
        assert!(wants.add(2, false));
    }

    #[test]
    fn a_renewal_that_is_of_no_use_is_asked_for_as_a_whole_entry() {
        let now = now();
        let mut wants = WantQueue::default();
        wants.add(1, false);
        let mark = wants.mark();
        assert_eq!(wants.ask(now).unwrap(), (vec![1], false));
        wants.answered(|_| false);
        assert!(!wants.is_past(mark));
        assert_eq!(wants.ask(now).unwrap(), (vec![1], true));
        wants.answered(|_| false);
        assert!(wants.is_past(mark) && wants.ask(now).is_none());
    }

    #[test]
    fn an_answer_that_does_not_come_is_given_up() {
        let now = now();
        let mut wants = WantQueue::default();
        wants.add(1, false);
        let mark = wants.mark();
        wants.ask(now);
        assert!(!wants.expire(now + WANT_TIMEOUT / 2));
        assert!(wants.expire(now + WANT_TIMEOUT));
        assert!(wants.is_past(mark));
        assert!(wants.add(1, false));
    }

    #[test]
    fn memories_are_bounded() {
        let now = now();
        let mut known = KnownThere::default();
        let mut passed = Passed::default();
        for hash in 0..100_000 {
            known.add(hash);
            passed.add(hash, now + Duration::from_secs(1));
        }
        assert!(known.set.len() <= KNOWN_MAX && known.order.len() <= KNOWN_MAX);
        assert!(passed.until.len() <= PASSED_MAX && passed.order.len() <= PASSED_MAX);
        assert!(known.contains(99_999) && !known.contains(0));
        assert!(passed.contains(99_999, now) && !passed.contains(0, now));
        assert!(!passed.contains(99_999, now + Duration::from_secs(1)));
    }
}
