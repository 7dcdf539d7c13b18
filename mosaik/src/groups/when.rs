//! Waiting for what happens to a member.

use core::{fmt, future::Future, marker::PhantomData};

use super::{
    Cursor, Index, IndexOrRange,
    view::{Counted, View, Views},
};
use crate::{primitives::PeerId, runtime::Condition};

/// Waits for what happens to a member of a group.
///
/// Every future looks out from when it is made, not from when it is first polled, and borrows nothing. When the
/// member leaves, what has not happened never will: the futures stay pending.
#[derive(Clone)]
pub struct When {
    views: Views,
    local: PeerId,
}

impl When {
    pub(in crate::groups) const fn new(views: Views, local: PeerId) -> Self {
        Self { views, local }
    }

    /// Until there is a leader: who it is.
    pub fn leader_elected(&self) -> impl Future<Output = PeerId> + Send + Sync + 'static + use<> {
        first(&self.views, |view| view.leader)
    }

    /// Until there is another leader than now: who it is. The same one again does not count.
    pub fn leader_changed(&self) -> impl Future<Output = PeerId> + Send + Sync + 'static + use<> {
        let before = self.views.read(|view| view.leader);
        first(&self.views, move |view| {
            view.leader.filter(|leader| Some(*leader) != before)
        })
    }

    /// Until the leader is `expected`.
    pub fn leader_is(
        &self,
        expected: PeerId,
    ) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.holds(move |view| view.leader == Some(expected))
    }

    /// Until this member leads.
    pub fn is_leader(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.leader_is(self.local)
    }

    /// Until this member does not lead, whether another one does or not.
    pub fn is_follower(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        let local = self.local;
        self.holds(move |view| view.leader != Some(local))
    }

    /// Until commands and strong queries can be expected to work here.
    pub fn online(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.holds(|view| view.is_online)
    }

    /// Until they cannot.
    pub fn offline(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.holds(|view| !view.is_online)
    }

    /// The end of the log here.
    pub fn log(&self) -> CursorWatcher<Cursor> {
        CursorWatcher::new(&self.views)
    }

    /// The last command applied here.
    pub fn committed(&self) -> CursorWatcher<Index> {
        CursorWatcher::new(&self.views)
    }

    fn holds(&self, holds: impl Fn(&View) -> bool + Send + Sync + 'static) -> Condition<View> {
        self.views.condition(holds)
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When").finish_non_exhaustive()
    }
}

/// Follows a position of a member.
pub struct CursorWatcher<T> {
    views: Views,
    /// How often the position had changed when the watcher was made.
    changes_count: u64,
    position: PhantomData<fn() -> T>,
}

impl<T: Position> CursorWatcher<T> {
    fn new(views: &Views) -> Self {
        Self {
            views: views.clone(),
            changes_count: views.read(|view| T::of(view).changes_count),
            position: PhantomData,
        }
    }

    /// Until the position is another one than when this watcher was made, at any time since: where it is.
    pub fn changed(&self) -> impl Future<Output = T> + Send + Sync + 'static + use<T> {
        let before = self.changes_count;
        first(&self.views, move |view| {
            let position = T::of(view);
            (position.changes_count != before).then_some(position.value)
        })
    }

    /// Until the position is beyond the one now.
    pub fn advanced(&self) -> impl Future<Output = T> + Send + Sync + 'static + use<T> {
        let before = self.now();
        first(&self.views, move |view| {
            Some(T::of(view).value).filter(|now| *now > before)
        })
    }

    /// Until the position is before the one now.
    pub fn reverted(&self) -> impl Future<Output = T> + Send + Sync + 'static + use<T> {
        let before = self.now();
        first(&self.views, move |view| {
            Some(T::of(view).value).filter(|now| *now < before)
        })
    }

    /// Until the position is at `index`, or at the end of a range, or beyond: at once if it is.
    pub fn reaches<I: IndexOrRange>(
        &self,
        index: I,
    ) -> impl Future<Output = T> + Send + Sync + 'static + use<T, I> {
        let index = index.last_index();
        first(&self.views, move |view| {
            Some(T::of(view).value).filter(|now| *now >= index)
        })
    }

    fn now(&self) -> T {
        self.views.read(|view| T::of(view).value)
    }
}

impl<T> fmt::Debug for CursorWatcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CursorWatcher").finish_non_exhaustive()
    }
}

/// What a [`CursorWatcher`] can follow.
#[doc(hidden)]
#[expect(
    private_interfaces,
    reason = "sealed by it: nobody else can name a view"
)]
pub trait Position: PartialOrd<Index> + Ord + Copy + Send + Sync + 'static {
    /// Where a member is.
    fn of(view: &View) -> Counted<Self>;
}

#[expect(private_interfaces, reason = "sealed by it")]
impl Position for Index {
    fn of(view: &View) -> Counted<Self> {
        view.committed
    }
}

#[expect(private_interfaces, reason = "sealed by it")]
impl Position for Cursor {
    fn of(view: &View) -> Counted<Self> {
        view.log
    }
}

/// The first value that `find` finds in a view, now or later.
fn first<R, F>(
    views: &Views,
    find: F,
) -> impl Future<Output = R> + Send + Sync + 'static + use<R, F>
where
    R: Send + Sync + 'static,
    F: Fn(&View) -> Option<R> + Clone + Send + Sync + 'static,
{
    let views = views.clone();
    let look = find.clone();
    let mut found = views.condition(move |view| look(view).is_some());
    async move {
        loop {
            (&mut found).await;
            if let Some(value) = views.read(&find) {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::{groups::IndexRange, primitives::SecretKey};

    fn peer(seed: u8) -> PeerId {
        SecretKey::from_bytes(&[seed; 32]).public()
    }

    fn set_leader(views: &Views, leader: Option<PeerId>) {
        views.update(|view| {
            view.leader = leader;
            true
        });
    }

    fn commit(views: &Views, index: u64) {
        views.update(|view| view.committed.set(Index(index)));
    }

    #[test]
    fn leaders() {
        let views = Views::default();
        let when = When::new(views.clone(), peer(1));
        let mut elected = Box::pin(when.leader_elected());
        assert_eq!((&mut elected).now_or_never(), None);
        assert_eq!(when.is_follower().now_or_never(), Some(()));
        set_leader(&views, Some(peer(1)));
        assert_eq!(elected.now_or_never(), Some(peer(1)));
        assert_eq!(when.leader_elected().now_or_never(), Some(peer(1)));
        assert_eq!(when.is_leader().now_or_never(), Some(()));
        assert_eq!(when.leader_is(peer(2)).now_or_never(), None);

        let mut changed = Box::pin(when.leader_changed());
        set_leader(&views, None);
        set_leader(&views, Some(peer(1)));
        assert_eq!((&mut changed).now_or_never(), None, "the same one again");
        set_leader(&views, Some(peer(2)));
        assert_eq!(changed.now_or_never(), Some(peer(2)));
    }

    #[test]
    fn futures_look_out_from_when_they_are_made() {
        let views = Views::default();
        let when = When::new(views.clone(), peer(1));
        let watcher = when.committed();
        let (changed, advanced, reverted) =
            (watcher.changed(), watcher.advanced(), watcher.reverted());
        let (third, later) = (watcher.reaches(3), watcher.reaches(Index(4)..=Index(5)));
        commit(&views, 3);
        assert_eq!(changed.now_or_never(), Some(Index(3)));
        assert_eq!(watcher.changed().now_or_never(), Some(Index(3)));
        assert_eq!(when.committed().changed().now_or_never(), None);
        assert_eq!(advanced.now_or_never(), Some(Index(3)));
        assert_eq!(watcher.advanced().now_or_never(), None);
        assert_eq!(reverted.now_or_never(), None);
        assert_eq!(third.now_or_never(), Some(Index(3)));
        assert_eq!(later.now_or_never(), None);
        let reverted = watcher.reverted();
        commit(&views, 1);
        assert_eq!(reverted.now_or_never(), Some(Index(1)));
    }

    #[test]
    fn what_is_before_everything_is_reached_at_once() {
        let when = When::new(Views::default(), peer(1));
        let (committed, log) = (when.committed(), when.log());
        let nothing = Some(Index::zero());
        assert_eq!(committed.reaches(0).now_or_never(), nothing);
        assert_eq!(committed.reaches(-5).now_or_never(), nothing);
        assert_eq!(committed.reaches(&i64::MIN).now_or_never(), nothing);
        assert_eq!(committed.reaches(Index(1).prev()).now_or_never(), nothing);
        assert_eq!(committed.reaches(Index(1) - 2u64).now_or_never(), nothing);
        assert_eq!(committed.reaches(range(0, 0)).now_or_never(), nothing);
        assert_eq!(log.reaches(-1).now_or_never(), Some(Cursor::zero()));
        assert_eq!(committed.reaches(1).now_or_never(), None);
        assert_eq!(log.reaches(1).now_or_never(), None);
    }

    #[test]
    fn what_is_beyond_the_end_is_waited_for() {
        let views = Views::default();
        let when = When::new(views.clone(), peer(1));
        commit(&views, 3);
        let watcher = when.committed();
        let mut next = Box::pin(watcher.reaches(4));
        let mut within = Box::pin(watcher.reaches(range(2, 5)));
        let mut never = Box::pin(watcher.reaches(u64::MAX));
        assert_eq!((&mut next).now_or_never(), None);
        // It may go past what is waited for, and back before that again.
        commit(&views, 10);
        assert_eq!(next.now_or_never(), Some(Index(10)));
        commit(&views, 2);
        assert_eq!(
            (&mut within).now_or_never(),
            None,
            "only where it is now counts"
        );
        commit(&views, 5);
        assert_eq!(within.now_or_never(), Some(Index(5)));
        commit(&views, u64::MAX - 1);
        assert_eq!((&mut never).now_or_never(), None);
        // What would come after the greatest is the greatest.
        let beyond = watcher.reaches(Index(u64::MAX).next() + 1u64);
        commit(&views, u64::MAX);
        assert_eq!(never.now_or_never(), Some(Index(u64::MAX)));
        assert_eq!(beyond.now_or_never(), Some(Index(u64::MAX)));
    }

    #[test]
    fn of_a_range_the_end_counts() {
        let views = Views::default();
        let when = When::new(views.clone(), peer(1));
        commit(&views, 3);
        let reaches = |start, end| when.committed().reaches(range(start, end)).now_or_never();
        assert_eq!(reaches(1, 3), Some(Index(3)));
        assert_eq!(reaches(3, 4), None);
        assert_eq!(reaches(100, 200), None);
        // A range without positions has an end all the same.
        assert_eq!(reaches(9, 3), Some(Index(3)));
        assert_eq!(reaches(9, 4), None);
        assert_eq!(reaches(1, 0), Some(Index(3)));
    }

    fn range(start: u64, end: u64) -> IndexRange {
        IndexRange::new(start.into(), end.into())
    }

    #[test]
    fn the_log_is_followed_by_its_index() {
        let views = Views::default();
        let when = When::new(views.clone(), peer(1));
        let reaches = when.log().reaches(2u64);
        views.update(|view| view.log.set(Cursor::new(1.into(), 2.into())));
        assert_eq!(
            reaches.now_or_never(),
            Some(Cursor::new(1.into(), 2.into()))
        );
        // A later term at a position before it is no progress, and a later term alone not either.
        let reaches = when.log().reaches(range(1, 3));
        views.update(|view| view.log.set(Cursor::new(9.into(), 1.into())));
        assert_eq!(when.log().reaches(2).now_or_never(), None);
        views.update(|view| view.log.set(Cursor::new(9.into(), 3.into())));
        assert_eq!(
            reaches.now_or_never(),
            Some(Cursor::new(9.into(), 3.into()))
        );
    }
}
