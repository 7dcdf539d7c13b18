//! What a collection can say about itself.

use core::fmt;

use super::{StoreId, Version};
use crate::groups;
use crate::primitives::Short;

/// A collection as this node sees it now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The kind: `map`, `vec`, `set`, `cell`, `once`, `depq`, `ordered_map`.
    pub kind: &'static str,
    /// The store.
    pub store_id: StoreId,
    /// Whether this handle may write.
    pub is_writer: bool,
    /// The last write that is visible here.
    pub version: Version,
    /// How many items there are here.
    pub len: usize,
    /// Whether the collection is up to date here, and writes can be expected to work.
    pub is_online: bool,
    /// Why not, and what can be done; `None` if it is online.
    pub why_offline: Option<String>,
    /// The group that replicates it.
    pub group: groups::Status,
}

impl Status {
    pub(super) fn new(
        kind: &'static str,
        store_id: StoreId,
        is_writer: bool,
        version: Version,
        len: usize,
        group: groups::Status,
    ) -> Self {
        let reached = Reached {
            has_stopped: group.role == groups::Role::Stopped,
            voters_count: group.voters.len(),
            bonded_count: group.voters.iter().filter(|voter| voter.is_bonded).count(),
            has_history: group.lineage.is_some(),
        };
        let why_offline = (!group.is_online).then(|| {
            let advice = reached.advice(is_writer);
            match &group.why_offline {
                Some(reason) => format!("{advice}; {reason}"),
                None => advice.to_owned(),
            }
        });
        Self {
            kind,
            store_id,
            is_writer,
            version,
            len,
            is_online: group.is_online,
            why_offline,
            group,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.is_writer { "writer" } else { "reader" };
        write!(
            f,
            "{} {} ({role}): {} items at version {}, ",
            self.kind,
            Short(&self.store_id),
            self.len,
            self.version
        )?;
        match &self.why_offline {
            None => f.write_str("online"),
            Some(reason) => write!(f, "offline: {reason}"),
        }
    }
}

/// Which of those who decide can be reached.
struct Reached {
    has_stopped: bool,
    voters_count: usize,
    bonded_count: usize,
    has_history: bool,
}

impl Reached {
    /// What is wrong and what can be done about it, in words.
    const fn advice(&self, is_writer: bool) -> &'static str {
        match self {
            Self {
                has_stopped: true, ..
            } => {
                "this replica has stopped for good: reads go on from what is here; close its handles on this \
                 node and open it again to follow the others"
            }
            Self {
                has_history: false, ..
            } if is_writer => {
                "this writer has not found others yet, nor begun on its own: it does within seconds"
            }
            Self {
                has_history: false, ..
            } => {
                "no writer of this collection has been found: readers begin nothing on their own, \
                 so open it with `writer` on some node that this one can reach"
            }
            Self {
                voters_count: 1..,
                bonded_count: 0,
                ..
            } => {
                "no voter is left: reads go on from what is here, and writes wait; bring a writer back \
                 that had the collection, or open it with `writer` on this node to take it over"
            }
            Self {
                voters_count,
                bonded_count,
                ..
            } if *voters_count > 0 && *bonded_count * 2 <= *voters_count => {
                "too few writers can be reached to decide anything: reads go on from what is here; bring \
                 the other writers back, or wait until they are replaced"
            }
            _ => "the writers are choosing a leader, or this replica is catching up: wait",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_in_words() {
        // (voters, bonded, has history, writer) -> the beginning
        let table = [
            ((0, 0, false, true), "this writer has not found others"),
            ((0, 0, false, false), "no writer of this collection"),
            ((0, 0, true, false), "the writers are choosing"),
            ((1, 0, true, false), "no voter is left"),
            ((3, 1, true, true), "too few writers"),
            ((3, 2, true, true), "the writers are choosing"),
        ];
        for ((voters_count, bonded_count, has_history, is_writer), expected) in table {
            let mut reached = Reached {
                has_stopped: false,
                voters_count,
                bonded_count,
                has_history,
            };
            let advice = reached.advice(is_writer);
            assert!(advice.starts_with(expected), "{advice}");
            reached.has_stopped = true;
            assert!(
                reached
                    .advice(is_writer)
                    .starts_with("this replica has stopped")
            );
        }
    }
}
