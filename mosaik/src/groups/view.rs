//! What everybody may watch of a member: its leader, and how far it is.

use super::{Cursor, Index};
use crate::{primitives::PeerId, runtime::Observable};

/// A member as it sees itself.
#[derive(Debug, Clone, Default)]
pub(in crate::groups) struct View {
    /// The leader that this member follows, or itself.
    pub(in crate::groups) leader: Option<PeerId>,
    /// Whether commands and strong queries can be expected to work.
    pub(in crate::groups) is_online: bool,
    /// The last command applied here.
    pub(in crate::groups) committed: Counted<Index>,
    /// The last command in the log here, with its term.
    pub(in crate::groups) log: Counted<Cursor>,
}

/// A position, and how often it changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::groups) struct Counted<T> {
    pub(in crate::groups) value: T,
    pub(in crate::groups) changes_count: u64,
}

impl<T: PartialEq> Counted<T> {
    /// Whether that changed anything.
    pub(in crate::groups) fn set(&mut self, value: T) -> bool {
        let is_new = self.value != value;
        if is_new {
            self.value = value;
            self.changes_count += 1;
        }
        is_new
    }
}

/// The view, watched.
pub(in crate::groups) type Views = Observable<View>;
