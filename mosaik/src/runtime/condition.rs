//! Waiting until something holds.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering, fence};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// A value that others can watch. Clones are one value.
///
/// A change wakes exactly those who wait; with nobody waiting it costs no lock but the value's own.
pub(crate) struct Observable<T>(Arc<Shared<T>>);

struct Shared<T> {
    value: RwLock<T>,
    /// How many wakers are in `slots`: lets a change pass by without its lock.
    waiting: AtomicUsize,
    slots: Mutex<Slots>,
}

impl<T> Observable<T> {
    /// A value that nobody watches yet.
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Shared {
            value: RwLock::new(value),
            waiting: AtomicUsize::new(0),
            slots: Mutex::default(),
        }))
    }

    /// Looks at the value. `look` must not change this value, or it waits for itself.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the value; `change` says whether it did, and if so, who waits is woken.
    pub(crate) fn update(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let changed = change(&mut self.0.value.write().unwrap_or_else(PoisonError::into_inner));
        if changed {
            self.notify();
        }
        changed
    }

    /// Wakes who waits: for values that change through a shared reference.
    pub(crate) fn notify(&self) {
        // Pairs with the fence in `Condition::poll`: either we see its waker or it sees our change.
        fence(Ordering::SeqCst);
        if self.0.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let wakers = {
            let mut slots = lock(&self.0.slots);
            let wakers = slots.take_wakers();
            self.0.waiting.store(0, Ordering::Relaxed);
            wakers
        };
        // Outside of the lock: a waker may run anything.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until `holds` is true of the value.
    ///
    /// `holds` is called on every change while somebody waits: it must be quick, and must not
    /// change the value.
    pub(crate) fn condition(
        &self,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Condition<T> {
        Condition {
            shared: self.0.clone(),
            holds: Arc::new(holds),
            armed: true,
            slot: None,
        }
    }
}

impl<T> Clone for Observable<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for Observable<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Observable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read(|value| f.debug_tuple("Observable").field(value).finish())
    }
}

/// Waits until something holds of an [`Observable`]: the one future behind every `when()`.
///
/// It completes when its condition becomes true: at the first poll if it is true then, and again
/// only after a poll has seen it false. So a loop that awaits `&mut condition` sees every rise that
/// it looks out for, and never spins. A clone starts fresh. Waiting costs nothing: it is polled when
/// the value changed, and not otherwise.
pub(crate) struct Condition<T> {
    shared: Arc<Shared<T>>,
    holds: Arc<dyn Fn(&T) -> bool + Send + Sync>,
    /// Whether the next time that the condition holds counts.
    armed: bool,
    /// The place of our waker.
    slot: Option<usize>,
}

impl<T> Condition<T> {
    /// Whether it holds now, whatever was seen before.
    pub(crate) fn is_met(&self) -> bool {
        (self.holds)(
            &self
                .shared
                .value
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn register(&mut self, waker: &Waker) {
        let mut slots = lock(&self.shared.slots);
        let slot = *self.slot.get_or_insert_with(|| slots.reserve());
        slots.set_waker(slot, waker);
        self.shared.waiting.store(slots.waiting, Ordering::Relaxed);
    }

    fn deregister(&mut self) {
        if let Some(slot) = self.slot.take() {
            let mut slots = lock(&self.shared.slots);
            let waker = slots.release(slot);
            self.shared.waiting.store(slots.waiting, Ordering::Relaxed);
            drop(slots);
            // Outside of the lock: dropping a waker may drop a task.
            drop(waker);
        }
    }
}

impl<T> Future for Condition<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // First the waker, then the look: a change in between wakes us.
        self.register(context.waker());
        fence(Ordering::SeqCst);
        let met = self.is_met();
        if met && self.armed {
            self.armed = false;
            self.deregister();
            return Poll::Ready(());
        }
        self.armed = !met;
        Poll::Pending
    }
}

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            holds: self.holds.clone(),
            armed: true,
            slot: None,
        }
    }
}

impl<T> Drop for Condition<T> {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl<T> fmt::Debug for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("met", &self.is_met())
            .finish_non_exhaustive()
    }
}

/// Wakers by place. Places are reused, so there are never more than conditions waiting at once.
#[derive(Default)]
struct Slots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// How many places have a waker.
    waiting: usize,
}

impl Slots {
    fn reserve(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }

    fn set_waker(&mut self, slot: usize, waker: &Waker) {
        match &mut self.wakers[slot] {
            Some(old) => old.clone_from(waker),
            empty => {
                *empty = Some(waker.clone());
                self.waiting += 1;
            }
        }
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.waiting = 0;
        self.wakers.iter_mut().filter_map(Option::take).collect()
    }

    fn release(&mut self, slot: usize) -> Option<Waker> {
        self.free.push(slot);
        let waker = self.wakers[slot].take();
        self.waiting -= usize::from(waker.is_some());
        waker
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::time::{Duration, sleep, timeout};
    use futures::FutureExt as _;

    fn at_least(observable: &Observable<u32>, least: u32) -> Condition<u32> {
        observable.condition(move |value| *value >= least)
    }

    fn raise(value: &mut u32) -> bool {
        *value += 1;
        true
    }

    fn clear(value: &mut u32) -> bool {
        *value = 0;
        true
    }

    /// Ready or pending, without a task to wake.
    fn poll_once(condition: &mut Condition<u32>) -> bool {
        condition
            .poll_unpin(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn is_what_when_promises() {
        fn promises<F: Future<Output = ()> + Unpin + Send + Sync + Clone + 'static>(_: &F) {}
        promises(&at_least(&Observable::default(), 1));
        // Also of values that nothing else can share or move between threads: none needed here.
        fn sync<T: Send + Sync>() {}
        sync::<Observable<Vec<u8>>>();
    }

    #[test]
    fn completes_on_each_rise_that_it_looks_out_for() {
        let value = Observable::new(1);
        let mut condition = at_least(&value, 1);
        assert!(poll_once(&mut condition), "true at the first poll");
        assert!(
            !poll_once(&mut condition),
            "the same rise does not count twice"
        );
        value.update(clear);
        assert!(!condition.is_met());
        assert!(!poll_once(&mut condition), "false");
        value.update(raise);
        assert!(condition.is_met());
        assert!(poll_once(&mut condition), "true again");
        assert!(poll_once(&mut condition.clone()), "a clone starts fresh");
        value.update(clear);
        value.update(raise);
        assert!(
            !poll_once(&mut condition),
            "a fall that nobody saw does not count"
        );
    }

    #[test]
    fn only_changes_wake() {
        let value = Observable::new(0);
        let mut condition = at_least(&value, 9);
        let (waker, count) = counting_waker();
        let mut context = Context::from_waker(&waker);
        assert!(condition.poll_unpin(&mut context).is_pending());
        assert!(!value.update(|_| false));
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        assert!(value.update(raise) && value.update(raise));
        assert_eq!(
            count.0.load(Ordering::Relaxed),
            1,
            "woken once until it is polled again"
        );
        assert_eq!(value.read(|value| *value), 2);
    }

    /// Counts how often the future inside is polled.
    struct Counted<F>(F, Arc<AtomicUsize>);

    impl<F: Future + Unpin> Future for Counted<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.poll_unpin(context)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pending_condition_sleeps() {
        let value = Observable::new(0);
        let polls = Arc::new(AtomicUsize::new(0));
        let waiting = tokio::time::timeout(
            Duration::from_secs(1),
            Counted(at_least(&value, 1), polls.clone()),
        );
        assert!(waiting.await.is_err());
        let polls = polls.load(Ordering::Relaxed);
        assert!((1..=2).contains(&polls), "{polls} polls in a second");
    }

    #[tokio::test(start_paused = true)]
    async fn a_condition_that_was_met_sleeps_too() {
        let value = Observable::new(1);
        let mut condition = at_least(&value, 1);
        (&mut condition).await;
        let polls = Arc::new(AtomicUsize::new(0));
        let waiting = Counted(&mut condition, polls.clone());
        assert!(timeout(Duration::from_secs(1), waiting).await.is_err());
        assert!(polls.load(Ordering::Relaxed) <= 2);
    }

    #[tokio::test]
    async fn wakes_from_another_thread() {
        for _ in 0..200 {
            let value = Observable::new(0);
            let conditions = [
                at_least(&value, 1),
                at_least(&value, 2),
                at_least(&value, 2),
            ];
            let thread = std::thread::spawn({
                let value = value.clone();
                move || (value.update(raise), value.update(raise))
            });
            for condition in conditions {
                timeout(Duration::from_secs(10), condition)
                    .await
                    .expect("woken");
            }
            thread.join().unwrap();
        }
    }

    #[tokio::test]
    async fn wakes_every_task_that_waits() {
        let value = Observable::new(0);
        let condition = at_least(&value, 1);
        let waiting = futures::future::join_all((0..50).map(|_| condition.clone()));
        let change = async {
            sleep(Duration::from_millis(1)).await;
            value.update(raise);
        };
        timeout(
            Duration::from_secs(10),
            futures::future::join(waiting, change),
        )
        .await
        .unwrap();
        assert_eq!(value.0.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn interior_changes_are_announced() {
        let value = Observable::new(AtomicUsize::new(0));
        let mut condition = value.condition(|value| value.load(Ordering::Relaxed) > 0);
        let mut context = Context::from_waker(Waker::noop());
        assert!(condition.poll_unpin(&mut context).is_pending());
        value.read(|value| value.store(1, Ordering::Relaxed));
        assert_eq!(value.0.waiting.load(Ordering::Relaxed), 1);
        value.notify();
        assert_eq!(value.0.waiting.load(Ordering::Relaxed), 0);
        assert!(condition.poll_unpin(&mut context).is_ready());
    }

    #[test]
    fn dropping_takes_the_waker_away() {
        let value = Observable::new(0);
        let slots = |value: &Observable<u32>| lock(&value.0.slots).wakers.len();
        let mut first = at_least(&value, 1);
        assert!(!poll_once(&mut first));
        assert_eq!(value.0.waiting.load(Ordering::Relaxed), 1);
        drop(first);
        assert_eq!(value.0.waiting.load(Ordering::Relaxed), 0);
        for _ in 0..100 {
            assert!(!poll_once(&mut at_least(&value, 1)));
        }
        assert_eq!(slots(&value), 1, "places are reused");
        let mut done = at_least(&value, 0);
        assert!(poll_once(&mut done));
        assert_eq!(
            value.0.waiting.load(Ordering::Relaxed),
            0,
            "a finished wait leaves nothing"
        );
    }

    #[test]
    fn the_newest_waker_counts() {
        let value = Observable::new(0);
        let mut condition = at_least(&value, 1);
        let (old, old_count) = counting_waker();
        let (new, new_count) = counting_waker();
        assert!(
            condition
                .poll_unpin(&mut Context::from_waker(&old))
                .is_pending()
        );
        assert!(
            condition
                .poll_unpin(&mut Context::from_waker(&new))
                .is_pending()
        );
        value.update(raise);
        assert_eq!(old_count.0.load(Ordering::Relaxed), 0);
        assert_eq!(new_count.0.load(Ordering::Relaxed), 1);
    }

    struct CountWakes(AtomicUsize);

    impl std::task::Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counting_waker() -> (Waker, Arc<CountWakes>) {
        let count = Arc::new(CountWakes(AtomicUsize::new(0)));
        (Waker::from(count.clone()), count)
    }
}
