//! The latest changes, for those who follow them.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;

use futures::Stream;

use super::Version;
use crate::groups::Index;
use crate::runtime::{Condition, Observable};

/// Changes that a follower takes at a time: one look at the history for many of them.
const CHANGES_PER_LOOK: usize = 64;

/// What happens to a collection, as one who follows it learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<C> {
    /// One change.
    Changed {
        /// The version of the write that made it. One write may make several changes.
        version: Version,
        /// What changed.
        change: C,
    },
    /// Changes up to this version are not known any more: take `snapshot()`, and skip the changes up to *its* version.
    Relisted {
        /// Up to where.
        version: Version,
    },
}

impl<C> Event<C> {
    /// The version that it takes the collection to.
    pub const fn version(&self) -> Version {
        match self {
            Self::Changed { version, .. } | Self::Relisted { version } => *version,
        }
    }
}

/// The latest changes of one replica.
#[derive(Debug)]
pub(super) struct History<C> {
    /// Nobody has asked yet, so nothing is kept.
    is_off: bool,
    is_closed: bool,
    changes: VecDeque<(Index, C)>,
    changes_max: usize,
    /// The number of the first change in `changes`. A number that is skipped stands for changes that are lost.
    first: u64,
    /// Every change after this version is in `changes`.
    since: Index,
    /// The last version that was published.
    version: Index,
}

impl<C: Clone> History<C> {
    pub(super) const fn new(changes_max: usize) -> Self {
        Self {
            is_off: true,
            is_closed: false,
            changes: VecDeque::new(),
            changes_max,
            first: 0,
            since: Index(0),
            version: Index(0),
        }
    }

    pub(super) const fn is_on(&self) -> bool {
        !self.is_off
    }

    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    /// Takes the changes up to `version`; `None` if they are not known.
    pub(super) fn publish(
        &mut self,
        version: Index,
        changes: Option<impl IntoIterator<Item = (Index, C)>>,
    ) {
        self.version = version;
        if self.is_off {
            return;
        }
        let Some(changes) = changes else {
            self.first = self.end() + 1;
            self.changes.clear();
            self.since = version;
            return;
        };
        for change in changes {
            if self.changes.len() == self.changes_max {
                self.first += 1;
                // With no room at all, the change itself is the one that is lost.
                let lost = self.changes.pop_front().unwrap_or_else(|| change.clone());
                self.since = lost.0;
            }
            if self.changes_max > 0 {
                self.changes.push_back(change);
            }
        }
    }

    /// The number of the first change after `version`; of one that is lost, if any of them is.
    fn position_after(&mut self, version: Index) -> u64 {
        if self.is_off {
            self.is_off = false;
            // As if one were lost already: who asks for something older must be told.
            self.first += 1;
            self.since = self.version;
        }
        if version < self.since {
            return self.first - 1;
        }
        let skipped = self
            .changes
            .iter()
            .take_while(|(at, _)| *at <= version)
            .count();
        self.first + skipped as u64
    }
}

/// A stream of what happens to a collection. Clones go on from where the original is.
///
/// It ends when the last handle of the collection on this node is gone.
#[must_use = "a stream does nothing unless polled"]
pub struct Changes<C> {
    history: Observable<History<C>>,
    /// The number of the next change to take.
    next: u64,
    /// Changes up to here are known to who follows.
    after: Index,
    taken: VecDeque<Event<C>>,
    waiting: Option<Condition<History<C>>>,
}

impl<C: Clone + Send + Sync + 'static> Changes<C> {
    /// Changes after `version`; without one, from now on.
    pub(super) fn follow(history: &Observable<History<C>>, version: Option<Version>) -> Self {
        let (mut next, mut after) = (0, Index(0));
        history.update(|history| {
            after = version.map_or(history.version, |version| version.0);
            next = history.position_after(after);
            false
        });
        Self {
            history: history.clone(),
            next,
            after,
            taken: VecDeque::new(),
            waiting: None,
        }
    }

    /// Takes what there is; whether the stream may go on.
    fn take(&mut self) -> bool {
        let (taken, next, after) = (&mut self.taken, &mut self.next, self.after);
        self.history.read(|history| {
            if *next < history.first {
                *next = history.first;
                taken.push_back(Event::Relisted {
                    version: Version(history.since),
                });
            }
            let skipped = usize::try_from(*next - history.first).unwrap_or(usize::MAX);
            for (version, change) in history.changes.iter().skip(skipped).take(CHANGES_PER_LOOK) {
                *next += 1;
                if *version > after {
                    taken.push_back(Event::Changed {
                        version: Version(*version),
                        change: change.clone(),
                    });
                }
            }
            !history.is_closed || *next < history.end()
        })
    }
}

impl<C: Clone + Send + Sync + 'static> Stream for Changes<C> {
    type Item = Event<C>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event<C>>> {
        loop {
            if let Some(event) = self.taken.pop_front() {
                return Poll::Ready(Some(event));
            }
            let goes_on = self.take();
            if !self.taken.is_empty() {
                continue;
            }
            if !goes_on {
                return Poll::Ready(None);
            }
            let next = self.next;
            let waiting = self.history.condition(move |history: &History<C>| {
                history.is_closed || history.first > next || history.end() > next
            });
            let waiting = self.waiting.insert(waiting);
            if Pin::new(waiting).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

// Nothing in it is pinned.
impl<C> Unpin for Changes<C> {}

impl<C: Clone> Clone for Changes<C> {
    fn clone(&self) -> Self {
        Self {
            history: self.history.clone(),
            next: self.next,
            after: self.after,
            taken: self.taken.clone(),
            waiting: None,
        }
    }
}

impl<C> core::fmt::Debug for Changes<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _};

    use super::*;

    fn publish(history: &Observable<History<char>>, version: u64, changes: &str) {
        let changes: Vec<_> = changes.chars().map(|c| (Index(version), c)).collect();
        history.update(|history| {
            history.publish(Index(version), Some(changes));
            true
        });
    }

    fn lose(history: &Observable<History<char>>, version: u64) {
        history.update(|history| {
            history.publish(Index(version), None::<Vec<_>>);
            true
        });
    }

    fn follow(history: &Observable<History<char>>, version: Option<u64>) -> Changes<char> {
        Changes::follow(history, version.map(|version| Version(Index(version))))
    }

    /// What there is, in short: `a1` for a change, `!5` for a loss.
    fn drain(changes: &mut Changes<char>) -> String {
        let mut text = String::new();
        while let Some(Some(event)) = changes.next().now_or_never() {
            text += &match event {
                Event::Changed { version, change } => format!("{change}{version} "),
                Event::Relisted { version } => format!("!{version} "),
            };
        }
        text.trim_end().to_owned()
    }

    #[test]
    fn from_now_on() {
        let history = Observable::new(History::new(10));
        publish(&history, 1, "a");
        let mut changes = follow(&history, None);
        assert_eq!(drain(&mut changes), "");
        publish(&history, 2, "bc");
        publish(&history, 3, "d");
        assert_eq!(drain(&mut changes.clone()), "b2 c2 d3");
        assert_eq!(drain(&mut changes), "b2 c2 d3");
        assert_eq!(drain(&mut follow(&history, Some(2))), "d3");
        assert_eq!(drain(&mut follow(&history, Some(1))), "b2 c2 d3");
        assert_eq!(
            drain(&mut follow(&history, Some(0))),
            "!1 b2 c2 d3",
            "before anybody asked"
        );
    }

    #[test]
    fn losses_are_told() {
        let history = Observable::new(History::new(2));
        let mut changes = follow(&history, None);
        publish(&history, 1, "abc");
        assert_eq!(drain(&mut changes), "!1 b1 c1");
        lose(&history, 9);
        assert_eq!(drain(&mut changes), "!9");
        publish(&history, 10, "d");
        assert_eq!(drain(&mut changes), "d10");
        assert_eq!(drain(&mut follow(&history, Some(8))), "!9 d10");
        let none = Observable::new(History::new(0));
        let mut changes = follow(&none, None);
        publish(&none, 1, "abc");
        assert_eq!(drain(&mut changes), "!1");
    }

    #[test]
    fn who_is_ahead_waits() {
        let history = Observable::new(History::new(10));
        let mut changes = follow(&history, Some(2));
        publish(&history, 1, "a");
        publish(&history, 2, "b");
        publish(&history, 3, "c");
        assert_eq!(drain(&mut changes), "c3");
    }

    #[test]
    fn the_end_comes_after_what_is_left() {
        let history = Observable::new(History::new(10));
        let mut changes = follow(&history, None);
        publish(&history, 1, "a");
        history.update(|history| {
            history.close();
            true
        });
        assert!(changes.next().now_or_never().flatten().is_some());
        assert_eq!(changes.next().now_or_never(), Some(None));
    }
}
