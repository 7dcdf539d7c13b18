//! The table as it stands in a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::answers::{Answers, Run};
use super::{EXPIRED_MAX, SESSION_WINDOW, SESSIONS_MAX, Session, SessionTable};
use crate::primitives::Bytes;

/// The version of this form.
const VERSION: u8 = 1;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    version: u8,
    now_ms: u64,
    /// The most silent first.
    sessions: Vec<StoredSession>,
    /// The oldest first.
    expired: Vec<Id>,
}

/// The two halves of a session's name, the high one first.
type Id = (u64, u64);

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredSession {
    id: Id,
    next_seq: u64,
    active_ms: u64,
    runs: Vec<StoredRun>,
}

/// A run; its first number follows from the ones after it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredRun {
    first_index: u64,
    term: u64,
    count: u64,
    responses: VecDeque<Bytes>,
}

fn halves(id: u128) -> Id {
    let bytes = id.to_be_bytes();
    let half = |range: core::ops::Range<usize>| {
        let bytes = bytes[range].try_into();
        u64::from_be_bytes(bytes.expect("invariant: half of 16 bytes is 8"))
    };
    (half(0..8), half(8..16))
}

fn whole((high, low): Id) -> u128 {
    (u128::from(high) << 64) | u128::from(low)
}

impl From<&SessionTable> for Stored {
    fn from(table: &SessionTable) -> Self {
        let sessions = table.silence.values().filter_map(|id| {
            let session = table.sessions.get(id)?;
            let runs = session.answers.runs().map(|run| StoredRun {
                first_index: run.first_index,
                term: run.term,
                count: run.count,
                responses: run.responses.clone(),
            });
            Some(StoredSession {
                id: halves(*id),
                next_seq: session.next_seq,
                active_ms: session.active_ms,
                runs: runs.collect(),
            })
        });
        Self {
            version: VERSION,
            now_ms: table.now_ms,
            sessions: sessions.collect(),
            expired: table.expired.iter().map(|id| halves(*id)).collect(),
        }
    }
}

/// Why a table from a peer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum StoredError {
    #[error("sessions in version {0}, this is version {VERSION}")]
    Version(u8),
    #[error("more sessions than {SESSIONS_MAX}")]
    TooMany,
    #[error("a session that no replica would have kept")]
    Inconsistent,
}

impl TryFrom<Stored> for SessionTable {
    type Error = StoredError;

    fn try_from(stored: Stored) -> Result<Self, StoredError> {
        if stored.version != VERSION {
            return Err(StoredError::Version(stored.version));
        }
        if stored.sessions.len() > SESSIONS_MAX || stored.expired.len() > EXPIRED_MAX {
            return Err(StoredError::TooMany);
        }
        let mut table = Self {
            now_ms: stored.now_ms,
            ..Self::default()
        };
        for session in stored.sessions {
            let id = whole(session.id);
            let restored = restore(session, table.turn).ok_or(StoredError::Inconsistent)?;
            if restored.active_ms > table.now_ms || table.sessions.contains_key(&id) {
                return Err(StoredError::Inconsistent);
            }
            table.turn += 1;
            table.insert(id, Arc::new(restored));
        }
        for id in stored.expired {
            table.expired.push_back(whole(id));
            table.expired_set.insert(whole(id));
        }
        Ok(table)
    }
}

fn restore(stored: StoredSession, turn: u64) -> Option<Session> {
    let mut kept: u64 = 0;
    for run in &stored.runs {
        kept = kept.checked_add(run.count)?;
    }
    if kept > SESSION_WINDOW {
        return None;
    }
    let mut first_seq = stored.next_seq.checked_sub(kept)?;
    let mut answers = Answers::default();
    for run in stored.runs {
        let count = run.count;
        answers.append(Run {
            first_seq,
            first_index: run.first_index,
            term: run.term,
            count,
            responses: run.responses,
        })?;
        first_seq += count;
    }
    Some(Session {
        next_seq: stored.next_seq,
        active_ms: stored.active_ms,
        turn,
        answers,
    })
}

impl Serialize for SessionTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Self::try_from(stored).map_err(de::Error::custom)
    }
}
