//! Waiting for what happens to a collection.

use core::future::Future;

use super::Version;
use super::view::Published;
use crate::groups;
use crate::runtime::Observable;

/// Waits for what happens to a collection on this node.
///
/// Every future looks out from when it is made, not from when it is first polled, and borrows nothing.
#[derive(Clone, Debug)]
pub struct When {
    group: groups::When,
    published: Observable<Published>,
}

impl When {
    pub(super) const fn new(group: groups::When, published: Observable<Published>) -> Self {
        Self { group, published }
    }

    /// Until the collection is up to date here, and writes can be expected to work.
    pub fn online(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.group.online()
    }

    /// Until it is not, or not any more.
    pub fn offline(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.group.offline()
    }

    /// Until the next write is visible here, whether it changes something or not.
    pub fn updated(&self) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        let before = self.published.read(|published| published.count);
        self.published
            .condition(move |published| published.count != before)
    }

    /// Until the write with this version is visible here: at once if it is.
    pub fn reaches(
        &self,
        version: Version,
    ) -> impl Future<Output = ()> + Send + Sync + 'static + use<> {
        self.published
            .condition(move |published| published.version >= version.0)
    }
}
