//! Tasks that nobody forgets.

use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt as _;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinError, JoinHandle};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{Shutdown, time};

/// How long an aborted task gets to reach its next `await`. One that computes without waiting
/// cannot be ended at all; it is left behind rather than waited for.
const ABORT_GRACE: Duration = Duration::from_millis(100);

/// A node of the tree of tasks. Clones are one node.
///
/// Tasks are spawned on a node; closing it asks its tasks and those of all nodes below to end,
/// waits, and aborts the rest. A panic ends its own task only, is logged and counted.
///
/// Dropping a node ends nothing: the owner calls [`close`](Tasks::close).
#[derive(Clone)]
pub(crate) struct Tasks(Arc<Node>);

struct Node {
    /// The names from the root down, joined by `/`.
    path: String,
    runtime: Handle,
    shutdown: Shutdown,
    /// All tasks of this node and of those below it.
    tracker: TaskTracker,
    closed: AtomicBool,
    next_id: AtomicU64,
    running: Mutex<HashMap<u64, Option<AbortHandle>>>,
    children: Mutex<Vec<Weak<Node>>>,
    panics: AtomicU64,
    parent: Option<Arc<Node>>,
}

impl Tasks {
    /// The root of a tree whose tasks run on the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn root(name: impl Into<String>) -> Self {
        Self(Arc::new(Node {
            path: name.into(),
            runtime: Handle::current(),
            shutdown: Shutdown::new(),
            tracker: TaskTracker::new(),
            closed: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
            running: Mutex::default(),
            children: Mutex::default(),
            panics: AtomicU64::new(0),
            parent: None,
        }))
    }

    /// A node below this one: closed with it, or alone.
    #[must_use]
    pub(crate) fn child(&self, name: impl AsRef<str>) -> Self {
        let node = Arc::new(Node {
            path: format!("{}/{}", self.0.path, name.as_ref()),
            runtime: self.0.runtime.clone(),
            shutdown: self.0.shutdown.child(),
            tracker: TaskTracker::new(),
            closed: AtomicBool::new(self.0.closed.load(Ordering::Acquire)),
            next_id: AtomicU64::new(0),
            running: Mutex::default(),
            children: Mutex::default(),
            panics: AtomicU64::new(0),
            parent: Some(self.0.clone()),
        });
        let mut children = lock(&self.0.children);
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(&node));
        Self(node)
    }

    /// Runs `future` as a task of this node; on a closed node it is dropped at once.
    ///
    /// The task is asked to end through [`shutdown`](Tasks::shutdown) only; dropping the handle
    /// does nothing. May be called from any thread.
    pub(crate) fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> TaskHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = name.into();
        let node = &self.0;
        if node.closed.load(Ordering::Acquire) {
            tracing::debug!(node = %node.path, task = %name, "not spawned: closed");
            return TaskHandle(None);
        }
        let id = node.next_id.fetch_add(1, Ordering::Relaxed);
        let span = tracing::debug_span!("task", node = %node.path, task = %name);
        let running = Running {
            node: node.clone(),
            id,
        };
        let task = async move {
            let outcome = AssertUnwindSafe(future).catch_unwind().await;
            if let Err(panic) = outcome {
                running.node.count_panic();
                let path = &running.node.path;
                tracing::error!(node = %path, task = %name, panic = message(&*panic), "task panicked");
                return TaskEnd::Panicked;
            }
            drop(running);
            TaskEnd::Finished
        };
        let tokens: Vec<_> = node.line().map(|node| node.tracker.token()).collect();
        let task = async move {
            let _tokens = tokens;
            task.await
        };
        // Its place is there before it runs: a task that has ended by now has taken it away again.
        lock(&node.running).insert(id, None);
        let handle = spawn_on(&node.runtime, task.instrument(span));
        if let Some(place) = lock(&node.running).get_mut(&id) {
            *place = Some(handle.abort_handle());
        }
        if node.closed.load(Ordering::Acquire) {
            handle.abort();
        }
        TaskHandle(Some(handle))
    }

    /// The wish to end that the tasks of this node follow.
    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.0.shutdown
    }

    /// Tasks of this node and below that panicked so far.
    pub(crate) fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Tasks of this node and below that have not ended.
    pub(crate) fn running(&self) -> usize {
        self.0.tracker.len()
    }

    /// Asks all tasks of this node and below to end, waits for at most `deadline`, aborts the rest.
    ///
    /// Returns how many were aborted. Afterwards nothing can be spawned here. Must not be called
    /// by a task of the node itself, which would wait for its own end.
    pub(crate) async fn close(&self, deadline: Duration) -> usize {
        self.0.shutdown.cancel();
        self.0.tracker.close();
        // Whether they ended in time shows in what is still running.
        time::timeout(deadline, self.0.tracker.wait()).await.ok();
        let mut aborted = 0;
        self.0.for_each(&mut |node| {
            node.closed.store(true, Ordering::Release);
            let running: Vec<_> = lock(&node.running).values().flatten().cloned().collect();
            aborted += running.len();
            running.iter().for_each(AbortHandle::abort);
        });
        if aborted > 0 {
            tracing::warn!(node = %self.0.path, aborted, "tasks did not end in time");
            // An error here means a task that never waits: counted as aborted all the same.
            time::timeout(ABORT_GRACE, self.0.tracker.wait()).await.ok();
        }
        aborted
    }
}

impl core::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tasks")
            .field("path", &self.0.path)
            .field("running", &self.running())
            .field("panics", &self.panics())
            .finish_non_exhaustive()
    }
}

impl Node {
    /// This node and all above it.
    fn line(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        core::iter::successors(Some(self), |node| node.parent.as_ref())
    }

    /// Visits this node and all below it.
    fn for_each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        let children: Vec<_> = lock(&self.children)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for child in children {
            child.for_each(visit);
        }
    }

    fn count_panic(self: &Arc<Self>) {
        for node in self.line() {
            node.panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Takes its task from the list of those running, however the task ends.
struct Running {
    node: Arc<Node>,
    id: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.node.running).remove(&self.id);
    }
}

/// A spawned task, for waiting for its end.
#[derive(Debug)]
pub(crate) struct TaskHandle(Option<JoinHandle<TaskEnd>>);

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    /// Its future completed.
    Finished,
    /// It panicked; logged and counted.
    Panicked,
    /// It was aborted, or never began because its node was closed.
    Aborted,
}

/// Waits for the end of the task. Cancel safe.
impl Future for TaskHandle {
    type Output = TaskEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskEnd> {
        match &mut self.0 {
            None => Poll::Ready(TaskEnd::Aborted),
            Some(handle) => Pin::new(handle).poll(context).map(ended),
        }
    }
}

fn ended(result: Result<TaskEnd, JoinError>) -> TaskEnd {
    match result {
        Ok(end) => end,
        Err(error) if error.is_panic() => TaskEnd::Panicked,
        Err(_) => TaskEnd::Aborted,
    }
}

fn spawn_on<F>(runtime: &Handle, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    runtime.spawn(future)
}

fn message(panic: &(dyn core::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn close_waits_for_tasks_that_listen() {
        let root = Tasks::root("node");
        let child = root.child("streams");
        assert!(format!("{child:?}").contains("node/streams"));
        let cancelled = child.shutdown().cancelled();
        let handle = child.spawn("listener", cancelled);
        assert_eq!((root.running(), child.running()), (1, 1));
        assert_eq!(root.close(DEADLINE).await, 0);
        assert_eq!(handle.await, TaskEnd::Finished);
        assert_eq!(root.running(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn close_aborts_those_that_do_not() {
        let root = Tasks::root("node");
        let child = root.child("streams");
        let deaf = child.spawn("deaf", core::future::pending());
        let also = root.spawn("also", core::future::pending());
        assert_eq!(root.close(DEADLINE).await, 2);
        assert_eq!(
            (deaf.await, also.await),
            (TaskEnd::Aborted, TaskEnd::Aborted)
        );
        assert_eq!(root.running(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_closes_alone() {
        let root = Tasks::root("node");
        let (left, right) = (root.child("left"), root.child("right"));
        let stays = right.spawn("stays", core::future::pending());
        let goes = left.spawn("goes", core::future::pending());
        assert_eq!(left.close(DEADLINE).await, 1);
        assert_eq!(goes.await, TaskEnd::Aborted);
        assert!(!root.shutdown().is_cancelled());
        assert_eq!(root.running(), 1);
        assert_eq!(root.close(DEADLINE).await, 1);
        assert_eq!(stays.await, TaskEnd::Aborted);
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_ends_only_its_task() {
        let root = Tasks::root("node");
        let child = root.child("streams");
        let other = child.spawn("other", child.shutdown().cancelled());
        let panics = child.spawn("panics", async { panic!("on purpose") });
        assert_eq!(panics.await, TaskEnd::Panicked);
        assert_eq!((root.panics(), child.panics()), (1, 1));
        assert_eq!(root.running(), 1);
        assert_eq!(root.close(DEADLINE).await, 0);
        assert_eq!(other.await, TaskEnd::Finished);
    }

    #[tokio::test]
    async fn nothing_starts_on_a_closed_node() {
        let root = Tasks::root("node");
        let child = root.child("streams");
        root.close(DEADLINE).await;
        for tasks in [&root, &child, &root.child("late")] {
            assert_eq!(tasks.spawn("late", async {}).await, TaskEnd::Aborted);
        }
    }

    #[tokio::test]
    async fn spawns_from_other_threads() {
        let root = Tasks::root("node");
        let tasks = root.clone();
        let thread = std::thread::spawn(move || tasks.spawn("remote", async {}));
        assert_eq!(thread.join().unwrap().await, TaskEnd::Finished);
    }
}
