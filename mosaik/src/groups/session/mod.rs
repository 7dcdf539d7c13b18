//! Each command once, in the order of its caller, however often it is sent.
//!
//! A caller numbers its commands. Every replica keeps, as part of the replicated state, the next number of every
//! session and the last answers: a repeated command is answered from there, one that came too early is refused. What
//! is kept is the same on every replica, because it depends on nothing but the commands and the times that leaders
//! have put beside them.
//!
//! ```text
//! table.advance(batch.stamp_ms);                       // once for a batch
//! let mut session = table.open(batch.session);         // one look-up for a batch
//! for (seq, command) in (batch.first_seq..).zip(batch.commands) {
//!     match session.judge(seq) {
//!         Judged::Apply => { let answer = apply(command); session.record(seq, answer); }
//!         Judged::Repeated(answer) => ..,              // what it was answered the first time
//!         Judged::Forgotten => ..,                     // it was applied; its answer is not kept any more
//!         Judged::Gap { expected } => break,           // send again from there
//!         Judged::Expired => break,                    // take another session; what became of it is unknown
//!     }
//! }
//! ```

use std::sync::Arc;

use imbl::{HashMap, OrdMap};

mod answers;
pub(crate) use answers::Answer;
use answers::Answers;

mod digest;
pub(crate) use digest::{EntryDigest, StateDigest};

mod stored;

#[cfg(test)]
mod tests;

/// The number of the first command of each session.
pub(crate) const SESSION_FIRST_SEQ: u64 = 1;

/// Answers kept for each session. Nobody may have more commands under way in one session: the answers to the others
/// are gone.
pub(crate) const SESSION_WINDOW: u64 = 16_384;

/// Sessions kept; beyond them, the one that was silent for longest expires.
pub(crate) const SESSIONS_MAX: usize = 16_384;

/// What the responses of all sessions may take. Over it, those of the session that was silent for longest are
/// forgotten first.
pub(crate) const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Silence after which a session expires, by the times that leaders have put beside commands. Far above every
/// deadline, so that nobody still waits for an answer.
pub(crate) const SESSION_IDLE_MS_MAX: u64 = 60 * 60 * 1000;

/// Expired sessions whose names are kept, so that a late repetition is not taken for the start of a new session.
pub(crate) const EXPIRED_MAX: usize = 16_384;

/// The sessions of a group: part of its replicated state. Cloning it is cheap: clones share what neither changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionTable {
    sessions: HashMap<u128, Arc<Session>>,
    /// Sessions by when they were heard last, the most silent first.
    silence: OrdMap<u64, u128>,
    /// Those of them whose answers have responses.
    responding: OrdMap<u64, u128>,
    /// The next key of `silence`.
    turn: u64,
    response_bytes: usize,
    expired: imbl::Vector<u128>,
    expired_set: imbl::HashSet<u128>,
    /// Replicated time.
    now_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    next_seq: u64,
    active_ms: u64,
    /// Its key in `silence`.
    turn: u64,
    answers: Answers,
}

/// What to do with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Apply it, and [record](OpenSession::record) the answer.
    Apply,
    /// It was applied before; this was the answer.
    Repeated(Answer),
    /// It was applied before, and the answer is not kept any more.
    Forgotten,
    /// A command before it has not come yet. Nothing was done.
    ///
    /// A caller that has already got an answer to `expected` has an expired session of which not even the name is
    /// kept.
    Gap {
        /// The number that has to come first.
        expected: u64,
    },
    /// The session was silent for too long: whether the command was applied before is not known any more.
    Expired,
}

impl SessionTable {
    /// Moves the replicated time to `utc_ms`, or leaves it where it is if that is in its past; sessions that have been
    /// silent for too long expire. Tells the time.
    ///
    /// A leader whose calendar is far ahead makes sessions expire early, which their callers are told.
    pub(crate) fn advance(&mut self, utc_ms: u64) -> u64 {
        self.now_ms = self.now_ms.max(utc_ms);
        while let Some((_, id)) = self.silence.get_min() {
            let id = *id;
            let active_ms = self
                .sessions
                .get(&id)
                .map_or(0, |session| session.active_ms);
            if self.now_ms - active_ms < SESSION_IDLE_MS_MAX {
                break;
            }
            self.expire(id);
        }
        self.now_ms
    }

    /// How many sessions are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The session, for a batch of its commands. A new one begins with its first command.
    pub(crate) fn open(&mut self, id: u128) -> OpenSession<'_> {
        let session = self.sessions.remove(&id);
        if let Some(session) = &session {
            self.silence.remove(&session.turn);
            self.responding.remove(&session.turn);
            self.response_bytes -= session.answers.bytes();
        }
        OpenSession {
            is_expired: session.is_none() && self.expired_set.contains(&id),
            table: self,
            id,
            session,
            is_changed: false,
        }
    }

    /// What to do with one command; changes nothing.
    #[cfg(test)]
    pub(crate) fn judge(&self, id: u128, seq: u64) -> Judged {
        let session = self.sessions.get(&id).map(|session| &**session);
        judge(session, self.expired_set.contains(&id), seq)
    }

    /// The answers that are kept of a session from `seq` on, with their numbers: what a caller may still be waiting
    /// for when a snapshot was installed.
    pub(crate) fn answers_from(&self, id: u128, seq: u64) -> impl Iterator<Item = (u64, Answer)> {
        let session = self.sessions.get(&id);
        let range = session.map_or(0..0, |session| {
            let kept = session.next_seq - session.answers.count();
            seq.max(kept)..session.next_seq
        });
        range.filter_map(move |seq| Some((seq, session?.answers.find(seq)?)))
    }

    fn expire(&mut self, id: u128) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.silence.remove(&session.turn);
        self.responding.remove(&session.turn);
        self.response_bytes -= session.answers.bytes();
        self.expired_set.insert(id);
        self.expired.push_back(id);
        if self.expired.len() > EXPIRED_MAX
            && let Some(oldest) = self.expired.pop_front()
        {
            self.expired_set.remove(&oldest);
        }
    }

    /// Takes a session in whose `turn` is not used by another one.
    fn insert(&mut self, id: u128, session: Arc<Session>) {
        self.silence.insert(session.turn, id);
        if session.answers.bytes() > 0 {
            self.responding.insert(session.turn, id);
        }
        self.response_bytes += session.answers.bytes();
        self.sessions.insert(id, session);
    }

    fn enforce_limits(&mut self) {
        while self.sessions.len() > SESSIONS_MAX
            && let Some((_, id)) = self.silence.get_min()
        {
            let id = *id;
            self.expire(id);
        }
        while self.response_bytes > RESPONSE_BYTES_MAX
            && let Some((turn, id)) = self.responding.get_min()
        {
            let (turn, id) = (*turn, *id);
            let excess = self.response_bytes - RESPONSE_BYTES_MAX;
            let Some(session) = self.sessions.get_mut(&id) else {
                return;
            };
            let answers = &mut Arc::make_mut(session).answers;
            let before = answers.bytes();
            answers.keep_bytes(before.saturating_sub(excess));
            self.response_bytes -= before - answers.bytes();
            if answers.bytes() == 0 {
                self.responding.remove(&turn);
            }
        }
    }
}

/// Equal if they answer alike now and for ever.
impl PartialEq for SessionTable {
    fn eq(&self, other: &Self) -> bool {
        stored::Stored::from(self) == stored::Stored::from(other)
    }
}

fn judge(session: Option<&Session>, is_expired: bool, seq: u64) -> Judged {
    let expected = match session {
        Some(session) => session.next_seq,
        None if is_expired => return Judged::Expired,
        None => SESSION_FIRST_SEQ,
    };
    if seq == expected {
        return Judged::Apply;
    }
    if seq > expected {
        return Judged::Gap { expected };
    }
    let answer = session.and_then(|session| session.answers.find(seq));
    answer.map_or(Judged::Forgotten, Judged::Repeated)
}

/// One session while a batch of its commands is applied. What was recorded counts once this is dropped.
#[derive(Debug)]
pub(crate) struct OpenSession<'a> {
    table: &'a mut SessionTable,
    id: u128,
    session: Option<Arc<Session>>,
    is_expired: bool,
    is_changed: bool,
}

impl OpenSession<'_> {
    /// What to do with a command.
    pub(crate) fn judge(&self, seq: u64) -> Judged {
        judge(self.session.as_deref(), self.is_expired, seq)
    }

    /// Keeps the answer to the command that was to be applied. Anything but the next number is ignored.
    pub(crate) fn record(&mut self, seq: u64, answer: Answer) {
        if self.judge(seq) != Judged::Apply {
            return;
        }
        self.is_changed = true;
        let session = self.session.get_or_insert_with(|| {
            Arc::new(Session {
                next_seq: SESSION_FIRST_SEQ,
                active_ms: 0,
                turn: 0,
                answers: Answers::default(),
            })
        });
        let session = Arc::make_mut(session);
        session.next_seq = seq.saturating_add(1);
        session.answers.push(seq, answer);
        session.answers.keep_last(SESSION_WINDOW);
    }
}

impl Drop for OpenSession<'_> {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        // A repetition shows that somebody still waits: the session is not silent.
        let live = Arc::make_mut(&mut session);
        live.active_ms = self.table.now_ms;
        live.turn = self.table.turn;
        self.table.turn += 1;
        self.table.insert(self.id, session);
        if self.is_changed {
            self.table.enforce_limits();
        }
    }
}
