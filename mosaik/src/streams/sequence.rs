//! Sequence numbers on a channel: what has been received, what was lost, what came twice.
//!
//! A sequence number is the position of a datum in the producer's stream, counted from 0 for one incarnation of the
//! producer. Frames cover ranges of positions; each position of a channel is received, filtered out, or lost.

use {
    crate::primitives::PeerId,
    serde::{Deserialize, Serialize},
    std::fmt,
};

/// A range of a stream that a consumer will never receive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Whose stream it is.
    pub producer: PeerId,
    /// The sequence number of the first datum in the range.
    pub first: u64,
    /// The sequence number after the last datum in the range.
    pub end: u64,
    /// Datums of the range that were meant for this consumer and are lost.
    ///
    /// Less than `end - first` only where a filter had chosen some of them.
    pub lost: u64,
    /// Why they are lost.
    pub reason: GapReason,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            first,
            end,
            lost,
            reason,
            ..
        } = self;
        write!(f, "lost {lost} datums in {first}..{end}: {reason}")
    }
}

/// Why datums are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GapReason {
    /// The producer's back-pressure policy dropped them because this consumer was slow.
    Overflow,
    /// They were no longer retained when the consumer came back.
    Expired,
    /// The producer left them out without saying so.
    Unreported,
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "the consumer was slow and the producer's policy drops",
            Self::Expired => "no longer retained when the consumer came back",
            Self::Unreported => "the producer left them out",
        })
    }
}

/// The receiving end's place in one producer's stream, across links.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tracker {
    place: Option<Place>,
}

/// A place in one incarnation of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) incarnation: u64,
    /// The first position not received yet.
    pub(crate) next: u64,
}

/// What a frame's range means at the receiving end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Positions before this one came twice and are to be skipped.
    pub(crate) fresh_from: u64,
    /// Positions that nobody accounted for, before the range.
    pub(crate) missing: Option<(u64, u64)>,
}

impl Tracker {
    /// Where to resume, if the channel was ever open.
    pub(crate) const fn place(&self) -> Option<Place> {
        self.place
    }

    /// The producer accepted, and starts at `start`; positions lost since the last link, if it did not say so.
    pub(crate) fn open(&mut self, incarnation: u64, start: u64) -> Option<(u64, u64)> {
        match self.place {
            Some(place) if place.incarnation == incarnation => {
                if start <= place.next {
                    return None;
                }
                self.place = Some(Place {
                    incarnation,
                    next: start,
                });
                Some((place.next, start))
            }
            _ => {
                self.place = Some(Place {
                    incarnation,
                    next: start,
                });
                None
            }
        }
    }

    /// Whether a producer of another incarnation would be a restart.
    pub(crate) fn is_restart(&self, incarnation: u64) -> bool {
        self.place
            .is_some_and(|place| place.incarnation != incarnation)
    }

    /// A frame covers `first..end`.
    pub(crate) fn cover(&mut self, first: u64, end: u64) -> Covered {
        let next = self.place.map_or(first, |place| place.next);
        if let Some(place) = &mut self.place {
            place.next = next.max(end);
        }
        Covered {
            fresh_from: next.max(first),
            missing: (first > next).then_some((next, first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(incarnation: u64, next: u64) -> Tracker {
        Tracker {
            place: Some(Place { incarnation, next }),
        }
    }

    #[test]
    fn frames_advance_and_never_deliver_twice() {
        // (place, frame) -> (fresh from, missing, next)
        let cases = [
            (10, (10, 15), (10, None, 15)),
            (10, (12, 15), (12, Some((10, 12)), 15)),
            (10, (5, 15), (10, None, 15)),
            (10, (5, 8), (10, None, 10)),
            (10, (10, 10), (10, None, 10)),
        ];
        for (next, (first, end), (fresh_from, missing, after)) in cases {
            let mut tracker = at(1, next);
            assert_eq!(
                tracker.cover(first, end),
                Covered {
                    fresh_from,
                    missing
                }
            );
            assert_eq!(tracker, at(1, after), "after {first}..{end}");
        }
    }

    #[test]
    fn opening_resumes_or_starts_anew() {
        // (before, (incarnation, start)) -> (missing, after, restart)
        let cases = [
            (Tracker::default(), (1, 7), None, at(1, 7), false),
            (at(1, 7), (1, 7), None, at(1, 7), false),
            (at(1, 7), (1, 5), None, at(1, 7), false),
            (at(1, 7), (1, 9), Some((7, 9)), at(1, 9), false),
            (at(1, 7), (2, 3), None, at(2, 3), true),
        ];
        for (before, (incarnation, start), missing, after, restart) in cases {
            let mut tracker = before.clone();
            assert_eq!(tracker.is_restart(incarnation), restart, "{before:?}");
            assert_eq!(tracker.open(incarnation, start), missing, "{before:?}");
            assert_eq!(tracker, after);
        }
    }
}
