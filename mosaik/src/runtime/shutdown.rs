//! The wish to end, passed from parents to children.

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A wish to end that, once expressed, stays. Clones are one; children also follow their parent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown(CancellationToken);

impl Shutdown {
    /// A root, not cancelled.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Cancelled with this one, or alone.
    #[must_use]
    pub(crate) fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Asks everybody who holds this or a child of it to end.
    pub(crate) fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether ending was asked for.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until ending is asked for. Cancel safe.
    pub(crate) fn cancelled(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn goes_down_the_tree_but_not_up() {
        let root = Shutdown::new();
        let (left, right) = (root.child(), root.child());
        let leaf = left.child();
        left.cancel();
        leaf.cancelled().await;
        assert!(leaf.is_cancelled() && !right.is_cancelled() && !root.is_cancelled());
        root.cancel();
        right.clone().cancelled().await;
        assert!(root.child().is_cancelled());
    }
}
