//! The queue between the receivers and the application.

use {
    crate::streams::credit::{Credit, step},
    std::{
        collections::VecDeque,
        mem,
        sync::{
            Arc, Mutex, MutexGuard, PoisonError,
            atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        },
        task::{Context, Poll, Waker},
        vec,
    },
    tokio::sync::Notify,
};

/// Decoded datums that wait for the application; bounded by the credits of the channels.
pub(crate) struct Inbox<D> {
    state: Mutex<State<D>>,
    queued: AtomicUsize,
}

struct State<D> {
    batches: VecDeque<Batch<D>>,
    waker: Option<Waker>,
    ended: bool,
}

/// Datums of one channel, each with its size, that are returned to the producer as credit together.
pub(crate) struct Batch<D> {
    items: vec::IntoIter<(D, u32)>,
    size: Credit,
    window: Arc<Window>,
}

impl<D> Batch<D> {
    pub(crate) fn new(items: Vec<(D, u32)>, bytes: u64, window: Arc<Window>) -> Self {
        Self {
            size: Credit::new(items.len() as u64, bytes),
            items: items.into_iter(),
            window,
        }
    }

    /// The next datum and its encoded size. With the last one the credit goes back.
    pub(crate) fn next(&mut self) -> Option<(D, u32)> {
        let item = self.items.next()?;
        if self.items.len() == 0 {
            self.window.release(mem::take(&mut self.size));
        }
        Some(item)
    }
}

impl<D> Inbox<D> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                batches: VecDeque::new(),
                waker: None,
                ended: false,
            }),
            queued: AtomicUsize::new(0),
        }
    }

    /// Appends everything that one read brought.
    pub(crate) fn deliver(&self, batches: &mut VecDeque<Batch<D>>) {
        if batches.is_empty() {
            return;
        }
        let count: usize = batches.iter().map(|batch| batch.items.len()).sum();
        self.queued.fetch_add(count, Relaxed);
        let mut state = self.state();
        state.batches.append(batches);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes everything there is into an empty `into`; false once there will be nothing more.
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        into: &mut VecDeque<Batch<D>>,
    ) -> Poll<bool> {
        let mut state = self.state();
        if state.batches.is_empty() {
            if state.ended {
                return Poll::Ready(false);
            }
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        mem::swap(&mut state.batches, into);
        Poll::Ready(true)
    }

    /// As [`Inbox::poll_take`] without waiting; `None` if there is nothing now.
    pub(crate) fn try_take(&self, into: &mut VecDeque<Batch<D>>) -> Option<bool> {
        let mut state = self.state();
        if state.batches.is_empty() {
            return state.ended.then_some(false);
        }
        mem::swap(&mut state.batches, into);
        Some(true)
    }

    /// Datums that wait.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Relaxed)
    }

    pub(crate) fn taken(&self, datums: usize) {
        self.queued.fetch_sub(datums, Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the application has taken of one channel, over all its links.
pub(crate) struct Window {
    datums: AtomicU64,
    bytes: AtomicU64,
    /// As told to the receiver last.
    told_datums: AtomicU64,
    told_bytes: AtomicU64,
    step: Credit,
    told: Notify,
}

impl Window {
    pub(crate) fn new(capacity: Credit) -> Self {
        Self {
            datums: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            told_datums: AtomicU64::new(0),
            told_bytes: AtomicU64::new(0),
            step: step(capacity),
            told: Notify::new(),
        }
    }

    /// The application took so much; the receiver is woken once it is worth a message.
    pub(crate) fn release(&self, size: Credit) {
        let datums = self.datums.fetch_add(size.datums, Relaxed) + size.datums;
        let bytes = self.bytes.fetch_add(size.bytes, Relaxed) + size.bytes;
        let due = datums - self.told_datums.load(Relaxed).min(datums) >= self.step.datums
            || bytes - self.told_bytes.load(Relaxed).min(bytes) >= self.step.bytes;
        if due {
            self.told_datums.store(datums, Relaxed);
            self.told_bytes.store(bytes, Relaxed);
            self.told.notify_one();
        }
    }

    pub(crate) fn taken(&self) -> Credit {
        Credit::new(self.datums.load(Relaxed), self.bytes.load(Relaxed))
    }

    /// Resolves when it is worth telling the producer.
    pub(crate) async fn released(&self) {
        self.told.notified().await;
    }
}
